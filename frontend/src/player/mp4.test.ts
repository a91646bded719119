// @vitest-environment node
import { describe, expect, it } from "vitest";
import { concat, u32, utf8, type Bytes } from "../vault/bytes";
import { absorbPadding, beginsWithKey, boxes, find, fragmentSpan, sidx, sidxSize, videoTrack } from "./mp4";
import { box, fragment, initSegment } from "./testing";

describe("boxes of a stranger's file", () => {
  it.each([
    ["a size beyond the end", concat(u32(100), utf8("moof"))],
    ["a size smaller than its own header", concat(u32(4), utf8("moof"))],
    ["a large size of nothing", concat(u32(1), utf8("moof"), new Uint8Array(8))],
    ["three bytes", new Uint8Array(3)],
  ])("end the list: %s", (_what, bytes: Bytes) => {
    expect(boxes(bytes)).toEqual([]);
    expect(videoTrack(bytes)).toBeUndefined();
    expect(fragmentSpan(bytes, { id: 1, timescale: 1, defaultDuration: 1 })).toBeUndefined();
  });
});

describe("times of a fragment", () => {
  const track = { id: 7, timescale: 15_360, defaultDuration: 1024 };

  it("finds the picture track among others", () => {
    expect(videoTrack(initSegment())).toEqual(track);
  });

  it("adds up the durations its runs carry", () => {
    expect(fragmentSpan(fragment({ start: 30_720, durations: [1000, 1048, 1024] }), track)).toEqual({ start: 30_720, duration: 3072 });
  });

  it("takes the track's duration where runs carry none", () => {
    expect(fragmentSpan(fragment({ start: 0, count: 15 }), track)).toEqual({ start: 0, duration: 15 * 1024 });
  });

  it("takes the fragment's own default before the track's", () => {
    expect(fragmentSpan(fragment({ start: 5, count: 10, each: 512 }), track)).toEqual({ start: 5, duration: 5120 });
  });

  it("is undefined for a fragment of another track", () => {
    expect(fragmentSpan(fragment({ start: 0, count: 1 }), { ...track, id: 8 })).toBeUndefined();
  });
});

describe("the index made from the trailer", () => {
  it("stands directly before what it lists and marks key frames", () => {
    const index = sidx(7, 15_360, 1024, [
      { size: 8192, duration: 15_360, key: true },
      { size: 4096, duration: 15_000, key: false },
    ]);
    expect(index.length).toBe(sidxSize(2));
    expect(find(index, ["sidx"])).toMatchObject({ start: 8, end: index.length });
    const data = new DataView(index.buffer);
    expect([data.getUint32(12), data.getUint32(16), data.getBigUint64(20), data.getBigUint64(28), data.getUint16(38)]).toEqual([7, 15_360, 1024n, 0n, 2]);
    expect([data.getUint32(40), data.getUint32(44), data.getUint32(48)]).toEqual([8192, 15_360, 0x90000000]);
    expect([data.getUint32(52), data.getUint32(56), data.getUint32(60)]).toEqual([4096, 15_000, 0]);
  });

  it("is a box like others to a reader", () => {
    const file = concat(initSegment(), sidx(7, 1, 0, []), box("moof"));
    expect(boxes(file).map((one) => one.type)).toEqual(["ftyp", "moov", "sidx", "moof"]);
  });
});

describe("padding behind a fragment", () => {
  it("becomes part of its mdat, so that fragments touch", () => {
    const plain = fragment({ start: 0, count: 1 });
    const padded = concat(plain, box("free", new Uint8Array(100)));
    const absorbed = absorbPadding(padded.slice());
    expect(boxes(absorbed).map((one) => one.type)).toEqual(["moof", "mdat"]);
    expect(absorbed).toHaveLength(padded.length);
    expect(absorbPadding(plain.slice())).toEqual(plain);
  });

  it("is left alone where there is no mdat before it", () => {
    const odd = concat(box("moof"), box("free", new Uint8Array(10)));
    expect(absorbPadding(odd.slice())).toEqual(odd);
  });
});

describe("key frames", () => {
  const track = { id: 7, timescale: 15_360, defaultDuration: 1024 };

  it("are told by a fragment's own flags", () => {
    expect(beginsWithKey(fragment({ start: 0, count: 1, flags: 0x2000000 }), track)).toBe(true);
    expect(beginsWithKey(fragment({ start: 0, count: 1, flags: 0x1010000 }), track)).toBe(false);
    expect(beginsWithKey(fragment({ start: 0, count: 1, flags: 0x2000000 }), { ...track, id: 9 })).toBe(false);
    expect(beginsWithKey(new Uint8Array(4), track)).toBe(false);
  });
});
