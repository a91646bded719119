// The open vault: a member's private keys and the checked roster, in this page's memory and nowhere else.
import { newId, random, unb64u, type Bytes } from "./bytes";
import * as author from "./author";
import type { Authored } from "./author";
import { VaultError } from "./errors";
import type { Expected } from "./header";
import { signCommand, signChallenge, sealSecret, verifyEvent, type CommandAction, type SealedSecret, type SignedCommand } from "./messages";
import { openObject, type SealedObject } from "./object";
import { receivePublic, SEED, signingKey, signPublic } from "./primitives";
import { formatRecoveryCode } from "./recovery";
import { checkPin, extendRoster, pinOf, verifyRoster, type Party, type Roster, type RosterEntry, type RosterPin } from "./roster";
import { createSlot, enterSlot, parseSlot, recoverySecret, wipe, type MemberSeeds, type Slot, type SlotSecret } from "./slots";
import type { ByteSource } from "./source";
import { edgeWords } from "./words";
import type { Event } from "../gen/guardian/edge/v1/edge_pb";

/** Public keys an edge claims, as the control plane tells them: believed only after its words were compared. */
export interface EdgeClaim {
  readonly id: string;
  readonly name: string;
  readonly signPublic: Bytes;
  readonly receivePublic: Bytes;
}

/**
 * `confirmed`: in the roster with these very keys. `unconfirmed`: not in the roster. `changed`: in the roster with
 * other keys, somebody may be playing its part. `revoked`: removed by its owner.
 */
export type EdgeTrust = "confirmed" | "unconfirmed" | "changed" | "revoked";

export interface Created {
  readonly vault: OpenVault;
  /** The roster's first entry, for `POST /vault/roster` with `first: 0`. */
  readonly genesis: Authored;
  /** For `PUT /vault/slots/{id}`: one of kind secret, one of kind recovery. */
  readonly slots: readonly Slot[];
  /** Shown once. */
  readonly recoveryCode: string;
}

export interface Published {
  /** `GET /vault/slots`, as it came. */
  readonly slots: readonly unknown[];
  readonly entries: readonly RosterEntry[];
  /** What this browser remembers of the roster, if anything. */
  readonly pin?: RosterPin | undefined;
}

const SHORTEST_SECRET = 8;

export class OpenVault {
  readonly memberId: string;
  #roster: Roster;
  #seeds: MemberSeeds | null;
  #signKey: CryptoKey | null;
  readonly #epochs = new Map<number, Bytes>();
  readonly #onLock = new Set<() => void>();

  private constructor(memberId: string, roster: Roster, seeds: MemberSeeds, signKey: CryptoKey) {
    this.memberId = memberId;
    this.#roster = roster;
    this.#seeds = seeds;
    this.#signKey = signKey;
  }

  /** Makes a household: keys, roster, slots and the recovery code. Nothing is published yet. */
  static async create(secret: string, memberName: string): Promise<Created> {
    checkSecret(secret);
    const seeds: MemberSeeds = { sign: random(SEED), receive: random(SEED) };
    const member: Party = {
      id: newId(),
      name: memberName,
      signPublic: await signPublic(seeds.sign),
      receivePublic: await receivePublic(seeds.receive),
    };
    const signKey = await signingKey(seeds.sign);
    const genesis = await author.genesis({ id: member.id, signKey }, member);
    const code = random(16);
    const household = genesis.roster.household;
    const slots = [
      await createSlot(household, member.id, seeds, { kind: "secret", secret }),
      await createSlot(household, member.id, seeds, { kind: "recovery", code }),
    ];
    const recoveryCode = await formatRecoveryCode(code);
    code.fill(0);
    return { vault: new OpenVault(member.id, genesis.roster, seeds, signKey), genesis, slots, recoveryCode };
  }

  static async unlockWithSecret(published: Published, secret: string): Promise<OpenVault> {
    return OpenVault.#unlock(published, { kind: "secret", secret });
  }

  static async unlockWithRecovery(published: Published, typed: string): Promise<OpenVault> {
    const recovery = await recoverySecret(typed);
    return OpenVault.#unlock(published, recovery);
  }

