// Reads a sealed object by ranges: header, then trailer or a walk over the length prefixes, then any part.
import { concat, hex, readU32, u32, u64, utf8, type Bytes } from "./bytes";
import { VaultError } from "./errors";
import { headerLength, openHeader, type EpochKeys, type Expected, type Header } from "./header";
import { nonce, open, sha256, SIGNATURE, signatureHolds, TAG } from "./primitives";
import type { Roster } from "./roster";
import { parseJson, Shape } from "./shape";
import type { ByteSource } from "./source";

export const PART = { init: 1, fragment: 2, data: 3, trailer: 255 } as const;
export type PartType = (typeof PART)[keyof typeof PART];

export const STEP = 4096;
const MIN_CT = STEP + TAG;
const MAX_CT = 16 * 1024 * 1024 + TAG;
const MAX_PARTS = 100_000;
export const MAX_DATA = 65_532;
const FOOTER = 16;
const FOOTER_MAGIC = utf8("GDNSEALT");
const FIRST_READ = 4096;

/** Where a part lies in the sealed object. Times in ticks; unknown (0) in a truncated object. */
export interface PartEntry {
  readonly offset: number;
  /** Of the length prefix and the ciphertext. */
  readonly size: number;
  readonly start: number;
  readonly duration: number;
  readonly key: boolean;
}

export interface SealedObject {
  readonly header: Header;
  readonly state: "complete" | "truncated";
  readonly parts: readonly PartEntry[];
  /** Opens consecutive parts, fetched with one range. */
  readParts(first: number, count: number, signal?: AbortSignal): Promise<Bytes[]>;
}

export function plainSize(entry: PartEntry): number {
  return entry.size - 4 - TAG;
}

export function partType(header: Header, index: number): PartType {
  if (header.metadata.kind !== "clip") return PART.data;
  return index === 0 ? PART.init : PART.fragment;
}

export function partAad(headerHash: Bytes, counter: number, type: PartType): Bytes {
  return concat(headerHash, u64(counter), Uint8Array.of(type));
}

function damaged(): VaultError {
  return new VaultError("damaged", "A part of this recording was changed or is broken. What cannot be trusted is not shown.");
}

function trailerDamaged(): VaultError {
  return new VaultError("trailer_damaged", "The end of this recording was changed or is broken. It is not shown.");
}

function lengthAllowed(length: number): boolean {
  return length >= MIN_CT && length <= MAX_CT && (length - TAG) % STEP === 0;
}

export async function openPart(header: Header, counter: number, type: PartType, ct: Bytes): Promise<Bytes> {
  return open(header.partKey, nonce(counter), ct, partAad(header.hash, counter, type), damaged());
}

/** Opens an object's header and finds its parts. Fetches a few KiB, never the parts of a complete object. */
export async function openObject(
  source: ByteSource,
  roster: Roster,
  keys: EpochKeys,
  expected: Expected,
  signal?: AbortSignal,
): Promise<SealedObject> {
  const first = await source.read(0, FIRST_READ, signal);
  const length = headerLength(first.bytes);
  const rest = length > first.bytes.length && first.bytes.length < first.total ? await source.read(first.bytes.length, length - first.bytes.length, signal) : undefined;
  const bytes = rest === undefined ? first.bytes : concat(first.bytes, rest.bytes);
  const header = await openHeader(bytes, roster, keys, expected);

  const tail = await source.read(-FOOTER, FOOTER, signal);
  const end = tail.bytes.subarray(8);
  const hasFooter = tail.total >= header.length + FOOTER_MAGIC.length && hex(end) === hex(FOOTER_MAGIC);
  const found = hasFooter
    ? { state: "complete" as const, parts: (await readTrailer(source, header, tail.bytes, tail.total, signal)).parts }
    : { state: "truncated" as const, parts: await walk(source, header, tail.total, signal) };
  return { header, ...found, readParts: (from, count, stop) => readParts(source, header, found.parts, from, count, stop) };
}

export interface Trailer {
  readonly parts: readonly PartEntry[];
  readonly bodyHash: string;
}

async function readTrailer(source: ByteSource, header: Header, footer: Bytes, total: number, signal?: AbortSignal): Promise<Trailer> {
  const length = readU32(footer, 0);
  const count = readU32(footer, 4);
  const at = total - FOOTER - length - 4;
  if (!lengthAllowed(length) || at < header.length || count < 1 || count > MAX_PARTS) throw trailerDamaged();
  const { bytes } = await source.read(at, 4 + length, signal);
  if (bytes.length !== 4 + length || readU32(bytes, 0) !== length) throw trailerDamaged();
  const aad = partAad(header.hash, count, PART.trailer);
  const plain = await open(header.partKey, nonce(count), bytes.slice(4), aad, trailerDamaged());
  return parseTrailer(header, plain, count, at);
}

async function parseTrailer(header: Header, plain: Bytes, count: number, end: number): Promise<Trailer> {
  let jsonEnd = plain.length;
  while (jsonEnd > SIGNATURE && plain[jsonEnd - 1] === 0x20) jsonEnd -= 1;
  const json = plain.slice(SIGNATURE, jsonEnd);
  if (!(await signatureHolds(header.edgeSignPublic, plain.slice(0, SIGNATURE), utf8("guardian/trailer/v1\0"), header.hash, json))) {
    throw new VaultError("bad_signature", "The end of this recording was not signed by the edge it is said to come from. It is not shown.");
  }
  const reason = "trailer_damaged";
  const shape = Shape.of("A recording's table", parseJson("A recording's table", json, reason), ["v", "final", "body", "parts"], reason);
  shape.version();
  if (shape.raw("final") !== true) throw trailerDamaged();
  const parts = shape.list("parts", MAX_PARTS).map(tableRow);
  const isClip = header.metadata.kind === "clip";
  let offset = header.length;
  for (const [i, part] of parts.entries()) {
    const timeless = part.start === 0 && part.duration === 0 && !part.key;
    if (part.offset !== offset || !lengthAllowed(part.size - 4)) throw trailerDamaged();
    if ((!isClip || i === 0) && !timeless) throw trailerDamaged();
    offset += part.size;
  }
  if (parts.length !== count || offset !== end) throw trailerDamaged();
  return { parts, bodyHash: shape.hash("body") };
}

