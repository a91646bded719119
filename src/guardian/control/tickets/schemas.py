"""Tickets."""

from pydantic import Field, model_validator

from guardian.control.schemas import HEX_EXAMPLE, TIME_EXAMPLE, UUID_EXAMPLE, Hex, Message, Time, Uuid7, example

MAX_NAMED = 500


class TicketRequest(Message):
    """Objects and events of one node, at most 500 together."""

    model_config = example(
        {"node_id": HEX_EXAMPLE, "member": HEX_EXAMPLE, "objects": [HEX_EXAMPLE], "events": [UUID_EXAMPLE]}
    )

    node_id: Hex
    member: Hex
    objects: list[Hex] = Field(default=[], max_length=MAX_NAMED)
    events: list[Uuid7] = Field(default=[], max_length=MAX_NAMED)

    @model_validator(mode="after")
    def _together(self) -> "TicketRequest":
        if len(self.objects) + len(self.events) > MAX_NAMED:
            raise ValueError(f"at most {MAX_NAMED} objects and events together")
        return self


class Ticket(Message):
    """To be shown to the node within a minute."""

    model_config = example(
        {
            "ticket": "eyJhbGciOiJFZERTQSJ9.e30.AAAA",
            "node_id": HEX_EXAMPLE,
            "relay_url": "https://node.example:8443",
            "expires": TIME_EXAMPLE,
        }
    )

    ticket: str
    node_id: Hex
    relay_url: str
    expires: Time
