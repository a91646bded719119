// Key slots: a member's private keys under a secret, a recovery code or a passkey.
import { argon2id } from "hash-wasm";
import { b64u, concat, equal, newId, random, utf8, type Bytes } from "./bytes";
import { VaultError } from "./errors";
import { aeadKey, hkdf, open, receivePublic, seal, signPublic } from "./primitives";
import { parseRecoveryCode } from "./recovery";
import { activeMember, type Party, type Roster } from "./roster";
import { Shape } from "./shape";

export type SlotKind = "secret" | "recovery" | "passkey";

export type Kdf =
  | { readonly name: "argon2id"; readonly salt: string; readonly m: number; readonly t: number; readonly p: number }
  | { readonly name: "hkdf-sha256"; readonly salt: string };

/** A slot as it is published: JSON, nothing in it is secret. */
export interface Slot {
  readonly v: 1;
  readonly id: string;
  readonly household: string;
  readonly member: string;
  readonly kind: SlotKind;
  readonly kdf: Kdf;
  readonly nonce: string;
  readonly ct: string;
}

/** A member's private keys: two seeds. Whoever opens them must `wipe` them. */
export interface MemberSeeds {
  readonly sign: Bytes;
  readonly receive: Bytes;
}

/** What opens a slot. */
export type SlotSecret =
  | { readonly kind: "secret"; readonly secret: string }
  | { readonly kind: "recovery"; readonly code: Bytes }
  | { readonly kind: "passkey"; readonly prf: Bytes };

// RFC 9106's second choice.
const ARGON2 = { m: 65_536, t: 3, p: 4 } as const;
const LIMITS = { m: [65_536, 262_144], t: [3, 10], p: [1, 16] } as const;
const KEYS = ["v", "id", "household", "member", "kind", "kdf", "nonce", "ct"] as const;

function costs(kdf: Kdf): readonly [number, number, number] {
  return kdf.name === "argon2id" ? [kdf.m, kdf.t, kdf.p] : [0, 0, 0];
}

function parseKdf(kind: SlotKind, value: unknown): Kdf {
  const expected = kind === "secret" ? "argon2id" : "hkdf-sha256";
  const keys = kind === "secret" ? ["name", "salt", "m", "t", "p"] : ["name", "salt"];
  const shape = Shape.of("A slot's kdf", value, keys, "slot_malformed");
  const name = shape.one("name", [expected]);
  const salt = b64u(shape.bytes("salt", 16));
  if (name !== "argon2id") return { name, salt };
  const cost = (key: "m" | "t" | "p"): number => shape.integer(key, 0, Number.MAX_SAFE_INTEGER);
  return { name, salt, m: cost("m"), t: cost("t"), p: cost("p") };
}

/** Checks a slot's form, and that its cost is neither a downgrade nor an attack on the browser. No work is done before. */
export function parseSlot(value: unknown): Slot {
  const shape = Shape.of("A key slot", value, KEYS, "slot_malformed");
  shape.version();
  const kind = shape.one("kind", ["secret", "recovery", "passkey"]);
  const kdf = parseKdf(kind, shape.raw("kdf"));
  const slot: Slot = {
    v: 1,
    id: shape.id("id"),
    household: shape.id("household"),
    member: shape.id("member"),
    kind,
    kdf,
    nonce: b64u(shape.bytes("nonce", 12)),
    ct: b64u(shape.bytes("ct", 80)),
  };
  refuseAbsurdCost(kdf);
  return slot;
}

function refuseAbsurdCost(kdf: Kdf): void {
  if (kdf.name !== "argon2id") return;
  for (const key of ["m", "t", "p"] as const) {
    const [low, high] = LIMITS[key];
    if (kdf[key] < low || kdf[key] > high) {
      const what = kdf[key] < low ? "so cheap that your secret could be guessed" : "so dear that it could hang this browser";
      throw new VaultError("kdf_refused", `The key slot asks for a computation ${what}. It was not made by this product; do not type your secret again, and tell whoever runs the service.`);
    }
  }
}

async function slotKey(kdf: Kdf, secret: SlotSecret): Promise<CryptoKey> {
  const salt = Shape.of("A slot's kdf", { salt: kdf.salt }, ["salt"], "slot_malformed").bytes("salt", 16);
  const raw = await derive(kdf, salt, secret);
  const key = await aeadKey(raw);
  raw.fill(0);
  return key;
}