function tableRow(row: unknown): PartEntry {
  const values = Array.isArray(row) ? (row as unknown[]) : [];
  const numbers = values.filter((value): value is number => Number.isSafeInteger(value) && (value as number) >= 0);
  const [offset, size, start, duration, key] = numbers;
  const whole = values.length === 5 && offset !== undefined && size !== undefined && start !== undefined && duration !== undefined;
  if (!whole || (key !== 0 && key !== 1)) throw trailerDamaged();
  return { offset, size, start, duration, key: key === 1 };
}

/** Follows the length prefixes of an object without a trailer; a last incomplete part is left out. */
async function walk(source: ByteSource, header: Header, total: number, signal?: AbortSignal): Promise<PartEntry[]> {
  const parts: PartEntry[] = [];
  let offset = header.length;
  while (offset + 4 <= total && parts.length <= MAX_PARTS) {
    const prefix = await source.read(offset, 4, signal);
    if (prefix.bytes.length < 4) break;
    const length = readU32(prefix.bytes);
    if (!lengthAllowed(length)) throw damaged();
    if (offset + 4 + length > total) break;
    parts.push({ offset, size: 4 + length, start: 0, duration: 0, key: parts.length > 0 });
    offset += 4 + length;
  }
  return (await endsInTrailer(source, header, parts, offset, total, signal)) ? parts.slice(0, -1) : parts;
}

/** Whether the last whole part is the trailer of a writer that died inside its footer. */
async function endsInTrailer(source: ByteSource, header: Header, parts: readonly PartEntry[], offset: number, total: number, signal?: AbortSignal): Promise<boolean> {
  const last = parts[parts.length - 1];
  if (last === undefined || total - offset >= FOOTER) return false;
  const { bytes } = await source.read(last.offset, last.size + FOOTER, signal);
  const ct = bytes.slice(4, last.size);
  const counter = parts.length - 1;
  if (await opens(header, counter, PART.trailer, ct)) {
    const footer = writeFooter(ct.length, counter);
    const rest = bytes.subarray(last.size);
    if (hex(rest) !== hex(footer.subarray(0, rest.length))) throw damaged();
    return true;
  }
  await openPart(header, counter, partType(header, counter), ct);
  return false;
}

async function opens(header: Header, counter: number, type: PartType, ct: Bytes): Promise<boolean> {
  try {
    await openPart(header, counter, type, ct);
    return true;
  } catch (error) {
    if (error instanceof VaultError) return false;
    throw error;
  }
}

export function writeFooter(length: number, count: number): Bytes {
  return concat(u32(length), u32(count), FOOTER_MAGIC);
}

async function readParts(
  source: ByteSource,
  header: Header,
  parts: readonly PartEntry[],
  first: number,
  count: number,
  signal?: AbortSignal,
): Promise<Bytes[]> {
  const wanted = parts.slice(first, first + count);
  const begin = wanted[0];
  if (begin === undefined || wanted.length !== count) throw damaged();
  const size = wanted.reduce((sum, part) => sum + part.size, 0);
  const { bytes } = await source.read(begin.offset, size, signal);
  return Promise.all(
    wanted.map((part, i) => {
      const at = part.offset - begin.offset;
      const piece = bytes.slice(at, at + part.size);
      if (piece.length !== part.size || readU32(piece) !== part.size - 4) throw damaged();
      return openPart(header, first + i, partType(header, first + i), piece.slice(4));
    }),
  );
}

/** The bytes of a snapshot or thumbnail. */
export function unpackData(parts: readonly Bytes[]): Bytes {
  return concat(
    ...parts.map((part, i) => {
      const length = readU32(part);
      const last = i === parts.length - 1;
      const zeros = part.subarray(4 + length).every((byte) => byte === 0);
      const allowed = length > 0 && length <= MAX_DATA && length <= part.length - 4;
      if (!allowed || (!last && length !== MAX_DATA) || !zeros) throw damaged();
      return part.subarray(4, 4 + length);
    }),
  );
}

/** For whoever holds the whole file: every part opened, and the signed hash of the body checked. */
export async function readWhole(
  source: ByteSource,
  roster: Roster,
  keys: EpochKeys,
  expected: Expected,
): Promise<{ readonly object: SealedObject; readonly content: Bytes }> {
  const object = await openObject(source, roster, keys, expected);
  const parts: Bytes[] = [];
  for (let i = 0; i < object.parts.length; i += 1) parts.push(...(await object.readParts(i, 1)));
  const content = object.header.metadata.kind === "clip" ? concat(...parts) : unpackData(parts);
  if (object.state === "complete") {
    const tail = await source.read(-FOOTER, FOOTER);
    const trailer = await readTrailer(source, object.header, tail.bytes, tail.total);
    const last = trailer.parts[trailer.parts.length - 1];
    const end = last === undefined ? object.header.length : last.offset + last.size;
    const body = await source.read(object.header.length, end - object.header.length);
    if (hex(await sha256(body.bytes)) !== trailer.bodyHash) {
      throw new VaultError("body_damaged", "This recording is not, byte for byte, what its edge signed.");
    }
  }
  return { object, content };
}
