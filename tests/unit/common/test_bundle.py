"""An update is taken as it was signed, or refused with a reason: whatever was done to it."""

import io
import json
import os

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from guardian.common import bundle
from guardian.common.bundle import BundleError, make, order, read_manifest, verify

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes_raw()
CREATED = "2026-11-27T12:00:00Z"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("bundle")
    (folder / "a").write_bytes(os.urandom(3_000))
    (folder / "b").write_bytes(b"kernel")
    make(folder / "it", "edge", "1.2.0", CREATED, {"system.squashfs": folder / "a", "vmlinuz": folder / "b"}, KEY)
    return (folder / "it").read_bytes()


def reason(data: bytes, keys: list[bytes] | None = None) -> str:
    with pytest.raises(BundleError) as caught:
        verify(io.BytesIO(data), [PUBLIC] if keys is None else keys)
    return caught.value.reason


def test_what_was_made_is_read(made: bytes) -> None:
    file = io.BytesIO(made)
    manifest, begin = read_manifest(file, [PUBLIC])
    assert (manifest.kind, manifest.version, manifest.created) == ("edge", "1.2.0", CREATED)
    assert [(part.name, part.size) for part in manifest.parts] == [("system.squashfs", 3_000), ("vmlinuz", 6)]
    assert begin + manifest.payload_size == len(made)
    assert file.tell() == begin <= bundle.MAX_HEAD
    told: list[float] = []
    assert verify(io.BytesIO(made), [b"x" * 32, PUBLIC], told.append) == manifest
    assert told[-1] == 1


def test_every_changed_byte_is_found(made: bytes) -> None:
    # In steps that meet each field of the head, and the parts.
    for place in [*range(400), *range(400, len(made), 97), len(made) - 1]:
        changed = bytearray(made)
        changed[place] ^= 1
        assert reason(bytes(changed)) in {"bundle_malformed", "bundle_foreign", "bundle_damaged"}


@given(st.data())
def test_cut_or_lengthened_it_is_refused(made: bytes, data: st.DataObject) -> None:
    assert reason(made[: data.draw(st.integers(0, len(made) - 1))]) in {"bundle_malformed", "bundle_damaged"}
    assert reason(made + data.draw(st.binary(min_size=1, max_size=9))) == "bundle_damaged"


def test_only_who_is_trusted(made: bytes) -> None:
    assert reason(made, []) == "bundle_foreign"
    assert reason(made, [Ed25519PrivateKey.generate().public_key().public_bytes_raw()]) == "bundle_foreign"


PART = {"name": "a", "size": 1, "sha256": "0" * 64}
WHOLE = {"format": 1, "kind": "edge", "version": "1.2.0", "created": CREATED, "parts": [PART]}


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"kind": "camera"},
        {"kind": ["edge"]},
        {"version": "1.2"},
        {"version": 1},
        {"version": "1.2.0\n"},
        {"created": "yesterday"},
        {"more": 1},
        {"parts": []},
        {"parts": [PART, PART]},
        {"parts": [PART | {"name": "../a"}]},
        {"parts": [PART | {"size": -1}]},
        {"parts": [PART | {"size": True}]},
        {"parts": [PART | {"size": 1 << 40}]},
        {"parts": [PART | {"sha256": "0"}]},
        {"parts": [PART | {"sha256": None}]},
        {"parts": [PART | {"mode": 1}]},
        {"parts": "a"},
    ],
)
def test_a_signed_manifest_is_not_believed_either(change: dict[str, object]) -> None:
    bundle._parse(json.dumps(WHOLE).encode())
    with pytest.raises(BundleError) as caught:
        bundle._parse(json.dumps(WHOLE | change).encode())
    assert caught.value.reason == "bundle_malformed"


@given(st.binary(max_size=200))
def test_anything_else_is_refused(raw: bytes) -> None:
    assert reason(raw) == "bundle_malformed"


def test_versions_are_ordered_as_people_expect() -> None:
    told = ["0.2.0.dev1", "0.2.0.dev10", "0.2.0", "0.2.1", "0.10.0", "1.0.0.dev1", "1.0.0"]
    assert sorted(sorted(told, reverse=True), key=order) == told
    for odd in ("", "1", "1.2", "1.2.3.4", "v1.2.3", "1.2.3 ", "１.2.3"):
        with pytest.raises(BundleError):
            order(odd)
