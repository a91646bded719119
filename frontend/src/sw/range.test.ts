// @vitest-environment node
import { describe, expect, it } from "vitest";
import { parseRange } from "./range";

describe("a player's Range header", () => {
  it.each([
    ["bytes=0-", { start: 0, end: null }],
    ["bytes=0-0", { start: 0, end: 1 }],
    ["bytes=4096-8191", { start: 4096, end: 8192 }],
  ])("%s", (header, range) => {
    expect(parseRange(header)).toEqual(range);
  });

  it.each([null, "", "bytes=", "bytes=-5", "bytes=9-3", "bytes=0-1,5-6", "lines=0-1", "bytes=0x10-", "bytes=9999999999999999-"])("refuses %s", (header) => {
    expect(parseRange(header)).toBeNull();
  });
});
