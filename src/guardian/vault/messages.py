"""Short signed messages: events, the relay's challenge, the proofs at enrolment and renewal."""

import hashlib

from guardian.vault.encoding import from_hex
from guardian.vault.errors import VaultError
from guardian.vault.identity import Keys, verify
from guardian.vault.roster import Roster

CHALLENGE_SIZE = 32


def sign_event(keys: Keys, event: bytes) -> bytes:
    """An edge signs a serialised guardian.edge.v1.Event."""
    return keys.sign(_event(event))


def verify_event(roster: Roster, edge_id: str, event: bytes, signature: bytes) -> None:
    """Refuse an event that this edge of the household did not sign."""
    verify(roster.edge(edge_id).sign, _event(event), signature)


def verify_event_by_key(sign_public: bytes, event: bytes, signature: bytes) -> None:
    """The same where the edge's key is known and no roster: a node before its household has one."""
    verify(sign_public, _event(event), signature)


def sign_challenge(keys: Keys, node_id: str, challenge: bytes, ticket: str) -> bytes:
    """A member answers a relay's challenge."""
    return keys.sign(_challenge(node_id, challenge, ticket))


def verify_challenge(
    roster: Roster, member_id: str, node_id: str, challenge: bytes, ticket: str, signature: bytes
) -> None:
    """Refuse an answer that no member of now gave to this node, challenge and ticket."""
    verify(roster.member(member_id).sign, _challenge(node_id, challenge, ticket), signature)


def sign_enrolment(keys: Keys, token_secret: str, csr_der: bytes) -> bytes:
    """An edge proves to its node that it holds the keys it shows; `token_secret` as EnrolRequest carries it."""
    return keys.sign(_enrolment(token_secret, csr_der, keys.receive_public))


def verify_enrolment(
    sign_public: bytes, receive_public: bytes, token_secret: str, csr_der: bytes, proof: bytes
) -> None:
    """Refuse a proof that does not fit the enrolment request."""
    verify(sign_public, _enrolment(token_secret, csr_der, receive_public), proof)


def sign_renewal(keys: Keys, challenge: bytes, edge_id: str, csr_der: bytes) -> bytes:
    """An edge asks its node for a new certificate."""
    return keys.sign(_renewal(challenge, edge_id, csr_der))


def verify_renewal(sign_public: bytes, challenge: bytes, edge_id: str, csr_der: bytes, signature: bytes) -> None:
    """Refuse a request that this edge did not make for this challenge and key."""
    verify(sign_public, _renewal(challenge, edge_id, csr_der), signature)


def _event(event: bytes) -> bytes:
    return b"guardian/event/v1\0" + event


def _challenge(node_id: str, challenge: bytes, ticket: str) -> bytes:
    if len(challenge) != CHALLENGE_SIZE:
        raise VaultError("encoding", "challenge")
    ticket_hash = hashlib.sha256(ticket.encode()).digest()
    return b"guardian/relay-challenge/v1\0" + from_hex(node_id, 16) + challenge + ticket_hash


def _renewal(challenge: bytes, edge_id: str, csr_der: bytes) -> bytes:
    if len(challenge) != CHALLENGE_SIZE:
        raise VaultError("encoding", "challenge")
    return b"guardian/renew/v1\0" + challenge + from_hex(edge_id, 16) + hashlib.sha256(csr_der).digest()


def _enrolment(token_secret: str, csr_der: bytes, receive_public: bytes) -> bytes:
    hashes = [hashlib.sha256(part).digest() for part in (token_secret.encode(), csr_der, receive_public)]
    return b"guardian/enrol/v1\0" + b"".join(hashes)
