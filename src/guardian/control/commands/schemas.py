"""Commands."""

from pydantic import Field

from guardian.control.schemas import HEX_EXAMPLE, UUID_EXAMPLE, B64u, Hex, Message, Uuid7, example


class Command(Message):
    """An order to an edge, signed by a member; it is passed on, not understood."""

    model_config = example({"id": UUID_EXAMPLE, "edge_id": HEX_EXAMPLE, "payload": "eyJ2IjoxfQ", "signature": "A" * 86})

    id: Uuid7
    edge_id: Hex
    payload: B64u = Field(min_length=1, max_length=87_382)
    signature: B64u = Field(min_length=86, max_length=86)


class CommandState(Message):
    """`accepted` is null until the edge has answered."""

    model_config = example(
        {"id": UUID_EXAMPLE, "edge_id": HEX_EXAMPLE, "accepted": True, "reason": "done", "sentence": "Done."}
    )

    id: Uuid7
    edge_id: Hex
    accepted: bool | None
    reason: str
    sentence: str
