// Signed messages that are not objects: relay challenges, commands to an edge, an edge's events.
import { fromBinary } from "@bufbuild/protobuf";
import { EventSchema, type Event } from "../gen/guardian/edge/v1/edge_pb";
import { b64u, concat, rfc3339, unhex, utf8, uuid7, type Bytes } from "./bytes";
import { VaultError } from "./errors";
import { hpkeSeal, sha256, sign, signatureHolds } from "./primitives";
import { activeEdge, pinOf, type Party, type Roster } from "./roster";

const DAY_MS = 86_400_000;

/** `{"sealed":{"enc","ct"}}`: only the addressed edge opens it. */
export interface SealedSecret {
  readonly sealed: { readonly enc: string; readonly ct: string };
}

/** A command ready for `POST /commands`. */
export interface SignedCommand {
  readonly id: string;
  readonly edge_id: string;
  readonly payload: string;
  readonly signature: string;
}

export interface CommandAction {
  readonly type: string;
  readonly [field: string]: unknown;
}

export function secretInfo(household: string, edge: string, id: string): Bytes {
  return concat(utf8("guardian/command-secret/v1\0"), unhex(household, 16), unhex(edge, 16), utf8(id));
}

export async function sealSecret(household: string, edge: Party, id: string, secret: string): Promise<SealedSecret> {
  const { enc, ct } = await hpkeSeal(edge.receivePublic, secretInfo(household, edge.id, id), utf8(secret));
  return { sealed: { enc: b64u(enc), ct: b64u(ct) } };
}

export async function challengeMessage(nodeId: string, challenge: Bytes, ticket: string): Promise<Bytes> {
  if (challenge.length !== 32) throw new VaultError("encoding", "A relay's challenge has 32 bytes.");
  return concat(utf8("guardian/relay-challenge/v1\0"), unhex(nodeId, 16), challenge, await sha256(utf8(ticket)));
}

export async function signChallenge(key: CryptoKey, nodeId: string, challenge: Bytes, ticket: string): Promise<Bytes> {
  return sign(key, await challengeMessage(nodeId, challenge, ticket));
}

/** Signs a command for one edge. `build` is given the command's id, to which secrets inside are bound. */
export async function signCommand(
  author: { readonly id: string; readonly signKey: CryptoKey },
  roster: Roster,
  edgeId: string,
  build: (id: string, edge: Party) => Promise<CommandAction> | CommandAction,
  validMs: number = DAY_MS,
  now: Date = new Date(),
): Promise<SignedCommand> {
  const edge = activeEdge(roster, edgeId);
  const id = uuid7(now.getTime());
  const pin = pinOf(roster);
  const body = {
    v: 1,
    household: roster.household,
    edge: edgeId,
    id,
    author: author.id,
    issued: rfc3339(now),
    expires: rfc3339(new Date(now.getTime() + Math.min(validMs, DAY_MS))),
    roster: { seq: pin.entries - 1, hash: pin.head },
    action: await build(id, edge),
  };
  const payload = utf8(JSON.stringify(body));
  const signature = await sign(author.signKey, utf8("guardian/command/v1\0"), payload);
  return { id, edge_id: edgeId, payload: b64u(payload), signature: b64u(signature) };
}

export async function verifyEventSignature(roster: Roster, edgeId: string, event: Bytes, signature: Bytes): Promise<void> {
  const edge = activeEdge(roster, edgeId);
  if (!(await signatureHolds(edge.signPublic, signature, utf8("guardian/event/v1\0"), event))) {
    throw new VaultError("bad_signature", "This event's details are not as the edge signed them. They are not shown.");
  }
}

/** An event as its edge signed it; boxes are believed only after this. */
export async function verifyEvent(roster: Roster, edgeId: string, event: Bytes, signature: Bytes): Promise<Event> {
  await verifyEventSignature(roster, edgeId, event, signature);
  let message: Event;
  try {
    message = fromBinary(EventSchema, event);
  } catch {
    throw new VaultError("event_malformed", "This event's details cannot be read.");
  }
  if (message.householdId !== roster.household || message.edgeId !== edgeId) {
    throw new VaultError("wrong_object", "These details belong to another household or edge.");
  }
  return message;
}
