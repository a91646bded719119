"""Fingerprints as words a person can read aloud and compare."""

import hashlib
from functools import cache
from importlib.resources import files

WORDS_SHOWN = 10


@cache
def word_list() -> tuple[str, ...]:
    """The 256 words, in order."""
    return tuple(files("guardian.vault").joinpath("words.txt").read_text("ascii").split())


def fingerprint(data: bytes) -> list[str]:
    """Ten words for the SHA-256 of `data`."""
    return [word_list()[byte] for byte in hashlib.sha256(data).digest()[:WORDS_SHOWN]]


def edge_words(genesis_hash: bytes, sign_public: bytes, receive_public: bytes) -> list[str]:
    """The words an owner compares with an edge: they confirm household and edge to each other."""
    return fingerprint(b"guardian/words/v1\0" + genesis_hash + sign_public + receive_public)
