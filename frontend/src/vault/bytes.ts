// Bytes, text and numbers in the forms docs/vault-format.md uses; every decoder refuses what is not exact.
import { VaultError } from "./errors";

/** Bytes on a plain buffer: what WebCrypto and fetch accept. */
export type Bytes = Uint8Array<ArrayBuffer>;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export function utf8(text: string): Bytes {
  return new Uint8Array(encoder.encode(text));
}

export function text(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new VaultError("encoding", "This is not UTF-8 text.");
  }
}

export function concat(...pieces: Uint8Array[]): Bytes {
  const out = new Uint8Array(pieces.reduce((n, piece) => n + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    out.set(piece, at);
    at += piece.length;
  }
  return out;
}

export function u32(value: number): Bytes {
  const out = new Uint8Array(4);
  new DataView(out.buffer).setUint32(0, value);
  return out;
}

export function u64(value: number): Bytes {
  const out = new Uint8Array(8);
  new DataView(out.buffer).setBigUint64(0, BigInt(value));
  return out;
}

export function readU32(bytes: Uint8Array, offset = 0): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(offset);
}

export function equal(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i += 1) difference |= (a[i] ?? 0) ^ (b[i] ?? 0);
  return difference === 0;
}

export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function unhex(value: string, length: number): Bytes {
  if (value.length !== 2 * length || !/^[0-9a-f]*$/.test(value)) {
    throw new VaultError("encoding", `Expected ${2 * length} lower-case hex digits.`);
  }
  return Uint8Array.from({ length }, (_, i) => Number.parseInt(value.slice(2 * i, 2 * i + 2), 16));
}

function binary(bytes: Uint8Array): string {
  let out = "";
  for (let i = 0; i < bytes.length; i += 0x8000) out += String.fromCharCode(...bytes.subarray(i, i + 0x8000));
  return out;
}

export function b64u(bytes: Uint8Array): string {
  return btoa(binary(bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** Base64url without padding; trailing bits that are not zero are refused, so that one value has one form. */
export function unb64u(value: string, length?: number): Bytes {
  if (!/^[A-Za-z0-9_-]*$/.test(value) || value.length % 4 === 1) {
    throw new VaultError("encoding", "This is not base64url.");
  }
  const raw = atob(value.replaceAll("-", "+").replaceAll("_", "/"));
  const out = Uint8Array.from(raw, (c) => c.charCodeAt(0));
  if (b64u(out) !== value) throw new VaultError("encoding", "This base64url is not in its only form.");
  if (length !== undefined && out.length !== length) {
    throw new VaultError("encoding", `Expected ${length} bytes, got ${out.length}.`);
  }
  return out;
}

/** Standard base64 with padding, as the relay sends events. */
export function unb64(value: string): Bytes {
  return unb64u(value.replaceAll("+", "-").replaceAll("/", "_").replace(/={0,2}$/, ""));
}

export function random(length: number): Bytes {
  return crypto.getRandomValues(new Uint8Array(length));
}

export function newId(): string {
  return hex(random(16));
}

/** UUIDv7: rises with time. */
export function uuid7(now: number = Date.now()): string {
  const bytes = random(16);
  new DataView(bytes.buffer).setUint16(0, Math.floor(now / 2 ** 32));
  new DataView(bytes.buffer).setUint32(2, now % 2 ** 32);
  bytes[6] = 0x70 | ((bytes[6] ?? 0) & 0x0f);
  bytes[8] = 0x80 | ((bytes[8] ?? 0) & 0x3f);
  const digits = hex(bytes);
  return [digits.slice(0, 8), digits.slice(8, 12), digits.slice(12, 16), digits.slice(16, 20), digits.slice(20)].join("-");
}

/** RFC 3339, UTC, with microseconds: the only form written here. */
export function rfc3339(time: Date = new Date()): string {
  return time.toISOString().replace("Z", "000Z");
}