  static async #unlock(published: Published, secret: SlotSecret): Promise<OpenVault> {
    const roster = await verifyRoster(published.entries);
    if (published.pin !== undefined) checkPin(roster, published.pin);
    // All are checked before any work: one absurd slot among good ones is an attack worth telling.
    const slots = published.slots.map(parseSlot).filter((slot) => slot.kind === secret.kind);
    let refusal = new VaultError("no_slot", secret.kind === "secret" ? "This vault has no secret set." : "This vault has no recovery code.");
    for (const slot of slots) {
      try {
        return await OpenVault.#enter(slot, roster, secret);
      } catch (error) {
        if (!(error instanceof VaultError) || error.reason !== "wrong_secret") throw error;
        refusal = error;
      }
    }
    throw refusal;
  }

  static async #enter(slot: Slot, roster: Roster, secret: SlotSecret): Promise<OpenVault> {
    const { member, seeds } = await enterSlot(slot, secret, roster);
    return new OpenVault(member.id, roster, seeds, await signingKey(seeds.sign));
  }

  get locked(): boolean {
    return this.#seeds === null;
  }

  get roster(): Roster {
    return this.#roster;
  }

  get household(): string {
    return this.#roster.household;
  }

  get memberName(): string {
    return this.#roster.members.get(this.memberId)?.name ?? "";
  }

  /** For the browser's own storage: it holds no secret. */
  get pin(): RosterPin {
    return pinOf(this.#roster);
  }

  /** Drops the keys; everything opened with them is to be dropped by those who listen. */
  lock(): void {
    if (this.#seeds === null) return;
    wipe(this.#seeds);
    for (const seed of this.#epochs.values()) seed.fill(0);
    this.#epochs.clear();
    this.#seeds = null;
    this.#signKey = null;
    for (const tell of this.#onLock) tell();
    this.#onLock.clear();
  }

  onLock(tell: () => void): () => void {
    this.#onLock.add(tell);
    return () => this.#onLock.delete(tell);
  }

  /** Takes a newer chain; refuses a stale or forked one and keeps the old. */
  async acceptRoster(entries: readonly RosterEntry[]): Promise<Roster> {
    this.#roster = await extendRoster(this.#roster, entries);
    return this.#roster;
  }

  /** Takes an entry made here, once the control plane has stored it. */
  async adopt(authored: Authored): Promise<Roster> {
    return this.acceptRoster(authored.roster.entries);
  }

  async wordsFor(edge: Pick<EdgeClaim, "signPublic" | "receivePublic">): Promise<string[]> {
    return edgeWords(this.#roster, edge);
  }

  trustOf(edge: Pick<EdgeClaim, "id" | "signPublic" | "receivePublic">): EdgeTrust {
    if (this.#roster.revokedEdges.has(edge.id)) return "revoked";
    const known = this.#roster.edges.get(edge.id);
    if (known === undefined) return "unconfirmed";
    const same = String(known.signPublic) === String(edge.signPublic) && String(known.receivePublic) === String(edge.receivePublic);
    return same ? "confirmed" : "changed";
  }

  /** Signs an edge into the household, after its words were compared. POST the entry, then `adopt` it. */
  async confirmEdge(edge: EdgeClaim): Promise<Authored> {
    return author.addEdge(this.#author(), this.#roster, edge);
  }

  async revokeEdge(edgeId: string): Promise<Authored> {
    return author.revokeEdge(this.#author(), this.#roster, edgeId);
  }

  async addMember(member: Party): Promise<Authored> {
    return author.addMember(this.#author(), this.#roster, this.#keys().receive, member);
  }

  async removeMember(memberId: string): Promise<Authored> {
    return author.removeMember(this.#author(), this.#roster, memberId);
  }

  async newEpoch(): Promise<Authored> {
    return author.newEpoch(this.#author(), this.#roster);
  }

  /** A slot for a new secret, under the old slot's id: no recording is sealed again. */
  async changeSecret(slotId: string, secret: string): Promise<Slot> {
    checkSecret(secret);
    return createSlot(this.household, this.memberId, this.#keys(), { kind: "secret", secret }, slotId);
  }

  /** A new recovery code; given an old slot's id, the old code ends. */
  async newRecoveryCode(slotId?: string): Promise<{ slot: Slot; recoveryCode: string }> {
    const code = random(16);
    const slot = await createSlot(this.household, this.memberId, this.#keys(), { kind: "recovery", code }, slotId);
    const recoveryCode = await formatRecoveryCode(code);
    code.fill(0);
    return { slot, recoveryCode };
  }

  async openObject(source: ByteSource, expected: Expected, signal?: AbortSignal): Promise<SealedObject> {
    this.#keys();
    return openObject(source, this.#roster, (number) => this.#epochSeed(number), expected, signal);
  }

  async signChallenge(nodeId: string, challenge: Bytes, ticket: string): Promise<Bytes> {
    return signChallenge(this.#author().signKey, nodeId, challenge, ticket);
  }

  async signCommand(edgeId: string, build: (id: string, edge: Party) => Promise<CommandAction> | CommandAction): Promise<SignedCommand> {
    return signCommand(this.#author(), this.#roster, edgeId, build);
  }

  async sealSecret(edge: Party, commandId: string, secret: string): Promise<SealedSecret> {
    return sealSecret(this.household, edge, commandId, secret);
  }

  /** An event with its boxes, from the relay's base64 fields decoded, believed only if its edge signed it. */
  async verifyEvent(edgeId: string, event: Bytes, signature: Bytes): Promise<Event> {
    return verifyEvent(this.#roster, edgeId, event, signature);
  }

  #keys(): MemberSeeds {
    if (this.#seeds === null) throw lockedError();
    return this.#seeds;
  }

  #author(): author.Author {
    if (this.#signKey === null) throw lockedError();
    return { id: this.memberId, signKey: this.#signKey };
  }

  async #epochSeed(number: number): Promise<Bytes> {
    const known = this.#epochs.get(number);
    if (known !== undefined) return known;
    const epoch = this.#roster.epochs[number - 1];
    if (epoch === undefined) {
      throw new VaultError("epoch_unknown", "This recording was sealed with a newer key than this page knows. Reload the page.");
    }
    const seed = await author.openEpoch(this.#roster, epoch, this.memberId, this.#keys().receive);
    if (this.#seeds === null) {
      seed.fill(0);
      throw lockedError();
    }
    this.#epochs.set(number, seed);
    return seed;
  }
}

function lockedError(): VaultError {
  return new VaultError("locked", "The vault is locked. Unlock it with your secret.");
}

function checkSecret(secret: string): void {
  if ([...secret.normalize("NFKC")].length < SHORTEST_SECRET) {
    throw new VaultError("secret_weak", `Choose a longer secret: at least ${SHORTEST_SECRET} characters. Four or five unrelated words are good.`);
  }
}

/** From the control plane's form of an edge's keys (base64url). */
export function edgeClaim(edge: { readonly id: string; readonly name: string; readonly sign_public: string; readonly receive_public: string }): EdgeClaim {
  return { id: edge.id, name: edge.name, signPublic: unb64u(edge.sign_public, 32), receivePublic: unb64u(edge.receive_public, 1216) };
}
