"""The owner of the lab's household: does through the public API all that her browser does.

`python -m tests.host.site.household` begins the household before hosts are frozen: each scenario finds it there.
"""

import asyncio
import json
import os
import ssl
import time
from collections.abc import Awaitable, Callable
from typing import Any, Self, TypeVar

import httpx
import yaml
from tests.demo_check.program import items
from tests.integration.tenancy.resident import Resident
from tools.lab.places import BUILD, ROOT

from guardian.common.files import private_folder, write_atomic
from guardian.vault import roster
from guardian.vault.encoding import b64u, from_b64u
from guardian.vault.identity import Keys
from guardian.vault.roster_author import Author

T = TypeVar("T")
KEYS = BUILD / "household" / f"owner-{os.environ.get('GUARDIAN_SUITE', 'bookworm')}.json"
SETTINGS = ROOT / "inventories" / "molecule" / "group_vars" / "guardian.yml"


class Owner(Resident):
    """She keeps her keys in a file of the lab: scenarios that start from frozen hosts are the same household's."""

    def __init__(self, base: str, email: str, password: str) -> None:
        super().__init__(base)
        self.email = email
        self.password = password
        self.http = client(f"{base}/api/v1", Origin=base)

    @classmethod
    def at_the_lab(cls) -> Self:
        """As the lab's inventory says."""
        settings = yaml.safe_load(SETTINGS.read_text(encoding="utf-8"))
        tenant = settings["control_tenants"][0]
        return cls(settings["control_public_url"], tenant["email"], settings["lab_known_to_all"])

    async def settle(self) -> None:
        """Log in; begin the household, or take up the one that was begun; have the edge in it."""
        await until("the control plane answers", self._answers, 90)
        await self.log_in(self.email, self.password)
        entries = (await self.get("/vault/roster"))["entries"]
        if entries:
            self._take_up(entries)
        else:
            await self.create_vault()
            private_folder(KEYS.parent)
            write_atomic(KEYS, json.dumps([b64u(seed) for seed in self.keys.seeds()]).encode(), mode=0o600)
        edge = await until("the edge is known to the control plane", self._edge, 90)
        assert edge is not None
        if edge["id"] not in self.chain.edges:
            await self.confirm_edge()

    async def relay(self) -> tuple[str, httpx.AsyncClient]:
        """The household's node and a client of its relay."""
        node = items(await self.get("/nodes"))[0]
        return str(node["id"]), client(node["relay_url"], Origin=self.base)

    async def sealed(self, object_id: str) -> bytes:
        """A sealed object's bytes, as her browser gets them: ticket, challenge, session."""
        node, relay = await self.relay()
        async with relay:
            session = await self.session(relay, await self.ticket(node, [object_id], []))
            answer = await relay.get(f"/v1/objects/{object_id}", headers={"Authorization": f"Bearer {session}"})
            answer.raise_for_status()
            return answer.content

    @property
    def base(self) -> str:
        """The UI's origin."""
        return str(self.http.base_url).partition("/api/")[0]

    async def _answers(self) -> bool:
        try:
            return (await self.http.get("/health/ready")).status_code == 200
        except httpx.TransportError:
            return False

    async def _edge(self) -> dict[str, Any] | None:
        edges = items(await self.get("/edges"))
        return edges[0] if edges else None

    def _take_up(self, entries: list[dict[str, str]]) -> None:
        sign, receive = (from_b64u(item) for item in json.loads(KEYS.read_text(encoding="utf-8")))
        self.keys = Keys(sign, receive)
        self.chain = roster.follow(
            None, [roster.RosterEntry(from_b64u(item["payload"]), from_b64u(item["signature"])) for item in entries]
        )
        self.household = self.chain.household
        mine = next(item for item in self.chain.members.values() if item.sign == self.keys.sign_public)
        self.author = Author(mine.id, self.keys)


def client(base: str, **headers: str) -> httpx.AsyncClient:
    """A browser that has accepted the lab's self-signed certificates."""
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    return httpx.AsyncClient(
        base_url=base,
        headers={"X-Guardian-Request": "1", **headers},
        timeout=60,
        verify=trusting,
        limits=httpx.Limits(max_keepalive_connections=0),
    )


async def until(what: str, ask: Callable[[], Awaitable[T]], seconds: float) -> T:
    """Wait for what must become true; its value."""
    end = time.monotonic() + seconds
    while True:
        asked = time.monotonic()
        if value := await ask():
            return value
        assert time.monotonic() < end, f"{what}: not within {seconds:.0f} s"
        # Who asks by a command of a second would take a processor from what is waited for.
        await asyncio.sleep(max(0.5, 2 * (time.monotonic() - asked)))


async def main() -> None:
    """Begin the household."""
    async with Owner.at_the_lab() as owner:
        await owner.settle()
        print(f"household {owner.household}, edges {', '.join(owner.chain.edges)}")


if __name__ == "__main__":
    asyncio.run(main())
