// Seals an object as an edge does. The browser makes none in use; with this the tests show that both languages agree.
import { concat, hex, random, u32, unhex, utf8, type Bytes } from "./bytes";
import { VaultError } from "./errors";
import { MAGIC, objectKeys, type Metadata } from "./header";
import { MAX_DATA, PART, partAad, STEP, writeFooter, type PartEntry, type PartType } from "./object";
import { aeadKey, hmac, hpkeSeal, nonce, seal, sha256, sign } from "./primitives";
import type { Epoch } from "./roster";

export interface Fragment {
  readonly bytes: Bytes;
  readonly start: number;
  readonly duration: number;
  readonly key: boolean;
}

function padded(bytes: Bytes, step: number): Bytes {
  const missing = (step - (bytes.length % step)) % step;
  return concat(bytes, new Uint8Array(missing).fill(0x20));
}

/** A `free` box up to the step; it needs its own eight bytes. */
export function padClip(bytes: Bytes): Bytes {
  let missing = (STEP - (bytes.length % STEP)) % STEP;
  if (missing === 0) return bytes;
  if (missing < 8) missing += STEP;
  return concat(bytes, u32(missing), utf8("free"), new Uint8Array(missing - 8));
}

function padData(bytes: Bytes): Bytes {
  const size = 4 + bytes.length;
  return concat(u32(bytes.length), bytes, new Uint8Array((STEP - (size % STEP)) % STEP));
}

interface Sealing {
  readonly header: Bytes;
  readonly hash: Bytes;
  readonly partKey: CryptoKey;
}

async function sealHeader(metadata: Metadata, epoch: Epoch, signKey: CryptoKey, objectId: string): Promise<Sealing> {
  const json = utf8(JSON.stringify({
    v: 1,
    household: metadata.household,
    edge: metadata.edge,
    camera: metadata.camera,
    kind: metadata.kind,
    start: metadata.start,
    media: metadata.media,
    codec: metadata.codec,
    timescale: metadata.timescale,
    width: metadata.width,
    height: metadata.height,
    pre_capture_ms: metadata.preCaptureMs,
  }));
  const plain = padded(json, 256);
  const id = unhex(objectId, 16);
  const prefix = concat(MAGIC, Uint8Array.of(1, 1, 0, 0), u32(epoch.number), id, u32(plain.length + 16));
  const info = concat(utf8("guardian/object/v1\0"), unhex(metadata.household, 16), unhex(metadata.edge, 16), prefix);
  const key = random(32);
  const wrap = await hpkeSeal(epoch.publicKey, info, key);
  const [headerRaw, macRaw, partRaw] = await objectKeys(key, id);
  const headerKey = await aeadKey(headerRaw);
  const fixed = concat(prefix, wrap.enc, wrap.ct);
  const body = concat(fixed, await seal(headerKey, nonce(0), plain, fixed));
  const signature = await sign(signKey, utf8("guardian/header/v1\0"), await sha256(body));
  const signed = concat(body, await seal(headerKey, nonce(1), signature, fixed));
  const header = concat(signed, await hmac(macRaw, signed));
  return { header, hash: await sha256(header), partKey: await aeadKey(partRaw) };
}

async function finish(sealing: Sealing, signKey: CryptoKey, parts: readonly (Omit<Fragment, "bytes"> & { bytes: Bytes; type: PartType })[]): Promise<Bytes> {
  const pieces: Bytes[] = [];
  const table: PartEntry[] = [];
  let offset = sealing.header.length;
  for (const [counter, part] of parts.entries()) {
    const ct = await seal(sealing.partKey, nonce(counter), part.bytes, partAad(sealing.hash, counter, part.type));
    pieces.push(u32(ct.length), ct);
    table.push({ offset, size: 4 + ct.length, start: part.start, duration: part.duration, key: part.key });
    offset += 4 + ct.length;
  }
  const body = concat(...pieces);
  const rows = table.map((row) => [row.offset, row.size, row.start, row.duration, row.key ? 1 : 0]);
  const json = utf8(JSON.stringify({ v: 1, final: true, body: hex(await sha256(body)), parts: rows }));
  const signature = await sign(signKey, utf8("guardian/trailer/v1\0"), sealing.hash, json);
  const plain = padded(concat(signature, json), STEP);
  const count = parts.length;
  const ct = await seal(sealing.partKey, nonce(count), plain, partAad(sealing.hash, count, PART.trailer));
  return concat(sealing.header, body, u32(ct.length), ct, writeFooter(ct.length, count));
}

export async function sealClip(metadata: Metadata, epoch: Epoch, signKey: CryptoKey, objectId: string, init: Bytes, fragments: readonly Fragment[]): Promise<Bytes> {
  if (metadata.kind !== "clip") throw new VaultError("header_malformed", "Only clips have fragments.");
  const sealing = await sealHeader(metadata, epoch, signKey, objectId);
  const first = { bytes: padClip(init), start: 0, duration: 0, key: false, type: PART.init };
  const rest = fragments.map((fragment) => ({ ...fragment, bytes: padClip(fragment.bytes), type: PART.fragment }));
  return finish(sealing, signKey, [first, ...rest]);
}

export async function sealPicture(metadata: Metadata, epoch: Epoch, signKey: CryptoKey, objectId: string, picture: Bytes): Promise<Bytes> {
  const sealing = await sealHeader(metadata, epoch, signKey, objectId);
  const parts = [];
  for (let at = 0; at < picture.length; at += MAX_DATA) {
    parts.push({ bytes: padData(picture.slice(at, at + MAX_DATA)), start: 0, duration: 0, key: false, type: PART.data });
  }
  return finish(sealing, signKey, parts);
}

