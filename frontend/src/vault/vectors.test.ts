// @vitest-environment node
// V7: every vector of tests/vectors/vault.json, good and hostile, comes out here as it does in Python.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { b64u, concat, unb64u, unhex, type Bytes } from "./bytes";
import { VaultError } from "./errors";
import type { Metadata, ObjectKind } from "./header";
import { verifyEventSignature } from "./messages";
import { readWhole } from "./object";
import { openCommand, openSecret, verifyChallenge, verifyEnrolment } from "./peers";
import { hpkeOpen, receivePublic, sha256, signPublic } from "./primitives";
import { parseRecoveryCode } from "./recovery";
import { entryFromJson, extendRoster, newestEpoch, verifyRoster, type Roster, type RosterEntry } from "./roster";
import { enterSlot, recoverySecret, type SlotSecret } from "./slots";
import { memorySource } from "./source";
import { edgeWords } from "./words";

type Vector = { readonly name: string; readonly outcome: unknown } & Record<string, unknown>;
type Rows = string | readonly ([string, number] | object)[];

const file = new URL("../../../tests/vectors/vault.json", import.meta.url);
const vectors = JSON.parse(readFileSync(file, "utf-8")) as Record<string, Vector[]> & { rosters: unknown };
const lists = vectors.rosters as Record<string, object[]>;

const words = (vector: Vector, key: string): string => String(vector[key]);
const raw = (vector: Vector, key: string): Bytes => unb64u(words(vector, key));

function entries(rows: Rows): RosterEntry[] {
  const list = typeof rows === "string" ? lists[rows] : rows;
  return (list ?? []).map((row) => entryFromJson(Array.isArray(row) ? lists[String(row[0])]?.[Number(row[1])] : row));
}

const named = new Map<string, Promise<Roster>>();
function roster(vector: Vector): Promise<Roster> {
  const name = words(vector, "roster");
  const known = named.get(name) ?? verifyRoster(entries(name));
  named.set(name, known);
  return known;
}

const objects = new Map<string, Bytes>();
function objectBytes(vector: Vector): Bytes {
  const pieces = vector["pieces"] as (string | [string, number, number])[];
  return concat(
    ...pieces.map((piece) => {
      if (typeof piece === "string") return unb64u(piece);
      const whole = objects.get(piece[0]) ?? new Uint8Array(0);
      return whole.slice(...(piece.slice(1) as [number, number]));
    }),
  );
}
for (const vector of vectors["objects"] ?? []) objects.set(vector.name, objectBytes(vector));

async function follow(vector: Vector): Promise<unknown> {
  const pinned = vector["pinned"] === null ? null : await verifyRoster(entries(vector["pinned"] as Rows));
  const shown = entries(vector["entries"] as Rows);
  const chain = pinned === null ? await verifyRoster(shown) : await extendRoster(pinned, shown);
  return {
    household: chain.household,
    entries: chain.entries.length,
    genesis: b64u(chain.genesisHash),
    head: b64u(unhex(chain.hashes.at(-1) ?? "", 32)),
    members: [...chain.members.keys()].sort(),
    edges: [...chain.edges.keys()].sort(),
    revoked: [...chain.revokedEdges.keys()].sort(),
    epoch: newestEpoch(chain).number,
  };
}

async function slotSecret(given: Record<string, string>): Promise<SlotSecret> {
  if (given["secret"] !== undefined) return { kind: "secret", secret: given["secret"] };
  if (given["code"] !== undefined) return recoverySecret(given["code"]);
  return { kind: "passkey", prf: unb64u(given["prf"] ?? "") };
}

function metadataJson({ preCaptureMs, ...rest }: Metadata): unknown {
  return { v: 1, ...rest, pre_capture_ms: preCaptureMs };
}

async function object(vector: Vector): Promise<unknown> {
  const seeds = vector["epochs"] as Record<string, string>;
  const keys = (epoch: number): Promise<Bytes> => {
    const seed = seeds[String(epoch)];
    return seed === undefined ? Promise.reject(new VaultError("epoch_unknown", "")) : Promise.resolve(unb64u(seed));
  };
  const asked = vector["expected"] as { edge: string; object_id?: string; camera?: string; kind?: ObjectKind };
  const expected = { edge: asked.edge, objectId: asked.object_id ?? "", camera: asked.camera, kind: asked.kind };
  const whole = await readWhole(memorySource(objectBytes(vector)), await roster(vector), keys, expected);
  const complete = whole.object.state === "complete";
  return {
    state: whole.object.state,
    parts: whole.object.parts.length,
    times: complete ? whole.object.parts.map((part) => [part.start, part.duration, part.key ? 1 : 0]) : null,
    content: b64u(await sha256(whole.content)),
    metadata: metadataJson(whole.object.header.metadata),
  };
}

const verified = { verified: true };

const runners: Record<string, (vector: Vector) => Promise<unknown>> = {
  words: async (v) => edgeWords({ genesisHash: raw(v, "genesis_hash") }, { signPublic: raw(v, "sign"), receivePublic: raw(v, "receive") }),
  keys: async (v) => ({ sign: b64u(await signPublic(raw(v, "sign_seed"))), receive: b64u(await receivePublic(raw(v, "receive_seed"))) }),
  hpke: async (v) => {
    const sealed = { enc: raw(v, "enc"), ct: raw(v, "ct") };
    return { plaintext: b64u(await hpkeOpen(raw(v, "seed"), sealed, raw(v, "info"), new VaultError("wrong_key", ""))) };
  },
  roster: follow,
  recovery: async (v) => ({ code: b64u(await parseRecoveryCode(words(v, "text"))) }),
  slots: async (v) => {
    const { seeds } = await enterSlot(v["slot"], await slotSecret(v["with"] as Record<string, string>), await roster(v));
    return { sign_seed: b64u(seeds.sign), receive_seed: b64u(seeds.receive) };
  },
  objects: object,
  challenges: async (v) => {
    await verifyChallenge(await roster(v), words(v, "member"), words(v, "node"), raw(v, "challenge"), words(v, "ticket"), raw(v, "signature"));
    return verified;
  },
  events: async (v) => {
    await verifyEventSignature(await roster(v), words(v, "edge"), raw(v, "event"), raw(v, "signature"));
    return verified;
  },
  enrolments: async (v) => {
    await verifyEnrolment(raw(v, "sign"), raw(v, "receive"), words(v, "token_secret"), raw(v, "csr"), raw(v, "proof"));
    return verified;
  },
  commands: async (v) => openCommand(raw(v, "payload"), raw(v, "signature"), await roster(v), words(v, "edge"), words(v, "now")),
  secrets: async (v) => ({
    plaintext: b64u(await openSecret(words(v, "household"), words(v, "edge"), raw(v, "receive_seed"), words(v, "id"), v["field"])),
  }),
};

async function outcome(run: (vector: Vector) => Promise<unknown>, vector: Vector): Promise<unknown> {
  try {
    return await run(vector);
  } catch (error) {
    if (!(error instanceof VaultError)) throw error;
    return { reason: error.reason };
  }
}

it("knows every kind of vector there is", () => {
  const kinds = Object.keys(vectors).filter((key) => key !== "about" && key !== "rosters");
  expect(Object.keys(runners).sort()).toEqual(kinds.sort());
});

for (const [kind, run] of Object.entries(runners)) {
  describe(kind, () => {
    it.each((vectors[kind] ?? []).map((vector) => [vector.name, vector] as const))("%s", async (_name, vector) => {
      expect(await outcome(run, vector)).toEqual(vector.outcome);
    });
  });
}
