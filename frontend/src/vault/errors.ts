// What the vault refuses: a reason a program reads (docs/vault-format.md lists them, the same in both languages) and a sentence a person can act on.

export type VaultReason =
  | "encoding"
  | "too_short"
  | "not_sealed"
  | "unsupported"
  | "header_malformed"
  | "wrong_object"
  | "stranger"
  | "revoked"
  | "epoch_unknown"
  | "wrong_key"
  | "header_damaged"
  | "bad_signature"
  | "damaged"
  | "trailer_damaged"
  | "body_damaged"
  | "roster_malformed"
  | "roster_order"
  | "roster_author"
  | "roster_action"
  | "stale"
  | "fork"
  | "slot_malformed"
  | "kdf_refused"
  | "wrong_secret"
  | "wrong_member"
  | "recovery_code"
  | "command_malformed"
  | "command_misaddressed"
  | "command_early"
  | "command_expired"
  | "command_roster"
  | "secret_damaged"
  // Of this page alone, never of bytes:
  | "locked"
  | "no_slot"
  | "event_malformed"
  | "secret_weak";

export class VaultError extends Error {
  override readonly name = "VaultError";
  readonly reason: VaultReason;
  readonly sentence: string;

  constructor(reason: VaultReason, sentence: string) {
    super(sentence);
    this.reason = reason;
    this.sentence = sentence;
  }
}

/** The sentence to show for anything thrown. */
export function sentenceOf(error: unknown): string {
  if (error instanceof Error && "sentence" in error && typeof error.sentence === "string") return error.sentence;
  return "Something went wrong that this page has no words for. Reload it and try again.";
}
