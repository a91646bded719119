import { expect, it } from "vitest";
import { anEvent } from "@/test/events";
import { sharing } from "./useNeighbours";

const clip = (id: string) => [{ id, kind: "clip" as const, start: null, end: null, truncated: false }];

it("the other events of a clip are told, oldest first, and not this one", () => {
  const own = anEvent(5, { objects: clip("aa") });
  const events = [anEvent(9, { objects: clip("aa") }), own, anEvent(2, { objects: clip("aa") }), anEvent(3, { objects: clip("bb") }), anEvent(4)];
  expect(sharing(events, "aa", own.id).map((event) => event.id)).toEqual([anEvent(2).id, anEvent(9).id]);
});
