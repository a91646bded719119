// The few MP4 boxes the player reads and the one it writes (ISO/IEC 14496-12): times of a fragment, and the segment index.
import type { Bytes } from "../vault";

export interface Box {
  readonly type: string;
  /** Of the box's content, after its header. */
  readonly start: number;
  readonly end: number;
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The boxes of a range, in order; a broken size ends the list. */
export function boxes(bytes: Uint8Array, start = 0, end = bytes.length): Box[] {
  const data = view(bytes);
  const out: Box[] = [];
  let at = start;
  while (at + 8 <= end) {
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    const short = data.getUint32(at);
    const large = short === 1 && at + 16 <= end;
    const size = large ? Number(data.getBigUint64(at + 8)) : short === 0 ? end - at : short;
    const header = large ? 16 : 8;
    if (size < header || at + size > end) break;
    out.push({ type, start: at + header, end: at + size });
    at += size;
  }
  return out;
}

export function find(bytes: Uint8Array, path: readonly string[], within?: Box): Box | undefined {
  let box = within;
  for (const type of path) {
    box = boxes(bytes, box?.start, box?.end).find((child) => child.type === type);
    if (box === undefined) return undefined;
  }
  return box;
}

export interface Track {
  readonly id: number;
  readonly timescale: number;
  readonly defaultDuration: number;
}

/** The picture track of an init segment. */
export function videoTrack(init: Uint8Array): Track | undefined {
  const moov = find(init, ["moov"]);
  if (moov === undefined) return undefined;
  const data = view(init);
  for (const trak of boxes(init, moov.start, moov.end).filter((box) => box.type === "trak")) {
    const tkhd = find(init, ["tkhd"], trak);
    const mdhd = find(init, ["mdia", "mdhd"], trak);
    const hdlr = find(init, ["mdia", "hdlr"], trak);
    if (tkhd === undefined || mdhd === undefined || hdlr === undefined || tkhd.end - tkhd.start < 24) continue;
    if (String.fromCharCode(...init.subarray(hdlr.start + 8, hdlr.start + 12)) !== "vide") continue;
    const id = data.getUint32(tkhd.start + (init[tkhd.start] === 1 ? 20 : 12));
    const timescale = data.getUint32(mdhd.start + (init[mdhd.start] === 1 ? 20 : 12));
    return { id, timescale, defaultDuration: defaultDuration(init, moov, id) };
  }
  return undefined;
}

function defaultDuration(init: Uint8Array, moov: Box, id: number): number {
  const mvex = find(init, ["mvex"], moov);
  if (mvex === undefined) return 0;
  const data = view(init);
  const trex = boxes(init, mvex.start, mvex.end).find((box) => box.type === "trex" && data.getUint32(box.start + 4) === id);
  return trex === undefined ? 0 : data.getUint32(trex.start + 12);
}

/**
 * Lets a fragment's `mdat` reach over the padding behind it. FFmpeg, and Chromium with it, loses its place between indexed
 * fragments that other boxes separate: after a few seeks it reads them twice, and the decoder fails.
 */
export function absorbPadding(fragment: Bytes): Bytes {
  const [mdat, free] = boxes(fragment).slice(-2);
  const plain = mdat?.type === "mdat" && free?.type === "free" && free.end === fragment.length;
  const at = (mdat?.start ?? 0) - 8;
  const data = view(fragment);
  // A size of 1 stands for a 64-bit size behind it: no camera's second is that large.
  if (plain && at >= 0 && data.getUint32(at) > 1) data.setUint32(at, fragment.length - at);
  return fragment;
}

export interface Span {
  readonly start: number;
  readonly duration: number;
}

/** Decode time and duration of a track within a fragment, in the track's ticks. */
export function fragmentSpan(fragment: Uint8Array, track: Track): Span | undefined {
  const moof = find(fragment, ["moof"]);
  if (moof === undefined) return undefined;
  const data = view(fragment);
  for (const traf of boxes(fragment, moof.start, moof.end).filter((box) => box.type === "traf")) {
    const tfhd = find(fragment, ["tfhd"], traf);
    const tfdt = find(fragment, ["tfdt"], traf);
    if (tfhd === undefined || tfdt === undefined || data.getUint32(tfhd.start + 4) !== track.id) continue;
    const start = fragment[tfdt.start] === 1 ? Number(data.getBigUint64(tfdt.start + 4)) : data.getUint32(tfdt.start + 4);
    const each = tfhdDuration(data, tfhd) ?? track.defaultDuration;
    const runs = boxes(fragment, traf.start, traf.end).filter((box) => box.type === "trun");
    return { start, duration: runs.reduce((sum, run) => sum + trunDuration(data, run, each), 0) };
  }
  return undefined;
}

function tfhdDuration(data: DataView, box: Box): number | undefined {
  const flags = data.getUint32(box.start) & 0xffffff;
  if ((flags & 0x8) === 0) return undefined;
  const at = box.start + 8 + ((flags & 0x1) !== 0 ? 8 : 0) + ((flags & 0x2) !== 0 ? 4 : 0);
  return data.getUint32(at);
}

function trunDuration(data: DataView, box: Box, each: number): number {
  const flags = data.getUint32(box.start) & 0xffffff;
  const count = data.getUint32(box.start + 4);
  if ((flags & 0x100) === 0) return count * each;
  const perSample = 4 * [0x100, 0x200, 0x400, 0x800].filter((bit) => (flags & bit) !== 0).length;
  let at = box.start + 8 + ((flags & 0x1) !== 0 ? 4 : 0) + ((flags & 0x4) !== 0 ? 4 : 0);
  let sum = 0;
  for (let i = 0; i < count && at + perSample <= box.end; i += 1, at += perSample) sum += data.getUint32(at);
  return sum;
}

/** Whether the first picture of a fragment needs no other to be decoded. */
export function beginsWithKey(fragment: Uint8Array, track: Track): boolean {
  const moof = find(fragment, ["moof"]);
  if (moof === undefined) return false;
  const data = view(fragment);
  for (const traf of boxes(fragment, moof.start, moof.end).filter((box) => box.type === "traf")) {
    const tfhd = find(fragment, ["tfhd"], traf);
    const trun = find(fragment, ["trun"], traf);
    if (tfhd === undefined || trun === undefined || data.getUint32(tfhd.start + 4) !== track.id) continue;
    const flags = firstFlags(data, trun) ?? tfhdFlags(data, tfhd) ?? 0;
    return (flags & 0x10000) === 0; // sample_is_non_sync_sample
  }
  return false;
}

function firstFlags(data: DataView, trun: Box): number | undefined {
  const flags = data.getUint32(trun.start) & 0xffffff;
  const at = trun.start + 8 + ((flags & 0x1) !== 0 ? 4 : 0);
  if ((flags & 0x4) !== 0) return data.getUint32(at);
  if ((flags & 0x400) === 0) return undefined;
  return data.getUint32(at + ((flags & 0x100) !== 0 ? 4 : 0) + ((flags & 0x200) !== 0 ? 4 : 0));
}

function tfhdFlags(data: DataView, box: Box): number | undefined {
  const flags = data.getUint32(box.start) & 0xffffff;
  if ((flags & 0x20) === 0) return undefined;
  const before = ((flags & 0x1) !== 0 ? 8 : 0) + [0x2, 0x8, 0x10].filter((bit) => (flags & bit) !== 0).length * 4;
  return data.getUint32(box.start + 8 + before);
}

export interface IndexEntry {
  readonly size: number;
  readonly duration: number;
  readonly key: boolean;
}

// reference_count is sixteen bits wide.
export const MOST_INDEXED = 65_535;

export function sidxSize(entries: number): number {
  return 40 + 12 * entries;
}

/** A segment index that stands directly before the fragments it lists. */
export function sidx(track: number, timescale: number, earliest: number, entries: readonly IndexEntry[]): Bytes {
  const out = new Uint8Array(sidxSize(entries.length));
  const data = view(out);
  data.setUint32(0, out.length);
  out.set([0x73, 0x69, 0x64, 0x78, 1], 4); // "sidx", version 1: 64-bit times
  data.setUint32(12, track);
  data.setUint32(16, timescale);
  data.setBigUint64(20, BigInt(earliest));
  data.setBigUint64(28, 0n); // first_offset: the fragments follow at once
  data.setUint16(38, entries.length);
  for (const [i, entry] of entries.entries()) {
    const at = 40 + 12 * i;
    data.setUint32(at, entry.size);
    data.setUint32(at + 4, entry.duration);
    // starts_with_SAP and SAP_type 1 (a key frame first in decoding and presentation order)
    data.setUint32(at + 8, entry.key ? 0x90000000 : 0);
  }
  return out;
}
