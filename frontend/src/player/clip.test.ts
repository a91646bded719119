// @vitest-environment node
// The clear file that a sealed clip would be: every byte in its place, fetched only when asked for.
import { beforeAll, describe, expect, it } from "vitest";
import type { Bytes, Created } from "../vault";
import { memorySource, type SealedObject } from "../vault";
import { makeHousehold, noise, reasonOf, sealedClip, type TestEdge } from "../vault/testing";
import { VirtualClip } from "./clip";
import { boxes } from "./mp4";
import { fragment, initSegment } from "./testing";

let home: Created & { edge: TestEdge };
let clip: { objectId: string; bytes: Bytes };
const SECOND = 15_360;
const COUNT = 10;

beforeAll(async () => {
  home = await makeHousehold();
  const fragments = Array.from({ length: COUNT }, (_, i) => ({
    bytes: fragment({ start: i * SECOND, count: 15, media: noise(60_000) }),
    start: i * SECOND,
    duration: SECOND,
    key: true,
  }));
  clip = await sealedClip(home.vault, home.edge, initSegment(), fragments);
});

interface Opened {
  readonly object: SealedObject;
  readonly reads: [number, number][];
}

async function open(bytes: Bytes): Promise<Opened> {
  const reads: [number, number][] = [];
  const memory = memorySource(bytes);
  const source = {
    read: (offset: number, length: number): ReturnType<typeof memory.read> => {
      reads.push([offset, length]);
      return memory.read(offset, length);
    },
  };
  const object = await home.vault.openObject(source, { objectId: clip.objectId, edge: home.edge.id, kind: "clip" });
  return { object, reads };
}

const never = new AbortController().signal;

async function whole(virtual: VirtualClip): Promise<Bytes> {
  const out = new Uint8Array(virtual.total);
  for (let at = 0; at < virtual.total; ) {
    const slice = await virtual.read(at, null);
    out.set(slice.bytes, at);
    at += slice.bytes.length;
  }
  return out;
}

describe("a complete clip", () => {
  it("is init segment, index and fragments in order, whatever slices it is read in", async () => {
    const virtual = await VirtualClip.open((await open(clip.bytes)).object, false, never);
    const file = await whole(virtual);
    const types = boxes(file).map((one) => one.type);
    expect(types).toEqual(["ftyp", "moov", "free", "sidx", ...Array.from({ length: COUNT }, () => ["moof", "mdat"]).flat()]);
    for (const [start, end] of [[0, 1], [4000, 4200], [4095, 4097], [70_000, 200_000], [virtual.total - 1, virtual.total]] as const) {
      expect((await virtual.read(start, end)).bytes).toEqual(file.slice(start, end));
    }
    expect(virtual.info).toMatchObject({ state: "complete", preCaptureSeconds: 5 });
  });

  it("fetches init and first fragment together, and no second time", async () => {
    const { object, reads } = await open(clip.bytes);
    reads.length = 0;
    const virtual = await VirtualClip.open(object, false, never);
    await virtual.read(0, null);
    expect(reads).toHaveLength(1);
    expect((reads[0]?.[1] ?? 0) < 80_000).toBe(true);
  });

  it("fetches one part for a seek into it, and none for its neighbours", async () => {
    const { object, reads } = await open(clip.bytes);
    const virtual = await VirtualClip.open(object, false, never);
    reads.length = 0;
    const seventh = object.parts[7];
    if (seventh === undefined) throw new Error("the clip has eleven parts");
    const shift = virtual.total - object.parts.reduce((sum, part) => sum + part.size - 20, 0);
    const at = object.parts.slice(0, 7).reduce((sum, part) => sum + part.size - 20, shift);
    await virtual.read(at, at + 100);
    expect(reads).toEqual([[seventh.offset, seventh.size]]);
  });

  it("asks once for what two readers want at the same time", async () => {
    const { object, reads } = await open(clip.bytes);
    const virtual = await VirtualClip.open(object, false, never);
    reads.length = 0;
    const [one, other] = await Promise.all([virtual.read(200_000, 200_010), virtual.read(200_000, 200_010)]);
    expect(one).toEqual(other);
    expect(reads).toHaveLength(1);
  });

  it("refuses ranges outside the file", async () => {
    const virtual = await VirtualClip.open((await open(clip.bytes)).object, false, never);
    expect(await reasonOf(virtual.read(virtual.total, null))).toBe("range");
    expect(await reasonOf(virtual.read(-1, 5))).toBe("range");
    expect(await reasonOf(virtual.read(9, 9))).toBe("range");
  });
});

describe("a clip that ends early", () => {
  it("is presented up to its last whole part, with a length from that part", async () => {
    const { object, reads } = await open(clip.bytes.slice(0, -5000));
    expect(object.state).toBe("truncated");
    const before = reads.reduce((sum, [, length]) => sum + length, 0);
    const virtual = await VirtualClip.open(object, false, never);
    expect(virtual.info.state).toBe("truncated");
    expect(virtual.info.durationSeconds).toBeCloseTo(object.parts.length - 1, 5);
    const after = reads.reduce((sum, [, length]) => sum + length, 0);
    expect(after - before).toBeLessThan(clip.bytes.length / 3);
    expect(boxes(await whole(virtual)).filter((one) => one.type === "moof")).toHaveLength(object.parts.length - 1);
  });

  it("says that it is still being recorded when the inventory knows no end", async () => {
    const virtual = await VirtualClip.open((await open(clip.bytes.slice(0, -5000))).object, true, never);
    expect(virtual.info.state).toBe("recording");
  });

  it("has nothing to play before its first second", async () => {
    const { object } = await open(clip.bytes);
    const first = object.parts[0];
    if (first === undefined) throw new Error("the clip has parts");
    const cut = clip.bytes.slice(0, first.offset + first.size);
    expect(await reasonOf(open(cut).then((one) => VirtualClip.open(one.object, false, never)))).toBe("damaged");
  });
});

describe("V2: a changed part", () => {
  it("is refused, and refused again, while the others stay readable", async () => {
    const { object } = await open(clip.bytes);
    const bent = clip.bytes.slice();
    const fifth = object.parts[5];
    if (fifth === undefined) throw new Error("the clip has eleven parts");
    bent[fifth.offset + 1000] = (bent[fifth.offset + 1000] ?? 0) ^ 1;
    const virtual = await VirtualClip.open((await open(bent)).object, false, never);
    await virtual.read(0, null);
    const inside = 4096 + 160 + 4 * (object.parts[1]?.size ?? 0) + 100;
    expect(await reasonOf(virtual.read(inside, inside + 10))).toBe("damaged");
    expect(await reasonOf(virtual.read(inside, inside + 10))).toBe("damaged");
    expect((await virtual.read(virtual.total - 10, virtual.total)).bytes).toHaveLength(10);
  });
});
