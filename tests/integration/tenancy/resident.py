"""An owner who does all a browser does: vault and roster, commands, tickets, and the relay's challenge."""

from datetime import timedelta
from typing import Any

import httpx
from tests.demo_check.program import ProgramOwner

from guardian.common.clock import now
from guardian.common.ids import uuid7
from guardian.vault import commands
from guardian.vault.encoding import b64u, from_b64u
from guardian.vault.identity import Keys
from guardian.vault.messages import sign_challenge


def browser(base: str) -> httpx.AsyncClient:
    """A client of the REST API as the UI's page is one, nobody logged in."""
    return httpx.AsyncClient(
        base_url=f"{base}/api/v1",
        headers={"X-Guardian-Request": "1", "Origin": base},
        timeout=60,
        limits=httpx.Limits(max_keepalive_connections=0),
    )


class Resident(ProgramOwner):
    """ProgramOwner makes vault and roster; this adds what she does afterwards."""

    def __init__(self, base: str) -> None:
        super().__init__(base)
        # A new connection a request: a kept one may be closed by the server just as it is used again.
        self.http = browser(base)

    async def get(self, path: str, **query: Any) -> Any:
        """An answer of the REST API; raises when it is a refusal."""
        answer = await self.http.get(path, params=query)
        answer.raise_for_status()
        return answer.json()

    def command(self, edge: str, action: dict[str, Any], **changes: Any) -> dict[str, str]:
        """A signed command as the browser posts it."""
        command_id, issued = changes.get("id", str(uuid7())), changes.get("issued", now())
        payload, signature = commands.make_command(
            self.author, self.chain, edge, command_id, action, issued=issued, expires=issued + timedelta(hours=1)
        )
        return {"id": command_id, "edge_id": edge, "payload": b64u(payload), "signature": b64u(signature)}

    async def order(self, edge: str, action: dict[str, Any]) -> dict[str, str]:
        """Post a command; what was posted."""
        command = self.command(edge, action)
        (await self.http.post("/commands", json=command)).raise_for_status()
        return command

    def wish(self, node: str, objects: list[str], events: list[str], member: str = "") -> dict[str, Any]:
        """The body with which a ticket is asked for."""
        return {"node_id": node, "member": member or self.author.id, "objects": objects, "events": events}

    async def ticket(self, node: str, objects: list[str], events: list[str], member: str = "") -> str:
        """A ticket of the control plane."""
        answer = await self.http.post("/tickets", json=self.wish(node, objects, events, member))
        answer.raise_for_status()
        return str(answer.json()["ticket"])

    async def answer(
        self, relay: httpx.AsyncClient, ticket: str, *, keys: Keys | None = None, member: str = ""
    ) -> dict[str, str]:
        """The body of `POST /v1/sessions`: a fresh challenge of this relay, signed."""
        asked = await relay.post("/v1/challenges", json={"ticket": ticket})
        asked.raise_for_status()
        challenge = asked.json()
        value = from_b64u(challenge["challenge"], 32)
        signature = sign_challenge(keys or self.keys, challenge["node"], value, ticket)
        return {
            "ticket": ticket,
            "challenge": challenge["challenge"],
            "member": member or self.author.id,
            "signature": b64u(signature),
        }

    async def session(self, relay: httpx.AsyncClient, ticket: str) -> str:
        """A session of the relay for what the ticket names."""
        opened = await relay.post("/v1/sessions", json=await self.answer(relay, ticket))
        opened.raise_for_status()
        return str(opened.json()["session"])
