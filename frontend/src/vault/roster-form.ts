// The form of a roster entry, checked before anything it says is looked at.
import type { Bytes } from "./bytes";
import { VaultError } from "./errors";
import { ENC, RECEIVE_PUBLIC } from "./primitives";
import type { Party, RosterEntry, Wrap } from "./roster";
import { parseJson, Shape } from "./shape";

const REASON = "roster_malformed";
const MAX_PAYLOAD = 256 * 1024;
const MAX_ITEMS = 10_000;
const KEYS = ["v", "household", "seq", "prev", "author", "time", "action"] as const;

export interface EpochDraft {
  readonly number: number;
  readonly publicKey: Bytes;
  readonly wraps: readonly Wrap[];
}

export interface EpochWrap {
  readonly epoch: number;
  readonly wrap: Wrap;
}

export type Action =
  | { readonly type: "genesis"; readonly member: Party; readonly epoch: EpochDraft }
  | { readonly type: "add_member"; readonly member: Party; readonly wraps: readonly EpochWrap[] }
  | { readonly type: "remove_member"; readonly memberId: string; readonly epoch: EpochDraft }
  | { readonly type: "add_edge"; readonly edge: Party }
  | { readonly type: "revoke_edge"; readonly edgeId: string }
  | { readonly type: "new_epoch"; readonly epoch: EpochDraft };

export interface Link {
  readonly household: string;
  readonly seq: number;
  readonly prev: string;
  readonly author: string;
  readonly action: Action;
}

function party(what: string, value: unknown): Party {
  const shape = Shape.of(what, value, ["id", "name", "sign", "receive"], REASON);
  return {
    id: shape.id("id"),
    name: shape.text("name", 1, 64),
    signPublic: shape.bytes("sign", 32),
    receivePublic: shape.bytes("receive", RECEIVE_PUBLIC),
  };
}

function wrap(value: unknown): Wrap {
  const shape = Shape.of("A wrap", value, ["member", "enc", "ct"], REASON);
  return { member: shape.id("member"), enc: shape.bytes("enc", ENC), ct: shape.bytes("ct", 48) };
}

function epoch(value: unknown): EpochDraft {
  const shape = Shape.of("An epoch", value, ["number", "public", "wraps"], REASON);
  return {
    number: shape.integer("number", 1, 0xffffffff),
    publicKey: shape.bytes("public", RECEIVE_PUBLIC),
    wraps: shape.list("wraps", MAX_ITEMS).map(wrap),
  };
}

function epochWrap(value: unknown): EpochWrap {
  const shape = Shape.of("A member's wrap", value, ["epoch", "wrap"], REASON);
  return { epoch: shape.integer("epoch", 1, 0xffffffff), wrap: wrap(shape.raw("wrap")) };
}

const parsers: Readonly<Record<string, (value: unknown) => Action>> = {
  genesis(value) {
    const shape = Shape.of("A genesis", value, ["type", "member", "epoch"], REASON);
    return { type: "genesis", member: party("A member", shape.raw("member")), epoch: epoch(shape.raw("epoch")) };
  },
  add_member(value) {
    const shape = Shape.of("An add_member", value, ["type", "member", "wraps"], REASON);
    const wraps = shape.list("wraps", MAX_ITEMS).map(epochWrap);
    return { type: "add_member", member: party("A member", shape.raw("member")), wraps };
  },
  remove_member(value) {
    const shape = Shape.of("A remove_member", value, ["type", "member_id", "epoch"], REASON);
    return { type: "remove_member", memberId: shape.id("member_id"), epoch: epoch(shape.raw("epoch")) };
  },
  add_edge(value) {
    const shape = Shape.of("An add_edge", value, ["type", "edge"], REASON);
    return { type: "add_edge", edge: party("An edge", shape.raw("edge")) };
  },
  revoke_edge(value) {
    const shape = Shape.of("A revoke_edge", value, ["type", "edge_id"], REASON);
    return { type: "revoke_edge", edgeId: shape.id("edge_id") };
  },
  new_epoch(value) {
    const shape = Shape.of("A new_epoch", value, ["type", "epoch"], REASON);
    return { type: "new_epoch", epoch: epoch(shape.raw("epoch")) };
  },
};

function action(value: unknown): Action {
  const type = typeof value === "object" && value !== null && "type" in value ? value.type : undefined;
  const parser = typeof type === "string" && Object.hasOwn(parsers, type) ? parsers[type] : undefined;
  if (parser === undefined) throw new VaultError(REASON, "A roster entry has an action that this version does not know.");
  return parser(value);
}

export function parseLink(entry: RosterEntry): Link {
  if (entry.payload.length > MAX_PAYLOAD) throw new VaultError(REASON, "A roster entry is larger than 256 KiB.");
  const shape = Shape.of("A roster entry", parseJson("A roster entry", entry.payload, REASON), KEYS, REASON);
  shape.version();
  shape.time("time");
  return {
    household: shape.id("household"),
    seq: shape.integer("seq", 0, Number.MAX_SAFE_INTEGER),
    prev: shape.raw("prev") === "" ? "" : shape.hash("prev"),
    author: shape.id("author"),
    action: action(shape.raw("action")),
  };
}
