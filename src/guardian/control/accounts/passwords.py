"""Local passwords: Argon2id, off the event loop, and as slow for unknown accounts as for known ones."""

import asyncio
import secrets
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

# Each check holds 64 MiB: logins queue rather than eat the machine's memory.
_AT_ONCE = 2


@cache
def nobodys_hash() -> str:
    """Checked against when the account is unknown, so that the answer takes as long."""
    return PasswordHasher().hash(secrets.token_urlsafe(32))


class Passwords:
    """Hashes and checks passwords."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher()
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def hash(self, password: str) -> str:
        """The text to store."""
        async with self._slots:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def verify(self, stored: str | None, password: str) -> bool:
        """Whether the password is the stored one's; always False, and no faster, without one."""
        async with self._slots:
            good = await asyncio.to_thread(self._verify, stored or nobodys_hash(), password)
        return good and stored is not None

    def outdated(self, stored: str) -> bool:
        """Whether the stored text was made with weaker parameters than today's."""
        return self._hasher.check_needs_rehash(stored)

    def _verify(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False
