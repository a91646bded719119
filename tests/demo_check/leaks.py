"""Looks for clear picture bytes in files and captured traffic: raw, in base64, or compressed with gzip or zlib.

A leak is a window of 32 bytes of something the owner can open that stands anywhere else. Any such window holds a
16-byte block of the clear text that begins at a multiple of 16, so the blocks are indexed once and every position of
a haystack is looked up, first by a hash of sixteen bytes in a bitmap, then exactly.
"""

import base64
import binascii
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

WINDOW = 32
_BLOCK = 16
# Padding, zeroed tables and box headers repeat in every binary format and show no picture.
_LEAST_DISTINCT_BYTES = 12
_CHUNK = 8 << 20
_BASE64_RUN = re.compile(rb"[A-Za-z0-9+/_-]{44,}")
_COMPRESSED = re.compile(rb"\x1f\x8b\x08|\x78[\x01\x5e\x9c\xda]")
_INFLATE_LIMIT = 64 << 20

U64 = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Leak:
    """Where clear bytes were found."""

    where: str
    offset: int
    form: str
    secret: str


class Secrets:
    """Everything the owner can open, indexed for searching."""

    def __init__(self, named: Iterable[tuple[str, bytes]]) -> None:
        self._texts = [(name, data) for name, data in named if len(data) >= WINDOW]
        self.count = len(self._texts)
        self.bytes = sum(len(data) for _, data in self._texts)
        firsts, owners, offsets = [], [], []
        for number, (_, data) in enumerate(self._texts):
            whole = len(data) // _BLOCK * _BLOCK
            blocks = np.frombuffer(data[:whole], dtype=np.uint8).reshape(-1, _BLOCK)
            keep = _distinct(blocks) >= 8
            halves = blocks.copy().view("<u8")[keep].astype(np.uint64)
            firsts.append(_mix(halves[:, 0], halves[:, 1]))
            offsets.append((np.nonzero(keep)[0] * _BLOCK).astype(np.int64))
            owners.append(np.full(int(keep.sum()), number, dtype=np.int64))
        self._keys: U64 = np.concatenate(firsts) if firsts else np.zeros(0, np.uint64)
        self._owners = np.concatenate(owners) if owners else np.zeros(0, np.int64)
        self._offsets = np.concatenate(offsets) if offsets else np.zeros(0, np.int64)
        order = np.argsort(self._keys, kind="stable")
        self._keys, self._owners, self._offsets = self._keys[order], self._owners[order], self._offsets[order]
        self._bitmap = np.zeros(1 << 24, dtype=bool)
        self._bitmap[_hash(self._keys)] = True

    def search(self, data: bytes, where: str, form: str = "raw") -> Iterator[Leak]:
        """Leaks in a haystack, at most one a secret and chunk."""
        for start in range(0, max(1, len(data)), _CHUNK):
            yield from self._search_chunk(data, start, min(len(data), start + _CHUNK + WINDOW), where, form)

    def _search_chunk(self, data: bytes, start: int, end: int, where: str, form: str) -> Iterator[Leak]:
        if end - start < WINDOW:
            return
        view = np.frombuffer(data, dtype=np.uint8, count=end - start, offset=start)
        words = np.lib.stride_tricks.sliding_window_view(view, 8)
        eights: U64 = np.ascontiguousarray(words).view("<u8").ravel()
        values = _mix(eights[:-8], eights[8:])
        candidates = np.nonzero(self._bitmap[_hash(values)])[0]
        seen: set[int] = set()
        left = np.searchsorted(self._keys, values[candidates], "left")
        right = np.searchsorted(self._keys, values[candidates], "right")
        for position, low, high in zip(candidates, left, right, strict=True):
            for index in range(int(low), min(int(high), int(low) + 64)):
                owner = int(self._owners[index])
                if owner not in seen and self._stands(data, start + int(position), owner, int(self._offsets[index])):
                    seen.add(owner)
                    yield Leak(where, start + int(position), form, self._texts[owner][0])

    def _stands(self, data: bytes, position: int, owner: int, offset: int) -> bool:
        """Whether 32 equal bytes surround the equal block; windows of few distinct bytes show nothing."""
        secret = self._texts[owner][1]
        back = 0
        while (
            back < WINDOW
            and position > back
            and offset > back
            and data[position - back - 1] == secret[offset - back - 1]
        ):
            back += 1
        ahead = 0
        limit = min(len(data) - position, len(secret) - offset, 2 * WINDOW)
        while ahead < limit and data[position + ahead] == secret[offset + ahead]:
            ahead += 1
        first, last = offset - back, offset + ahead - WINDOW
        return any(len(set(secret[at : at + WINDOW])) >= _LEAST_DISTINCT_BYTES for at in range(first, last + 1))


