// The household's roster: a hash chain that names members, edges and epochs. Verified whole, before anything is believed.
import { b64u, concat, equal, hex, u32, unb64u, utf8, type Bytes } from "./bytes";
import { VaultError } from "./errors";
import { sha256, SIGNATURE, signatureHolds, type Sealed } from "./primitives";
import { parseLink, type EpochDraft, type Link } from "./roster-form";
import { Shape } from "./shape";

export const MAX_ENTRIES = 10_000;

/** One link, exactly as it was signed. */
export interface RosterEntry {
  readonly payload: Bytes;
  readonly signature: Bytes;
}

/** A link as the REST API carries it: both fields base64url. */
export interface RosterEntryJson {
  readonly payload: string;
  readonly signature: string;
}

export interface Party {
  readonly id: string;
  readonly name: string;
  readonly signPublic: Bytes;
  readonly receivePublic: Bytes;
}

export interface Wrap extends Sealed {
  readonly member: string;
}

export interface Epoch {
  readonly number: number;
  readonly publicKey: Bytes;
  /** By member id; grows when a member is added. */
  readonly wraps: ReadonlyMap<string, Wrap>;
}

/** What a checked chain says. Immutable: a longer chain makes a new one. */
export interface Roster {
  readonly household: string;
  readonly entries: readonly RosterEntry[];
  readonly hashes: readonly string[];
  readonly genesisHash: Bytes;
  readonly members: ReadonlyMap<string, Party>;
  readonly removedMembers: ReadonlyMap<string, Party>;
  readonly edges: ReadonlyMap<string, Party>;
  readonly revokedEdges: ReadonlyMap<string, Party>;
  readonly epochs: readonly Epoch[];
}

/** The highest chain seen: what a browser remembers, so that an older or another chain is found out. */
export interface RosterPin {
  readonly household: string;
  readonly entries: number;
  readonly head: string;
}

interface State {
  household: string;
  members: Map<string, Party>;
  removedMembers: Map<string, Party>;
  edges: Map<string, Party>;
  revokedEdges: Map<string, Party>;
  epochs: { number: number; publicKey: Bytes; wraps: Map<string, Wrap> }[];
}

const ENTRY_LABEL = utf8("guardian/roster-entry/v1\0");
export const ROSTER_LABEL = utf8("guardian/roster/v1\0");

export async function entryHash(entry: RosterEntry): Promise<Bytes> {
  return sha256(ENTRY_LABEL, u32(entry.payload.length), entry.payload, entry.signature);
}

/**
 * The id of the household that a member with these keys begins. Slots are bound to it: whoever carries the roster
 * cannot put another beginning before the owner's own slot in a browser that has not seen the household yet.
 */
export async function householdOf(founder: Pick<Party, "signPublic" | "receivePublic">): Promise<string> {
  return hex((await sha256(utf8("guardian/household/v1\0"), founder.signPublic, founder.receivePublic)).slice(0, 16));
}

export function entryFromJson(value: unknown): RosterEntry {
  const shape = Shape.of("A roster entry", value, ["payload", "signature"], "roster_malformed");
  const payload = shape.raw("payload");
  if (typeof payload !== "string") throw new VaultError("roster_malformed", "A roster entry has no payload.");
  return { payload: unb64u(payload), signature: shape.bytes("signature", SIGNATURE) };
}

export function entryToJson(entry: RosterEntry): RosterEntryJson {
  return { payload: b64u(entry.payload), signature: b64u(entry.signature) };
}

export function pinOf(roster: Roster): RosterPin {
  return { household: roster.household, entries: roster.entries.length, head: roster.hashes[roster.hashes.length - 1] ?? "" };
}

export function newestEpoch(roster: Pick<Roster, "epochs">): Epoch {
  const epoch = roster.epochs[roster.epochs.length - 1];
  if (epoch === undefined) throw new VaultError("roster_malformed", "The roster has no epoch.");
  return epoch;
}

/** The edge, if it is in the household now. */
export function activeEdge(roster: Roster, id: string): Party {
  const edge = roster.edges.get(id);
  if (edge !== undefined) return edge;
  if (roster.revokedEdges.has(id)) throw new VaultError("revoked", "This edge was removed from your household. What it sends is no longer believed.");
  throw new VaultError("stranger", "This edge is not confirmed as part of your household. Compare its words under Cameras first.");
}

/** The member, if one of the household now. */
export function activeMember(roster: Roster, id: string): Party {
  const member = roster.members.get(id);
  if (member !== undefined) return member;
  if (roster.removedMembers.has(id)) throw new VaultError("revoked", "This member was removed from the household. A member must add them again.");
  throw new VaultError("stranger", "The roster does not know this member of the household.");
}

const refuse = (sentence: string): never => {
  throw new VaultError("roster_action", sentence);
};

function joinEpoch(state: State, draft: EpochDraft): void {
  const number = state.epochs.length + 1;
  if (draft.number !== number) refuse(`The next epoch must be number ${number}.`);
  const wraps = new Map(draft.wraps.map((wrap) => [wrap.member, wrap]));
  const each = draft.wraps.length === state.members.size && [...state.members.keys()].every((id) => wraps.has(id));
  if (!each) refuse("An epoch must be wrapped once for each member and for no one else.");
  state.epochs.push({ number, publicKey: draft.publicKey, wraps });
}

