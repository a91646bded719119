// The header of a sealed object: found to be this household's, from this edge, for this object, before any part is believed.
import { concat, hex, readU32, unhex, utf8, type Bytes } from "./bytes";
import { VaultError } from "./errors";
import { aeadKey, ENC, hkdf, hmacHolds, hpkeOpen, nonce, open, sha256, SIGNATURE, signatureHolds } from "./primitives";
import { activeEdge, type Roster } from "./roster";
import { parseJson, Shape } from "./shape";

export type ObjectKind = "clip" | "snapshot" | "thumbnail";

export interface Metadata {
  readonly household: string;
  readonly edge: string;
  readonly camera: string;
  readonly kind: ObjectKind;
  readonly start: string;
  readonly media: "video/mp4" | "image/jpeg";
  readonly codec: string;
  readonly timescale: number;
  readonly width: number;
  readonly height: number;
  readonly preCaptureMs: number;
}

/** What the caller asked for; an object that is another is refused. */
export interface Expected {
  readonly objectId: string;
  readonly edge: string;
  readonly camera?: string | undefined;
  readonly kind?: ObjectKind | undefined;
}

export interface Header {
  readonly objectId: string;
  readonly length: number;
  readonly hash: Bytes;
  readonly metadata: Metadata;
  readonly partKey: CryptoKey;
  readonly edgeSignPublic: Bytes;
}

/** Gives the private seed of an epoch, or refuses with `epoch_unknown`. */
export type EpochKeys = (epoch: number) => Promise<Bytes>;

export const MAGIC = utf8("GDNSEAL1");
export const FIXED = 36;
export const SEALED_META = 1204;
export const SMALLEST_HEADER = SEALED_META + 272 + 80 + 32;
const KEYS = ["v", "household", "edge", "camera", "kind", "start", "media", "codec", "timescale", "width", "height", "pre_capture_ms"] as const;
const SAFE = Number.MAX_SAFE_INTEGER;

const damaged = (): VaultError => new VaultError("header_damaged", "This recording's header was changed or is broken. It is not shown.");
const tooShort = (): VaultError => new VaultError("too_short", "This recording ends before it begins: its file is cut or empty.");

/** Length of the header, told by its first 36 bytes. */
export function headerLength(first: Bytes): number {
  if (first.length < SMALLEST_HEADER) throw tooShort();
  if (hex(first.subarray(0, 8)) !== hex(MAGIC)) throw new VaultError("not_sealed", "This file is not a sealed recording.");
  if (first[8] !== 1 || first[9] !== 1) {
    throw new VaultError("unsupported", "This recording is sealed in a way this page does not know. Reload the page to get the newest version.");
  }
  const n = readU32(first, 32);
  const wellFormed = first[10] === 0 && first[11] === 0 && readU32(first, 12) > 0 && n >= 272 && n <= 65_296 && (n - 16) % 256 === 0;
  if (!wellFormed) throw new VaultError("header_malformed", "This recording's header has a form that no edge writes.");
  return SEALED_META + n + 80 + 32;
}

function parseMetadata(plain: Bytes): Metadata {
  const reason = "header_damaged";
  const shape = Shape.of("A recording's header", parseJson("A recording's header", plain, reason), KEYS, reason);
  shape.version();
  const kind = shape.one("kind", ["clip", "snapshot", "thumbnail"]);
  const clip = kind === "clip";
  return {
    household: shape.id("household"),
    edge: shape.id("edge"),
    camera: shape.text("camera", 1, 64),
    kind,
    start: shape.time("start"),
    media: shape.one("media", [clip ? "video/mp4" : "image/jpeg"]),
    codec: clip ? shape.text("codec", 1, 64) : shape.text("codec", 0, 0),
    timescale: shape.integer("timescale", 1, clip ? SAFE : 1),
    width: shape.integer("width", 0, SAFE),
    height: shape.integer("height", 0, SAFE),
    preCaptureMs: shape.integer("pre_capture_ms", 0, SAFE),
  };
}

function refuseOther(metadata: Metadata, household: string, expected: Expected): void {
  const other =
    metadata.household !== household ||
    metadata.edge !== expected.edge ||
    (expected.camera !== undefined && metadata.camera !== expected.camera) ||
    (expected.kind !== undefined && metadata.kind !== expected.kind);
  if (other) throw wrongObject();
}

function wrongObject(): VaultError {
  return new VaultError("wrong_object", "Another recording was sent in place of the one you asked for. It is not shown.");
}

/** Opens a header. `bytes` begins with the whole header; what follows it is ignored. */
export async function openHeader(bytes: Bytes, roster: Roster, keys: EpochKeys, expected: Expected): Promise<Header> {
  const length = headerLength(bytes);
  if (bytes.length < length) throw tooShort();
  const header = bytes.slice(0, length);
  const objectId = header.slice(16, 32);
  if (hex(objectId) !== expected.objectId) throw wrongObject();
  const edge = activeEdge(roster, expected.edge);
  const epochSeed = await keys(readU32(header, 12));

  const macAt = length - 32;
  const signatureAt = macAt - 80;
  const info = concat(utf8("guardian/object/v1\0"), unhex(roster.household, 16), unhex(expected.edge, 16), header.subarray(0, FIXED));
  const sealedKey = { enc: header.slice(FIXED, FIXED + ENC), ct: header.slice(FIXED + ENC, SEALED_META) };
  const objectKey = await hpkeOpen(epochSeed, sealedKey, info, new VaultError("wrong_key", "This recording was sealed for another household, or came from another edge than it is said to."));

  const [headerKeyRaw, macKeyRaw, partKeyRaw] = await objectKeys(objectKey, objectId);
  objectKey.fill(0);
  if (!(await hmacHolds(macKeyRaw, header.slice(macAt), header.slice(0, macAt)))) throw damaged();
  const headerKey = await aeadKey(headerKeyRaw);
  const aad = header.slice(0, SEALED_META);
  const plain = await open(headerKey, nonce(0), header.slice(SEALED_META, signatureAt), aad, damaged());
  const metadata = parseMetadata(plain);
  const signature = await open(headerKey, nonce(1), header.slice(signatureAt, macAt), aad, damaged());
  refuseOther(metadata, roster.household, expected);
  const signed = await sha256(header.slice(0, signatureAt));
  if (signature.length !== SIGNATURE || !(await signatureHolds(edge.signPublic, signature, utf8("guardian/header/v1\0"), signed))) {
    throw new VaultError("bad_signature", "This recording was not signed by the edge it is said to come from. It is not shown.");
  }
  return {
    objectId: expected.objectId,
    length,
    hash: await sha256(header),
    metadata,
    partKey: await aeadKey(partKeyRaw),
    edgeSignPublic: edge.signPublic,
  };
}

export async function objectKeys(key: Bytes, objectId: Bytes): Promise<readonly [Bytes, Bytes, Bytes]> {
  const derive = (name: string): Promise<Bytes> => hkdf(key, objectId, utf8(`guardian/${name}/v1`));
  return [await derive("header-key"), await derive("header-mac"), await derive("part-key")];
}
