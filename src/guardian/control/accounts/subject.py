"""Who asks: passed down from the endpoint to whatever acts for them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Subject:
    """A person, logged in, acting for one tenant."""

    user_id: str
    tenant_id: str
    role: str
