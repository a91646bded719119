"""The vault's refusals: each carries one reason of docs/vault-format.md, the same in Python and TypeScript."""

from guardian.common.errors import GuardianError

SENTENCES = {
    "encoding": "A value is not written in the one form the vault allows.",
    "too_short": "The file ends before its header does.",
    "not_sealed": "This is not a sealed object.",
    "unsupported": "The object was made by a version this program does not know.",
    "header_malformed": "The object's header is not of the allowed form.",
    "wrong_object": "This is another object than the one asked for.",
    "stranger": "The signer does not belong to this household.",
    "revoked": "The signer no longer belongs to this household.",
    "epoch_unknown": "The keys at hand do not reach the time this object was sealed for.",
    "wrong_key": "The object was not sealed for this vault and edge.",
    "header_damaged": "The object's header was changed.",
    "bad_signature": "The signature does not fit.",
    "damaged": "A part of the object was changed, moved or replaced.",
    "trailer_damaged": "The end of the object was changed.",
    "body_damaged": "The object as a whole is not the one its edge signed.",
    "roster_malformed": "The household's roster is not of the allowed form.",
    "roster_order": "The household's roster is broken: an entry does not continue the one before.",
    "roster_author": "The household's roster has an entry by somebody who was not a member.",
    "roster_action": "The household's roster has an entry that is not allowed at its place.",
    "stale": "The roster shown is older than the one seen before.",
    "fork": "The roster shown contradicts the one seen before.",
    "slot_malformed": "The key slot is not of the allowed form.",
    "kdf_refused": "The key slot asks for an absurd amount of work, or for too little.",
    "wrong_secret": "The secret does not open this key slot.",
    "wrong_member": "The opened keys are not those of the member in the roster.",
    "recovery_code": "The recovery code is mistyped.",
    "command_malformed": "The command is not of the allowed form.",
    "command_misaddressed": "The command is for another household or edge.",
    "command_early": "The command was issued in the future.",
    "command_expired": "The command is no longer valid.",
    "command_roster": "The command was made under a roster this edge does not follow.",
    "secret_damaged": "The command's sealed secret does not open.",
    # What only a writer meets.
    "writer_ended": "Nothing more can be written to this object: it was closed, or a write failed.",
    "write_failed": "The object could not be written; what is durable stays, truncated.",
    "writer_misused": "The parts of this object were given in an order or form that is not allowed.",
    "seed_unreadable": "The private keys could not be read.",
}


class VaultError(GuardianError):
    """A refusal of the vault; `reason` is one of `SENTENCES`."""

    def __init__(self, reason: str, detail: str = "", *, hint: str = "") -> None:
        sentence = SENTENCES[reason]
        super().__init__(f"{sentence[:-1]} ({detail})." if detail else sentence, reason=reason, hint=hint)
