import { describe, expect, it } from "vitest";
import { ago, bytes, codecName, dayTitle, duration, labelName, localDay, percent, playTime } from "./format";

describe("lengths", () => {
  it.each([
    [0, "0 s"],
    [7.4, "7 s"],
    [65, "1 min 05 s"],
    [7380, "2 h 03 min"],
    [-3, "0 s"],
  ])("%d seconds read %s", (seconds, text) => expect(duration(seconds)).toBe(text));
  it.each([
    [7.9, "0:07"],
    [754, "12:34"],
    [3723, "1:02:03"],
    [NaN, "0:00"],
    [Infinity, "0:00"],
  ])("the player shows %d seconds as %s", (seconds, text) => expect(playTime(seconds)).toBe(text));
});

describe("days", () => {
  const now = new Date(2026, 0, 31, 0, 5);
  it("today and yesterday are named, also just after midnight", () => {
    expect(dayTitle(localDay(now), now)).toMatch(/^Today, /);
    expect(dayTitle("2026-01-30", now)).toMatch(/^Yesterday, /);
  });
  it("another year is said", () => {
    expect(dayTitle("2025-12-24", now)).toContain("2025");
    expect(dayTitle("2026-01-20", now)).not.toContain("2026");
  });
});

it.each([
  [2, "just now"],
  [42, "42 s ago"],
  [180, "3 min ago"],
  [7300, "2 h ago"],
  [200_000, "2 days ago"],
])("%d seconds ago reads %s", (seconds, text) => {
  const now = new Date("2026-01-31T08:00:00Z");
  expect(ago(new Date(now.getTime() - seconds * 1000).toISOString(), now)).toBe(text);
});

it("sizes, labels, scores and codecs read as people write them", () => {
  expect([bytes(900), bytes(309_248), bytes(2_340_000), bytes(171_000_000_000)]).toEqual(["900 B", "309 kB", "2.3 MB", "171.0 GB"]);
  expect(labelName("traffic_light")).toBe("Traffic light");
  expect(percent(0.876)).toBe("88 %");
  expect([codecName("hevc"), codecName(""), codecName("vp9")]).toEqual(["H.265", "unknown", "vp9"]);
});