def search_everywhere(secrets: Secrets, data: bytes, where: str) -> Iterator[Leak]:
    """Raw, in base64 (either alphabet, any alignment) and compressed; compressed base64 and base64 in gzip too."""
    yield from _search_forms(secrets, data, where, depth=2)


def _search_forms(secrets: Secrets, data: bytes, where: str, *, depth: int, form: str = "raw") -> Iterator[Leak]:
    yield from secrets.search(data, where, form)
    if depth == 0:
        return
    for match in _COMPRESSED.finditer(data):
        inflated = _inflate(data, match.start())
        if len(inflated) >= WINDOW:
            yield from _search_forms(secrets, inflated, where, depth=depth - 1, form=f"{form}+compressed")
    for match in _BASE64_RUN.finditer(data):
        text = match.group().translate(bytes.maketrans(b"-_", b"+/"))
        for shift in range(4):
            part = text[shift:]
            part = part[: len(part) // 4 * 4]
            decoded = _unbase64(part)
            if decoded:
                # Only inner compression is looked for again: base64 within base64 at all shifts would never end.
                yield from secrets.search(decoded, where, f"{form}+base64")
                for inner in _COMPRESSED.finditer(decoded):
                    yield from secrets.search(_inflate(decoded, inner.start()), where, f"{form}+base64+compressed")


def files_below(folders: Iterable[Path]) -> Iterator[Path]:
    """Regular files, no links."""
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink():
                yield path


def search_files(secrets: Secrets, folders: Iterable[Path]) -> list[Leak]:
    """All leaks in all files below the folders."""
    leaks = []
    for path in files_below(folders):
        leaks += list(search_everywhere(secrets, path.read_bytes(), str(path)))
    return leaks


def _distinct(blocks: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    ordered = np.sort(blocks, axis=1)
    result: npt.NDArray[np.int64] = (np.diff(ordered, axis=1) != 0).sum(axis=1) + 1
    return result


def _mix(first: U64, second: U64) -> U64:
    """One number for two: a collision costs a comparison, never a leak unseen."""
    mixed: U64 = first * np.uint64(0xBF58476D1CE4E5B9) ^ (second * np.uint64(0x94D049BB133111EB) >> np.uint64(3))
    return mixed


def _hash(values: U64) -> npt.NDArray[np.int64]:
    mixed = values * np.uint64(0x9E3779B97F4A7C15)
    return (mixed >> np.uint64(40)).astype(np.int64)


def _inflate(data: bytes, start: int) -> bytes:
    """As much as inflates; b'' when it is not a stream at all."""
    machine = zlib.decompressobj(wbits=47)
    result = b""
    try:
        for at in range(start, len(data), 1 << 16):
            result += machine.decompress(data[at : at + (1 << 16)], _INFLATE_LIMIT - len(result))
            if machine.eof or len(result) >= _INFLATE_LIMIT:
                break
    except zlib.error:
        # A damaged end does not unsay what came before it; a false start yields nothing or noise.
        return result
    return result


def _unbase64(text: bytes) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return b""
