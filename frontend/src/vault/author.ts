// Writes new roster entries. Every one is checked as a reader would check it before it is handed out.
import { b64u, hex, random, rfc3339, u32, unhex, utf8, concat, type Bytes } from "./bytes";
import { VaultError } from "./errors";
import { hpkeOpen, hpkeSeal, receivePublic, SEED, sign } from "./primitives";
import { entryHash, householdOf, newestEpoch, ROSTER_LABEL, verifyRoster, type Epoch, type Party, type Roster, type RosterEntry, type Wrap } from "./roster";

const EPOCH_LABEL = utf8("guardian/epoch/v1\0");

export interface Author {
  readonly id: string;
  readonly signKey: CryptoKey;
}

/** An entry ready for `POST /vault/roster`, and the chain it makes. */
export interface Authored {
  readonly first: number;
  readonly entry: RosterEntry;
  readonly roster: Roster;
}

function epochInfo(household: string, member: string, number: number): Bytes {
  return concat(EPOCH_LABEL, unhex(household, 16), unhex(member, 16), u32(number));
}

async function wrapEpoch(household: string, member: Party, number: number, seed: Bytes): Promise<Wrap> {
  const sealed = await hpkeSeal(member.receivePublic, epochInfo(household, member.id, number), seed);
  return { member: member.id, ...sealed };
}

/** The epoch's private seed, opened with a member's receive seed. */
export async function openEpoch(roster: Roster, epoch: Epoch, member: string, receiveSeed: Bytes): Promise<Bytes> {
  const wrap = epoch.wraps.get(member);
  if (wrap === undefined) {
    throw new VaultError("epoch_unknown", `You joined after epoch ${epoch.number} ended and hold no key for it.`);
  }
  const info = epochInfo(roster.household, member, epoch.number);
  const seed = await hpkeOpen(receiveSeed, wrap, info, new VaultError("wrong_key", "The vault's key in the roster does not open with your keys."));
  if (b64u(await receivePublic(seed)) !== b64u(epoch.publicKey)) {
    throw new VaultError("wrong_key", "The vault's key in the roster is not the key it is said to be.");
  }
  return seed;
}

function partyJson(party: Party): Record<string, string> {
  return { id: party.id, name: party.name, sign: b64u(party.signPublic), receive: b64u(party.receivePublic) };
}

function wrapJson(wrap: Wrap): Record<string, string> {
  return { member: wrap.member, enc: b64u(wrap.enc), ct: b64u(wrap.ct) };
}

async function epochJson(household: string, number: number, members: Iterable<Party>): Promise<Record<string, unknown>> {
  const seed = random(SEED);
  const wraps = [];
  for (const member of members) wraps.push(wrapJson(await wrapEpoch(household, member, number, seed)));
  const made = { number, public: b64u(await receivePublic(seed)), wraps };
  seed.fill(0);
  return made;
}

async function signEntry(
  author: Author,
  household: string,
  before: readonly RosterEntry[],
  action: Readonly<Record<string, unknown>>,
): Promise<Authored> {
  const last = before[before.length - 1];
  const prev = last === undefined ? "" : hex(await entryHash(last));
  const body = { v: 1, household, seq: before.length, prev, author: author.id, time: rfc3339(), action };
  const payload = utf8(JSON.stringify(body));
  const entry = { payload, signature: await sign(author.signKey, ROSTER_LABEL, payload) };
  return { first: before.length, entry, roster: await verifyRoster([...before, entry], household) };
}

export async function genesis(author: Author, member: Party): Promise<Authored> {
  const household = await householdOf(member);
  const epoch = await epochJson(household, 1, [member]);
  return signEntry(author, household, [], { type: "genesis", member: partyJson(member), epoch });
}

export async function addEdge(author: Author, roster: Roster, edge: Party): Promise<Authored> {
  return signEntry(author, roster.household, roster.entries, { type: "add_edge", edge: partyJson(edge) });
}

export async function revokeEdge(author: Author, roster: Roster, edgeId: string): Promise<Authored> {
  return signEntry(author, roster.household, roster.entries, { type: "revoke_edge", edge_id: edgeId });
}

/** Wraps every epoch's key for the newcomer; `receiveSeed` is the author's own. */
export async function addMember(author: Author, roster: Roster, receiveSeed: Bytes, member: Party): Promise<Authored> {
  const wraps = [];
  for (const epoch of roster.epochs) {
    const seed = await openEpoch(roster, epoch, author.id, receiveSeed);
    wraps.push({ epoch: epoch.number, wrap: wrapJson(await wrapEpoch(roster.household, member, epoch.number, seed)) });
    seed.fill(0);
  }
  return signEntry(author, roster.household, roster.entries, { type: "add_member", member: partyJson(member), wraps });
}

export async function removeMember(author: Author, roster: Roster, memberId: string): Promise<Authored> {
  const staying = [...roster.members.values()].filter((member) => member.id !== memberId);
  const epoch = await epochJson(roster.household, newestEpoch(roster).number + 1, staying);
  return signEntry(author, roster.household, roster.entries, { type: "remove_member", member_id: memberId, epoch });
}

export async function newEpoch(author: Author, roster: Roster): Promise<Authored> {
  const epoch = await epochJson(roster.household, newestEpoch(roster).number + 1, roster.members.values());
  return signEntry(author, roster.household, roster.entries, { type: "new_epoch", epoch });
}
