// A sealed clip as the clear file it would be: init segment, an index made here, fragments. No byte of it is opened before it is asked for.
import { plainSize } from "../vault/object";
import { VaultError, type Bytes, type PartEntry, type SealedObject } from "../vault";
import { RelayError } from "./errors";
import type { ClipInfo, ClipState } from "./media";
import { absorbPadding, beginsWithKey, fragmentSpan, MOST_INDEXED, sidx, videoTrack, type IndexEntry, type Track } from "./mp4";

/** One answer to the player is at most this long, so that a seek never waits for much. */
export const SLICE = 256 * 1024;
const CACHE_BYTES = 16 * 1024 * 1024;

export interface Slice {
  readonly start: number;
  readonly total: number;
  readonly bytes: Bytes;
}

interface Piece {
  readonly at: number;
  readonly size: number;
  /** Index of the part, or the made index itself. */
  readonly content: number | Bytes;
}

interface Times {
  readonly earliest: number;
  readonly durations: readonly number[];
  /** Which fragments begin with a key frame. */
  readonly keys: readonly boolean[];
}

// Without a table, key frames further apart than this many fragments are not looked for.
const LONGEST_GOP = 10;

export class VirtualClip {
  readonly info: ClipInfo;
  readonly total: number;
  readonly #cache: PartCache;
  readonly #pieces: readonly Piece[];

  private constructor(cache: PartCache, info: ClipInfo, pieces: readonly Piece[]) {
    this.#cache = cache;
    this.#pieces = pieces;
    this.info = info;
    const last = pieces[pieces.length - 1];
    this.total = last === undefined ? 0 : last.at + last.size;
  }

  static async open(object: SealedObject, growing: boolean, stop: AbortSignal): Promise<VirtualClip> {
    if (object.parts.length < 2) {
      throw growing
        ? new RelayError("not_found", "This clip has just begun. Its first second can be played in a moment.")
        : new VaultError("damaged", "This clip was cut off before its first second. There is nothing to play.");
    }
    const cache = new PartCache(object, stop);
    // The first fragment is what the player asks for next: it comes with the init segment, in one request.
    const [init] = await cache.get(0, 2);
    const track = init === undefined ? undefined : videoTrack(init);
    if (track === undefined) throw new VaultError("damaged", "This clip holds no video that this page understands.");
    const times = object.state === "complete" ? tableTimes(object.parts) : await guessedTimes(object, cache, track);
    const timescale = object.state === "complete" ? object.header.metadata.timescale : track.timescale;
    const index = makeIndex(object.parts.slice(1), times, track, timescale);
    const state: ClipState = object.state === "complete" ? "complete" : growing ? "recording" : "truncated";
    const duration = times.durations.reduce((sum, ticks) => sum + ticks, 0) / timescale;
    return new VirtualClip(cache, infoOf(object, state, duration), layout(object.parts, index));
  }

  /** Bytes of the virtual file from `start`; `end` (exclusive) may be unknown. Ends early rather than fetch much. */
  async read(start: number, end: number | null): Promise<Slice> {
    if (start < 0 || start >= this.total || (end !== null && end <= start)) throw new RelayError("range");
    const far = Math.min(end ?? this.total, start + SLICE, this.total);
    const stop = end === null ? this.#wholePart(start, far) : far;
    const pieces = this.#pieces.filter((piece) => piece.at < stop && piece.at + piece.size > start);
    const numbers = pieces.map((piece) => piece.content).filter((content): content is number => typeof content === "number");
    const first = numbers[0] ?? 0;
    const parts = numbers.length === 0 ? [] : await this.#cache.get(first, numbers.length);
    const out = new Uint8Array(stop - start);
    for (const piece of pieces) {
      const clear = typeof piece.content === "number" ? parts[piece.content - first] : piece.content;
      if (clear === undefined || clear.length !== piece.size) throw new VaultError("damaged", "A part of this clip has another size than it should.");
      const from = Math.max(0, start - piece.at);
      out.set(clear.subarray(from, Math.min(piece.size, stop - piece.at)), Math.max(0, piece.at - start));
    }
    return { start, total: this.total, bytes: out };
  }

  drop(): void {
    this.#cache.clear();
  }

  /** An open answer ends where a part ends, rather than fetch the next for its first few bytes; the first with the first fragment. */
  #wholePart(start: number, stop: number): number {
    const second = this.#pieces.find((piece) => piece.content === 2);
    if (start === 0 && second !== undefined && second.at < stop) return second.at;
    const last = this.#pieces.find((piece) => piece.at < stop && piece.at + piece.size >= stop);
    return last !== undefined && last.at > start && last.at + last.size > stop ? last.at : stop;
  }
}

function infoOf(object: SealedObject, state: ClipState, durationSeconds: number): ClipInfo {
  const { metadata } = object.header;
  const last = object.parts[object.parts.length - 1];
  return {
    state,
    start: metadata.start,
    durationSeconds,
    preCaptureSeconds: metadata.preCaptureMs / 1000,
    codec: metadata.codec,
    width: metadata.width,
    height: metadata.height,
    sealedBytes: last === undefined ? object.header.length : last.offset + last.size,
  };
}

function layout(parts: readonly PartEntry[], index: Bytes): Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  const put = (size: number, content: number | Bytes): void => {
    pieces.push({ at, size, content });
    at += size;
  };
  for (const [i, part] of parts.entries()) {
    put(plainSize(part), i);
    if (i === 0 && index.length > 0) put(index.length, index);
  }
  return pieces;
}

