"""An owner who is a program: makes vault and roster through the REST API with the Python vault, no browser."""

import base64
from typing import Any, Self

import httpx
from tests.demo_check.owner import SECRET

from guardian.vault import identity, recovery, roster, roster_author, roster_form, slots


class ProgramOwner:
    """One logged-in session and the household it began."""

    def __init__(self, base: str) -> None:
        self.http = httpx.AsyncClient(
            base_url=f"{base}/api/v1", headers={"X-Guardian-Request": "1", "Origin": base}, timeout=30
        )
        self.household = ""
        self.keys = identity.Keys.generate()
        self.author: roster_author.Author
        self.chain: roster.Roster

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.aclose()

    async def log_in(self, email: str, password: str) -> None:
        """The session cookie stays in the client."""
        answer = await self.http.post("/session", json={"email": email, "password": password})
        answer.raise_for_status()

    async def create_vault(self) -> None:
        """Genesis, a slot under the secret and one under a recovery code."""
        self.author, entry = roster_author.genesis("Owner", self.keys)
        self.chain = roster.follow(None, [entry])
        self.household = self.chain.household
        for slot in (
            slots.create_with_secret(SECRET, self.household, self.author.id, self.keys),
            slots.create_with_recovery(recovery.new_code(), self.household, self.author.id, self.keys),
        ):
            document = slot.model_dump_json()
            (
                await self.http.put(
                    f"/vault/slots/{slot.id}", content=document, headers={"Content-Type": "application/json"}
                )
            ).raise_for_status()
        await self._post(entry)

    async def confirm_edge(self) -> str:
        """Sign the household's only edge into the roster; its id."""
        answer = await self.http.get("/edges")
        answer.raise_for_status()
        found = items(answer.json())[0]
        edge = roster_form.Edge.model_validate(
            {"id": found["id"], "name": found["name"], "sign": found["sign_public"], "receive": found["receive_public"]}
        )
        await self._post(roster_author.add_edge(self.chain, self.author, edge))
        return edge.id

    async def events(self) -> list[dict[str, Any]]:
        """Every event the control plane shows, page by page."""
        found: list[dict[str, Any]] = []
        cursor = ""
        while True:
            answer = await self.http.get("/events", params={"limit": 100, **({"cursor": cursor} if cursor else {})})
            answer.raise_for_status()
            page = answer.json()
            found += page["items"]
            cursor = page["next"] or ""
            if not cursor:
                return found

    async def _post(self, entry: roster.RosterEntry) -> None:
        body = {
            "first": len(self.chain) if entry not in self.chain.entries else len(self.chain) - 1,
            "entries": [{"payload": _b64u(entry.payload), "signature": _b64u(entry.signature)}],
        }
        (await self.http.post("/vault/roster", json=body)).raise_for_status()
        if entry not in self.chain.entries:
            self.chain = self.chain.extend([entry])


def items(answer: Any) -> list[dict[str, Any]]:
    """A list route's rows."""
    return list(answer["items"] if isinstance(answer, dict) else answer)


def _b64u(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
