"""The search for clear picture bytes finds what it must, in every form it promises, and nothing else."""

import base64
import gzip
import random
import zlib

import pytest
from tests.demo_check.leaks import Secrets, search_everywhere, search_files

NOISE = random.Random(7)
PICTURE = NOISE.randbytes(200_000)


def haystack(needle: bytes, size: int = 300_000) -> bytes:
    before = NOISE.randrange(size)
    return NOISE.randbytes(before) + needle + NOISE.randbytes(size - before)


@pytest.mark.parametrize("offset", [0, 1, 7, 15, 16, 31, 4097])
def test_a_bare_window_of_32_bytes_is_found_wherever_it_begins(offset: int) -> None:
    window = PICTURE[offset : offset + 32]
    leaks = list(search_everywhere(Secrets([("clip", PICTURE)]), haystack(window), "file"))
    assert [leak.secret for leak in leaks] == ["clip"]


@pytest.mark.parametrize("offset", [0, 5, 11])
def test_31_bytes_are_no_leak(offset: int) -> None:
    assert not list(search_everywhere(Secrets([("clip", PICTURE)]), haystack(PICTURE[offset : offset + 31]), "file"))


@pytest.mark.parametrize("shift", [0, 1, 2])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_base64_is_found_at_every_alignment(shift: int, encode: object) -> None:
    assert callable(encode)
    text = encode(bytes(shift) + PICTURE[100:400])
    assert list(search_everywhere(Secrets([("clip", PICTURE)]), b'{"a":"' + text + b'"}', "file"))


@pytest.mark.parametrize("compress", [gzip.compress, zlib.compress])
def test_compressed_bytes_are_found(compress: object) -> None:
    assert callable(compress)
    packed = compress(b"{" + PICTURE[1000:3000] + b"}")
    secrets = Secrets([("clip", PICTURE)])
    assert list(search_everywhere(secrets, haystack(packed), "file"))
    assert list(search_everywhere(secrets, base64.b64encode(packed), "file"))


def test_noise_and_padding_are_no_leaks() -> None:
    secrets = Secrets([("clip", PICTURE + bytes(4096) + b"free" * 100)])
    assert not list(search_everywhere(secrets, NOISE.randbytes(3_000_000) + bytes(100_000) + b"free" * 100, "file"))


def test_a_window_across_two_chunks_is_found() -> None:
    data = NOISE.randbytes((8 << 20) - 10) + PICTURE[64:96] + NOISE.randbytes(1000)
    assert list(search_everywhere(Secrets([("clip", PICTURE)]), data, "file"))


def test_files_below_folders_are_searched(tmp_path: object) -> None:
    from pathlib import Path

    folder = Path(str(tmp_path))
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "a" / "b" / "x.db").write_bytes(haystack(PICTURE[5000:5040]))
    (folder / "a" / "y").write_bytes(NOISE.randbytes(1000))
    assert [leak.where for leak in search_files(Secrets([("clip", PICTURE)]), [folder])] == [str(folder / "a/b/x.db")]
