import { describe, expect, it } from "vitest";
import { anEvent } from "@/test/events";
import { cameraKey, matches, noFilters, readFilters, startOfDay, toQuery, writeFilters } from "./filters";

describe("filters in the address", () => {
  it("come back as they were written", () => {
    const filters = { camera: "front", label: "person", from: "2026-01-30", to: "2026-01-31" };
    expect(readFilters(writeFilters(filters))).toEqual(filters);
  });

  it("leave a clean address when nothing is filtered", () => {
    expect(writeFilters(noFilters).toString()).toBe("");
  });

  it("ignore what no filter can be", () => {
    const hostile = new URLSearchParams({ camera: "<script>", label: "a".repeat(500), from: "2026-13-45x", to: "yesterday" });
    expect(readFilters(hostile)).toEqual(noFilters);
  });
});

describe("days become instants", () => {
  it("from the first midnight up to, not including, the midnight after the last day", () => {
    const query = toQuery({ ...noFilters, from: "2026-01-30", to: "2026-01-31" });
    expect(query.from).toBe(startOfDay("2026-01-30").toISOString());
    expect(query.to).toBe(startOfDay("2026-02-01").toISOString());
  });

  it("also over the end of a month and a leap day", () => {
    expect(toQuery({ ...noFilters, to: "2028-02-28" }).to).toBe(startOfDay("2028-02-29").toISOString());
  });
});

describe("a live event belongs in the list shown", () => {
  const event = anEvent(5);
  it("when camera, label and time fit", () => {
    expect(matches(event, { camera: "front", label: "person", from: "2026-01-31T00:00:00Z", to: "2026-02-01T00:00:00Z" })).toBe(true);
  });
  it("also when the camera is named with its edge", () => {
    expect(matches(event, { camera: `${event.edge_id}/front` })).toBe(true);
    expect(matches(event, { camera: `${"ff".repeat(16)}/front` })).toBe(false);
  });
  it("not at the very instant the range ends", () => {
    expect(matches(event, { to: event.start })).toBe(false);
    expect(matches(event, { from: event.start })).toBe(true);
  });
});

it("a camera id that two edges share is told apart by its edge", () => {
  const all = [
    { edge: "a", id: "front" },
    { edge: "b", id: "front" },
    { edge: "a", id: "yard" },
  ];
  expect(all.map((camera) => cameraKey(camera, all))).toEqual(["a/front", "b/front", "yard"]);
});