function unused(state: State, id: string): void {
  const taken = [state.members, state.removedMembers, state.edges, state.revokedEdges].some((map) => map.has(id));
  if (taken) refuse("An id in the roster is used twice.");
}

function move(from: Map<string, Party>, to: Map<string, Party>, id: string, sentence: string): void {
  const party = from.get(id) ?? refuse(sentence);
  from.delete(id);
  to.set(id, party);
}

function act(state: State, seq: number, link: Link): void {
  const { action } = link;
  if ((seq === 0) !== (action.type === "genesis")) refuse("The first entry, and only the first, is a genesis.");
  switch (action.type) {
    case "genesis":
      state.members.set(action.member.id, action.member);
      return joinEpoch(state, action.epoch);
    case "add_member": {
      unused(state, action.member.id);
      const numbers = new Set(action.wraps.map((pair) => pair.epoch));
      const own = action.wraps.every((pair) => pair.wrap.member === action.member.id && pair.epoch <= state.epochs.length);
      if (!own || numbers.size !== action.wraps.length || numbers.size !== state.epochs.length) {
        refuse("A new member's wraps must be one for each epoch, all their own.");
      }
      for (const pair of action.wraps) state.epochs[pair.epoch - 1]?.wraps.set(action.member.id, pair.wrap);
      state.members.set(action.member.id, action.member);
      return;
    }
    case "remove_member":
      if (state.members.size === 1 && state.members.has(action.memberId)) refuse("The last member cannot be removed.");
      move(state.members, state.removedMembers, action.memberId, "The member to remove is not in the roster.");
      return joinEpoch(state, action.epoch);
    case "add_edge":
      unused(state, action.edge.id);
      state.edges.set(action.edge.id, action.edge);
      return;
    case "revoke_edge":
      return move(state.edges, state.revokedEdges, action.edgeId, "The edge to revoke is not in the roster.");
    case "new_epoch":
      return joinEpoch(state, action.epoch);
  }
}

async function apply(state: State, entry: RosterEntry, seq: number, previous: string): Promise<void> {
  const link = parseLink(entry);
  if (state.household !== "" && link.household !== state.household) {
    throw new VaultError("roster_order", "A roster entry is of another household.");
  }
  if (link.seq !== seq) throw new VaultError("roster_order", "A roster entry is out of order.");
  if (link.prev !== previous) throw new VaultError("roster_order", "A roster entry does not follow the one before it.");
  const created = seq === 0 && link.action.type === "genesis" && link.action.member.id === link.author ? link.action.member : undefined;
  const author = created ?? state.members.get(link.author);
  if (author === undefined) throw new VaultError("roster_author", "A roster entry's author is not a member of this household.");
  if (!(await signatureHolds(author.signPublic, entry.signature, ROSTER_LABEL, entry.payload))) {
    throw new VaultError("bad_signature", "A roster entry's signature does not hold. Somebody on the way may have changed it.");
  }
  if (created !== undefined && link.household !== (await householdOf(created))) refuse("The first entry's household is another founder's.");
  state.household = link.household;
  act(state, seq, link);
}

/** Checks a whole chain, from its first entry. */
export async function verifyRoster(entries: readonly RosterEntry[], household?: string): Promise<Roster> {
  if (entries.length === 0) throw new VaultError("roster_malformed", "The roster is empty.");
  if (entries.length > MAX_ENTRIES) throw new VaultError("roster_malformed", "The roster has more than 10,000 entries.");
  const state: State = {
    household: household ?? "",
    members: new Map(),
    removedMembers: new Map(),
    edges: new Map(),
    revokedEdges: new Map(),
    epochs: [],
  };
  const hashes: Bytes[] = [];
  for (const [seq, entry] of entries.entries()) {
    const last = hashes[seq - 1];
    await apply(state, entry, seq, last === undefined ? "" : hex(last));
    hashes.push(await entryHash(entry));
  }
  const genesisHash = hashes[0] ?? concat();
  return { ...state, entries: [...entries], hashes: hashes.map(hex), genesisHash };
}

/** The next chain, accepted only if it begins with the one already checked, byte for byte. */
export async function extendRoster(known: Roster, entries: readonly RosterEntry[]): Promise<Roster> {
  for (const [i, old] of known.entries.entries()) {
    const entry = entries[i];
    if (entry === undefined) throw stale();
    if (!equal(old.payload, entry.payload) || !equal(old.signature, entry.signature)) throw fork();
  }
  return entries.length === known.entries.length ? known : verifyRoster(entries, known.household);
}

/** Holds a checked chain against what this browser remembers. */
export function checkPin(roster: Roster, pin: RosterPin): void {
  if (roster.household !== pin.household) throw fork();
  if (roster.entries.length < pin.entries) throw stale();
  if (roster.hashes[pin.entries - 1] !== pin.head) throw fork();
}

function stale(): VaultError {
  return new VaultError("stale", "The household's roster shown to this browser is older than one it has seen before. Try again later; if it stays so, somebody is hiding changes.");
}

function fork(): VaultError {
  return new VaultError("fork", "The household's roster differs from the one this browser has seen before. Do not go on: somebody on the way is showing another chain.");
}
