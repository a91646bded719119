// What edge and node check of a member's messages. The page never needs it; the shared vectors hold both languages to it.
import { concat, unb64u, utf8, type Bytes } from "./bytes";
import { VaultError } from "./errors";
import { challengeMessage, secretInfo } from "./messages";
import { ENC, hpkeOpen, sha256, signatureHolds } from "./primitives";
import { activeMember, type Roster } from "./roster";
import { isUtcTime, parseJson, Shape } from "./shape";

const MINUTE = 60_000_000;
const DAY = 1440 * MINUTE;
const UUID7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const KEYS = ["v", "household", "edge", "id", "author", "issued", "expires", "roster", "action"] as const;

export interface Command {
  readonly id: string;
  readonly action: object;
}

async function must(publicKey: Bytes, signature: Bytes, message: Bytes): Promise<void> {
  if (!(await signatureHolds(publicKey, signature, message))) throw new VaultError("bad_signature", "The signature does not hold.");
}

/** Microseconds since 1970 of an RFC 3339 text in UTC. */
function micros(time: string): number {
  if (!isUtcTime(time)) throw new VaultError("encoding", "This is not a time.");
  const fraction = /\.(\d+)Z$/.exec(time)?.[1] ?? "";
  return Date.parse(`${time.slice(0, 19)}Z`) * 1000 + Number(fraction.padEnd(6, "0"));
}

export async function verifyChallenge(roster: Roster, memberId: string, nodeId: string, challenge: Bytes, ticket: string, signature: Bytes): Promise<void> {
  const member = activeMember(roster, memberId);
  await must(member.signPublic, signature, await challengeMessage(nodeId, challenge, ticket));
}

export async function verifyEnrolment(signPublic: Bytes, receivePublic: Bytes, tokenSecret: string, csr: Bytes, proof: Bytes): Promise<void> {
  const hashes = [await sha256(utf8(tokenSecret)), await sha256(csr), await sha256(receivePublic)];
  await must(signPublic, proof, concat(utf8("guardian/enrol/v1\0"), ...hashes));
}

export async function openCommand(payload: Bytes, signature: Bytes, roster: Roster, edgeId: string, now: string): Promise<Command> {
  const reason = "command_malformed";
  if (payload.length > 256 * 1024) throw new VaultError(reason, "This command is too large.");
  const shape = Shape.of("A command", parseJson("A command", payload, reason), KEYS, reason);
  shape.version();
  const id = shape.text("id", 36, 36);
  const point = Shape.of("A command's roster point", shape.raw("roster"), ["seq", "hash"], reason);
  const action = shape.raw("action");
  const typed = typeof action === "object" && action !== null && "type" in action && typeof action.type === "string";
  if (!typed || !UUID7.test(id)) throw new VaultError(reason, "This command has a form that no page writes.");
  const [household, edge, author] = [shape.id("household"), shape.id("edge"), shape.id("author")];
  const [issued, expires, at] = [micros(shape.time("issued")), micros(shape.time("expires")), micros(now)];
  const [seq, hash] = [point.integer("seq", 0, 0xffffffff), point.hash("hash")];
  await must(activeMember(roster, author).signPublic, signature, concat(utf8("guardian/command/v1\0"), payload));
  if (household !== roster.household || edge !== edgeId) throw new VaultError("command_misaddressed", "This command is for another edge.");
  if (issued - at > 5 * MINUTE) throw new VaultError("command_early", "This command was issued in the future.");
  if (at >= expires || expires <= issued || expires - issued > DAY) throw new VaultError("command_expired", "This command is no longer valid.");
  if (roster.hashes[seq] !== hash) throw new VaultError("command_roster", "This command names a roster that this edge does not have.");
  return { id, action };
}

/** Opens `{"sealed":{"enc","ct"}}` with the edge's key. */
export async function openSecret(household: string, edgeId: string, receiveSeed: Bytes, commandId: string, field: unknown): Promise<Bytes> {
  const reason = "command_malformed";
  const sealed = Shape.of("A sealed secret", Shape.of("A secret", field, ["sealed"], reason).raw("sealed"), ["enc", "ct"], reason);
  const ct = sealed.raw("ct");
  if (typeof ct !== "string") throw new VaultError(reason, "A sealed secret has no ciphertext.");
  const info = secretInfo(household, edgeId, commandId);
  const enc = sealed.bytes("enc", ENC);
  const refusal = new VaultError("secret_damaged", "The secret in this command does not open.");
  return hpkeOpen(receiveSeed, { enc, ct: decoded(ct) }, info, refusal);
}

function decoded(ct: string): Bytes {
  try {
    return unb64u(ct);
  } catch {
    throw new VaultError("command_malformed", "A sealed secret is not base64url.");
  }
}
