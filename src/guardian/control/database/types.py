"""Column types of our ids."""

import uuid
from typing import Any

import sqlalchemy as sa


class HexId(sa.types.TypeDecorator[str]):
    """16 bytes: 32 hexadecimal digits in Python, `uuid` in PostgreSQL."""

    impl = sa.Uuid(as_uuid=True)
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> uuid.UUID | None:
        return None if value is None else uuid.UUID(hex=value)

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> str | None:
        return None if value is None else value.hex


class Uuid7Id(sa.types.TypeDecorator[str]):
    """A UUIDv7: its canonical text in Python, `uuid` in PostgreSQL, where it sorts by time."""

    impl = sa.Uuid(as_uuid=True)
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> uuid.UUID | None:
        return None if value is None else uuid.UUID(value)

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> str | None:
        return None if value is None else str(value)
