import { expect, it } from "vitest";
import { anEvent } from "@/test/events";
import { rowsOf } from "./rows";

const days = [
  { day: "2026-01-31", events: [anEvent(5), anEvent(4), anEvent(3), anEvent(2)] },
  { day: "2026-01-30", events: [anEvent(1)] },
];

it("a day is a title and rows of as many cards as fit, the last one not filled up", () => {
  const rows = rowsOf(days, 3);
  expect(rows.map((row) => (row.kind === "day" ? row.day : row.events.length))).toEqual(["2026-01-31", 3, 1, "2026-01-30", 1]);
});

it("on a phone every event is a row", () => {
  expect(rowsOf(days, 1).filter((row) => row.kind === "cards")).toHaveLength(5);
});

it("only the last day may still grow", () => {
  expect(rowsOf(days, 2).flatMap((row) => (row.kind === "day" ? [row.last] : []))).toEqual([false, true]);
});

it("no row's key stands twice", () => {
  const keys = rowsOf(days, 2).map((row) => row.key);
  expect(new Set(keys).size).toBe(keys.length);
});
