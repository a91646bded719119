"""Challenges that nothing is kept of: whoever asks for one, in whosever name, takes nothing from anybody."""

import hashlib
import hmac
import secrets
import time

SECONDS = 60
_TIME, _NONCE, _MAC = 4, 12, 16


class Challenges:
    """Each says when it was made, and that this process made it for this edge: 32 bytes."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._begin = time.monotonic()
        # Those that an edge proved its key with, until they end by themselves.
        self._spent: dict[bytes, int] = {}

    def make(self, edge_id: str) -> bytes:
        """A new one."""
        front = self._now().to_bytes(_TIME, "big") + secrets.token_bytes(_NONCE)
        return front + self._mac(front, edge_id)

    def is_good(self, challenge: bytes, edge_id: str) -> bool:
        """Whether it is this edge's, not yet a minute old and not spent."""
        front, mac = challenge[:-_MAC], challenge[-_MAC:]
        if len(challenge) != _TIME + _NONCE + _MAC or not hmac.compare_digest(mac, self._mac(front, edge_id)):
            return False
        return self._now() - _made(challenge) <= SECONDS and challenge not in self._spent

    def spend(self, challenge: bytes) -> None:
        """It was good and its edge has signed it: it is good no more."""
        oldest = self._now() - SECONDS
        self._spent = {item: made for item, made in self._spent.items() if made >= oldest}
        self._spent[challenge] = _made(challenge)

    def _now(self) -> int:
        return int(time.monotonic() - self._begin)

    def _mac(self, front: bytes, edge_id: str) -> bytes:
        return hmac.digest(self._key, front + edge_id.encode(), hashlib.sha256)[:_MAC]


def _made(challenge: bytes) -> int:
    return int.from_bytes(challenge[:_TIME], "big")
