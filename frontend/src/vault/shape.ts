// Reads JSON that a stranger may have written: exact keys, exact types, or a refusal.
import { text, unb64u, type Bytes } from "./bytes";
import { VaultError, type VaultReason } from "./errors";

export type Fields = Readonly<Record<string, unknown>>;

/** A reader of one JSON object; every refusal carries the reason of the thing being read. */
export class Shape {
  private readonly what: string;
  private readonly fields: Fields;
  private readonly reason: VaultReason;

  private constructor(what: string, fields: Fields, reason: VaultReason) {
    this.what = what;
    this.fields = fields;
    this.reason = reason;
  }

  static of(what: string, value: unknown, keys: readonly string[], reason: VaultReason): Shape {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw new VaultError(reason, `${what} is not a JSON object.`);
    }
    const present = Object.keys(value);
    const missing = keys.find((key) => !present.includes(key));
    if (missing !== undefined) throw new VaultError(reason, `${what} has no "${missing}".`);
    const unknown = present.find((key) => !keys.includes(key));
    if (unknown !== undefined) throw new VaultError(reason, `${what} has a field "${unknown}" that this version does not know.`);
    return new Shape(what, value as Fields, reason);
  }

  private refuse(key: string, expected: string): never {
    throw new VaultError(this.reason, `${this.what}: "${key}" is not ${expected}.`);
  }

  raw(key: string): unknown {
    return this.fields[key];
  }

  /** Text for people: code points counted, no control characters. */
  text(key: string, low: number, high: number): string {
    const value = this.fields[key];
    // eslint-disable-next-line no-control-regex
    if (typeof value !== "string" || /[\u0000-\u001f\u007f]|\p{Cs}/u.test(value)) this.refuse(key, "text without control characters");
    const length = [...value].length;
    if (length < low || length > high) this.refuse(key, `text of ${low} to ${high} characters`);
    return value;
  }

  one<T extends string>(key: string, allowed: readonly T[]): T {
    const found = allowed.find((value) => value === this.fields[key]);
    return found ?? this.refuse(key, `one of ${allowed.map((value) => `"${value}"`).join(", ")}`);
  }

  integer(key: string, low: number, high: number): number {
    const value = this.fields[key];
    if (typeof value !== "number" || !Number.isInteger(value) || value < low || value > high) {
      this.refuse(key, `a whole number from ${low} to ${high}`);
    }
    return value;
  }

  id(key: string): string {
    const value = this.fields[key];
    if (typeof value !== "string" || !/^[0-9a-f]{32}$/.test(value)) this.refuse(key, "32 lower-case hex digits");
    return value;
  }

  hash(key: string): string {
    const value = this.fields[key];
    if (typeof value !== "string" || !/^[0-9a-f]{64}$/.test(value)) this.refuse(key, "64 lower-case hex digits");
    return value;
  }

  bytes(key: string, length: number): Bytes {
    const value = this.fields[key];
    if (typeof value !== "string") this.refuse(key, "base64url text");
    try {
      return unb64u(value, length);
    } catch {
      return this.refuse(key, `${length} bytes in base64url`);
    }
  }

  time(key: string): string {
    const value = this.fields[key];
    if (typeof value !== "string" || !isUtcTime(value)) this.refuse(key, "a time in UTC as RFC 3339 writes it");
    return value;
  }

  list(key: string, limit: number): readonly unknown[] {
    const value = this.fields[key];
    if (!Array.isArray(value) || value.length > limit) this.refuse(key, `a list of at most ${limit}`);
    return value as unknown[];
  }

  version(): void {
    if (this.fields["v"] !== 1) throw new VaultError(this.reason, `${this.what} is of a version this reader does not know.`);
  }
}

const UTC_TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?Z$/;

export function isUtcTime(value: string): boolean {
  const moment = UTC_TIME.test(value) ? Date.parse(value) : Number.NaN;
  if (Number.isNaN(moment) || value.startsWith("0000")) return false;
  // Date.parse takes 30 February for 2 March, and 24:00 for the next day.
  return new Date(moment).toISOString().slice(0, 19) === value.slice(0, 19);
}

const STRINGS = /"(?:[^"\\]|\\.)*"/g;
const NOT_INTEGER = /\d[.eE]/;

export function parseJson(what: string, bytes: Uint8Array, reason: VaultReason): unknown {
  let value: unknown;
  let written: string;
  try {
    written = text(bytes);
    value = JSON.parse(written) as unknown;
  } catch {
    throw new VaultError(reason, `${what} is not JSON.`);
  }
  // JSON.parse makes 1 of 1.0 and of 1e0; what one reader takes and another refuses would split a household.
  if (NOT_INTEGER.test(written.replace(STRINGS, '""'))) throw new VaultError(reason, `${what} has a number that is not written as an integer.`);
  return value;
}
