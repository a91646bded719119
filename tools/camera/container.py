"""A prepared film: H.264 access units with their times, for a camera that has no demuxer. Standard library only."""

import json
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

MAGIC = b"GDNFILM1"
_LENGTH = struct.Struct(">I")
_UNIT = struct.Struct(">IqqB")


@dataclass(frozen=True)
class Unit:
    """One access unit in decode order; times in nanoseconds from the first picture."""

    data: bytes
    pts: int
    dts: int
    key: bool


@dataclass(frozen=True)
class Film:
    """All units of a film and how long it lasts (nanoseconds)."""

    units: list[Unit]
    duration: int
    info: dict[str, Any]

    @property
    def keys(self) -> list[int]:
        """Indexes of the key frames."""
        return [index for index, unit in enumerate(self.units) if unit.key]


def write(file: BinaryIO, info: dict[str, Any], units: Iterable[Unit]) -> None:
    """Write a film; `info` holds at least `duration`."""
    head = json.dumps(info, sort_keys=True).encode()
    file.write(MAGIC + _LENGTH.pack(len(head)) + head)
    file.writelines(_UNIT.pack(len(unit.data), unit.pts, unit.dts, unit.key) + unit.data for unit in units)


def read(path: Path) -> Film:
    """Read a film whole; ValueError when it is none."""
    raw = path.read_bytes()
    if not raw.startswith(MAGIC):
        raise ValueError(f"{path} was not made by tools/camera/prepare.py")
    at = len(MAGIC)
    (size,) = _LENGTH.unpack_from(raw, at)
    info = json.loads(raw[at + 4 : at + 4 + size])
    at += 4 + size
    units = []
    while at < len(raw):
        length, pts, dts, key = _UNIT.unpack_from(raw, at)
        at += _UNIT.size
        units.append(Unit(raw[at : at + length], pts, dts, bool(key)))
        at += length
    return Film(units, int(info["duration"]), info)
