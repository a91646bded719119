import { expect, it } from "vitest";
import { opensAt } from "./opening";

const CLIP = "2026-01-31T08:00:00.000Z";

it("a clip of several events opens a moment before this one", () => {
  expect(opensAt("2026-01-31T08:00:22.000Z", CLIP, 60)).toBe(20.5);
});

it("an event at the clip's very beginning opens there", () => {
  expect(opensAt("2026-01-31T08:00:00.400Z", CLIP, 60)).toBe(0);
  expect(opensAt("2026-01-31T07:59:50.000Z", CLIP, 60)).toBe(0);
});

it("an event behind the end of what was recorded still shows a picture", () => {
  expect(opensAt("2026-01-31T08:02:00.000Z", CLIP, 60)).toBe(59.5);
  expect(opensAt("2026-01-31T08:02:00.000Z", CLIP, 0.2)).toBe(0);
});
