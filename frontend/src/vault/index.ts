// The vault's one door: what the rest of the UI may use of it.
export { b64u, hex, unb64, unb64u, unhex, type Bytes } from "./bytes";
export { sentenceOf, VaultError, type VaultReason } from "./errors";
export type { Authored } from "./author";
export type { Expected, Metadata, ObjectKind } from "./header";
export type { CommandAction, SealedSecret, SignedCommand } from "./messages";
export type { PartEntry, SealedObject } from "./object";
export { formatRecoveryCode, parseRecoveryCode } from "./recovery";
export {
  checkPin,
  entryFromJson,
  entryToJson,
  extendRoster,
  pinOf,
  verifyRoster,
  type Epoch,
  type Party,
  type Roster,
  type RosterEntry,
  type RosterEntryJson,
  type RosterPin,
} from "./roster";
export { edgeClaim, OpenVault, type Created, type EdgeClaim, type EdgeTrust, type Published } from "./session";
export { parseSlot, type Slot, type SlotKind } from "./slots";
export { memorySource, type ByteSource, type Piece } from "./source";
export { edgeWords, wordsOf } from "./words";
export type { Detection, Event as SignedEventBody } from "../gen/guardian/edge/v1/edge_pb";
