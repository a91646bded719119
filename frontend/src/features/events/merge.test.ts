import { describe, expect, it } from "vitest";
import { anEvent } from "@/test/events";
import { byDay, flatten, mergeEvent } from "./merge";

const page = (seconds: number[], next: string | null = null) => ({ items: seconds.map((second) => anEvent(second)), next });
const ids = (pages: ReturnType<typeof mergeEvent>): string[] => flatten(pages).map((event) => event.id);

describe("a live event", () => {
  it("appears first when it is the newest", () => {
    const merged = mergeEvent([page([20, 10])], anEvent(30), {});
    expect(ids(merged)).toEqual([anEvent(30).id, anEvent(20).id, anEvent(10).id]);
  });

  it("is put in its place when it comes late", () => {
    const merged = mergeEvent([page([30, 20], "c"), page([10])], anEvent(15), {});
    expect(ids(merged)).toEqual([30, 20, 15, 10].map((second) => anEvent(second).id));
  });

  it("told twice is shown once", () => {
    const once = mergeEvent([page([10])], anEvent(20), {});
    expect(ids(mergeEvent(once, anEvent(20), {}))).toHaveLength(2);
  });

  it("takes the place of its older revision, wherever that is loaded", () => {
    const grown = anEvent(10, { revision: 2, label: "car", counter: 99 });
    const merged = mergeEvent([page([30, 20], "c"), page([10])], grown, {});
    expect(flatten(merged).filter((event) => event.id === grown.id)).toEqual([grown]);
  });

  it("does not undo a newer revision when an old one is repeated", () => {
    const grown = anEvent(10, { revision: 3, counter: 9 });
    const pages = [{ items: [grown], next: null }];
    expect(flatten(mergeEvent(pages, anEvent(10, { revision: 2 }), {}))).toEqual([grown]);
  });

  it("leaves a filtered list when its label no longer fits", () => {
    const merged = mergeEvent([page([10])], anEvent(10, { revision: 2, label: "dog", counter: 50 }), { label: "person" });
    expect(flatten(merged)).toEqual([]);
  });

  it("stays out of a list it does not fit", () => {
    expect(ids(mergeEvent([page([10])], anEvent(20, { camera_id: "yard" }), { camera: "front" }))).toHaveLength(1);
  });

  it("older than all that is loaded waits for its page", () => {
    expect(ids(mergeEvent([page([30, 20], "more")], anEvent(5), {}))).toHaveLength(2);
  });

  it("is the first of an empty list", () => {
    expect(ids(mergeEvent([page([])], anEvent(5), {}))).toEqual([anEvent(5).id]);
  });
});

it("pages that overlap show no event twice", () => {
  expect(flatten([page([30, 20], "c"), page([20, 10])])).toHaveLength(3);
});

it("events are grouped by their local day, in order", () => {
  const groups = byDay([anEvent(90), anEvent(60), anEvent(1)], (instant) => instant.slice(0, 16));
  expect(groups.map((group) => group.events.length)).toEqual([2, 1]);
});