function makeIndex(fragments: readonly PartEntry[], times: Times, track: Track, timescale: number): Bytes {
  if (fragments.length > MOST_INDEXED) return new Uint8Array(0);
  // A player sent to a fragment without a key frame finds nothing to begin with. So the fragment with the key frame is said
  // to last until the next one, and those between to last no time: a seek then lands on the key frame.
  const lasts = times.durations.slice();
  for (let i = fragments.length - 1; i > 0; i -= 1) {
    if (times.keys[i]) continue;
    lasts[i - 1] = (lasts[i - 1] ?? 0) + (lasts[i] ?? 0);
    lasts[i] = 0;
  }
  const entries = fragments.map((part, i): IndexEntry => ({ size: plainSize(part), duration: lasts[i] ?? 0, key: times.keys[i] ?? false }));
  return sidx(track.id, timescale, times.earliest, entries);
}

/** Each fragment lasts until the next begins: a gap in the stream stays where it is. */
function tableTimes(parts: readonly PartEntry[]): Times {
  const fragments = parts.slice(1);
  const durations = fragments.map((part, i) => {
    const next = fragments[i + 1];
    return next !== undefined && next.start > part.start ? next.start - part.start : part.duration;
  });
  return { earliest: fragments[0]?.start ?? 0, durations, keys: fragments.map((part) => part.key) };
}

/** Without a table, the last fragment tells when the clip ends; those between are taken as equally long. */
async function guessedTimes(object: SealedObject, cache: PartCache, track: Track): Promise<Times> {
  const count = object.parts.length - 1;
  const [first] = await cache.get(1, 1);
  const [last] = await cache.get(count, 1);
  const begins = first === undefined ? undefined : fragmentSpan(first, track);
  const ends = last === undefined ? undefined : fragmentSpan(last, track);
  if (begins === undefined || ends === undefined) throw new VaultError("damaged", "A part of this clip holds no video that this page understands.");
  const length = Math.max(0, ends.start - begins.start);
  const edge = (i: number): number => Math.round((length * i) / Math.max(1, count - 1));
  const durations = Array.from({ length: count }, (_, i) => (i === count - 1 ? ends.duration : edge(i + 1) - edge(i)));
  const lastKey = last !== undefined && beginsWithKey(last, track);
  return { earliest: begins.start, durations, keys: await guessedKeys(cache, track, count, lastKey) };
}

/** Cameras put key frames at a constant distance: it is measured at the clip's beginning and held against its end. */
async function guessedKeys(cache: PartCache, track: Track, count: number, lastKey: boolean): Promise<boolean[]> {
  let distance = 1;
  for (; distance < Math.min(count, LONGEST_GOP); distance += 1) {
    const [next] = await cache.get(1 + distance, 1);
    if (next !== undefined && beginsWithKey(next, track)) break;
  }
  // Where the guess does not hold, one entry for all: a seek then reads on from what is there, slower but surely.
  const holds = lastKey === ((count - 1) % distance === 0);
  return Array.from({ length: count }, (_, i) => (holds ? i % distance === 0 : i === 0));
}

/** Opened parts, the newest few; parts asked for together are fetched together, and never twice at once. */
class PartCache {
  readonly #object: SealedObject;
  readonly #stop: AbortSignal;
  readonly #parts = new Map<number, Promise<Bytes>>();

  constructor(object: SealedObject, stop: AbortSignal) {
    this.#object = object;
    this.#stop = stop;
  }

  async get(first: number, count: number): Promise<Bytes[]> {
    const numbers = Array.from({ length: count }, (_, i) => first + i);
    let at = 0;
    while (at < numbers.length) {
      const from = numbers[at] ?? 0;
      if (this.#parts.has(from)) {
        at += 1;
        continue;
      }
      let run = 1;
      while (at + run < numbers.length && !this.#parts.has(from + run)) run += 1;
      this.#fetch(from, run);
      at += run;
    }
    const found = numbers.map((number) => this.#parts.get(number));
    for (const number of numbers) this.#touch(number);
    this.#trim(count);
    return Promise.all(found.map((part) => part ?? Promise.reject(new RelayError("closed"))));
  }

  clear(): void {
    this.#parts.clear();
  }

  #fetch(first: number, count: number): void {
    const batch = this.#object.readParts(first, count, this.#stop);
    for (let i = 0; i < count; i += 1) {
      const part = batch.then((parts) => {
        const bytes = parts[i];
        if (bytes === undefined) throw new RelayError("range");
        return first + i === 0 ? bytes : absorbPadding(bytes);
      });
      this.#parts.set(first + i, part);
      // A failure is told to whoever waits; it must not be remembered, so that a later try fetches again.
      part.catch((): void => {
        if (this.#parts.get(first + i) === part) this.#parts.delete(first + i);
      });
    }
  }

  #touch(number: number): void {
    const part = this.#parts.get(number);
    if (part === undefined) return;
    this.#parts.delete(number);
    this.#parts.set(number, part);
  }

  #trim(keep: number): void {
    let bytes = [...this.#parts.keys()].reduce((sum, number) => sum + this.#size(number), 0);
    for (const number of [...this.#parts.keys()]) {
      if (bytes <= CACHE_BYTES || this.#parts.size <= keep) return;
      bytes -= this.#size(number);
      this.#parts.delete(number);
    }
  }

  #size(number: number): number {
    const part = this.#object.parts[number];
    return part === undefined ? 0 : plainSize(part);
  }
}