async function derive(kdf: Kdf, salt: Bytes, secret: SlotSecret): Promise<Bytes> {
  if (secret.kind !== "secret") {
    return hkdf(secret.kind === "recovery" ? secret.code : secret.prf, salt, utf8(`guardian/slot/${secret.kind}/v1`));
  }
  if (kdf.name !== "argon2id") throw new VaultError("slot_malformed", "This slot is not for a secret.");
  refuseAbsurdCost(kdf);
  const password = utf8(wellFormed(secret.secret).normalize("NFKC"));
  const out = await argon2id({
    password,
    salt,
    memorySize: kdf.m,
    iterations: kdf.t,
    parallelism: kdf.p,
    hashLength: 32,
    outputType: "binary",
  });
  password.fill(0);
  return new Uint8Array(out);
}

/** Half a surrogate pair has no UTF-8; an encoder would put something else in its place, in silence. */
function wellFormed(secret: string): string {
  if (/\p{Cs}/u.test(secret)) throw new VaultError("encoding", "The secret holds a character that is not whole. Type it again.");
  return secret;
}

function associated(slot: Pick<Slot, "id" | "household" | "member" | "kind" | "kdf">): Bytes {
  const bound = [slot.id, slot.household, slot.member, slot.kind, slot.kdf.name, slot.kdf.salt, ...costs(slot.kdf)];
  return concat(utf8("guardian/slot/v1\0"), utf8(JSON.stringify(bound)));
}

/** Seals a member's keys. `id` is kept when a slot replaces one (a changed secret), new otherwise. */
export async function createSlot(household: string, member: string, seeds: MemberSeeds, secret: SlotSecret, id: string = newId()): Promise<Slot> {
  const salt = b64u(random(16));
  const kdf: Kdf = secret.kind === "secret" ? { name: "argon2id", salt, ...ARGON2 } : { name: "hkdf-sha256", salt };
  const bound = { id, household, member, kind: secret.kind, kdf };
  const nonce = random(12);
  const plain = concat(seeds.sign, seeds.receive);
  const ct = await seal(await slotKey(kdf, secret), nonce, plain, associated(bound));
  plain.fill(0);
  return { v: 1, ...bound, nonce: b64u(nonce), ct: b64u(ct) };
}

export async function openSlot(value: unknown, secret: SlotSecret): Promise<MemberSeeds> {
  const slot = parseSlot(value);
  if (slot.kind !== secret.kind) throw new VaultError("slot_malformed", `This slot is of kind ${slot.kind}, not ${secret.kind}.`);
  const shape = Shape.of("A key slot", slot, KEYS, "slot_malformed");
  const refusal = new VaultError("wrong_secret", secret.kind === "secret" ? "That is not this vault's secret." : "That does not open this vault.");
  const plain = await open(await slotKey(slot.kdf, secret), shape.bytes("nonce", 12), shape.bytes("ct", 80), associated(slot), refusal);
  const seeds = { sign: plain.slice(0, 32), receive: plain.slice(32) };
  plain.fill(0);
  return seeds;
}

/** Opens a slot and holds its keys against the roster: they must be those it knows the slot's member by. */
export async function enterSlot(value: unknown, secret: SlotSecret, roster: Roster): Promise<{ readonly member: Party; readonly seeds: MemberSeeds }> {
  const slot = parseSlot(value);
  const seeds = await openSlot(slot, secret);
  try {
    if (slot.household !== roster.household) throw new VaultError("wrong_member", "This slot belongs to another household.");
    const member = activeMember(roster, slot.member);
    await checkSeeds(seeds, member);
    return { member, seeds };
  } catch (error) {
    wipe(seeds);
    throw error;
  }
}

async function checkSeeds(seeds: MemberSeeds, member: Party): Promise<void> {
  const same = equal(await signPublic(seeds.sign), member.signPublic) && equal(await receivePublic(seeds.receive), member.receivePublic);
  if (!same) throw new VaultError("wrong_member", "The keys in this slot are not those your household's roster knows you by.");
}

export function wipe(seeds: MemberSeeds): void {
  seeds.sign.fill(0);
  seeds.receive.fill(0);
}

export async function recoverySecret(typed: string): Promise<SlotSecret> {
  return { kind: "recovery", code: await parseRecoveryCode(typed) };
}
