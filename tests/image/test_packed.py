"""The image that Packer baked in a machine: it starts, and lacks nothing that the native bake's has."""

import json
from pathlib import Path

import pytest
from tests.image.conftest import OUT, PACKED
from tools.image import qemu
from tools.image.qemu import Drive, Machine

pytestmark = pytest.mark.timeout(1800)


def test_it_starts(tmp_path: Path) -> None:
    raw = PACKED / "guardian-edge.raw"
    assert raw.exists(), "Packer has baked no image: run `make image-test-full`."
    with Machine(tmp_path / "one", [Drive(qemu.copy(raw, tmp_path / "disk.img"))]) as machine:
        machine.expect("Plug in a network cable", seconds=900)
        assert "[FAILED]" not in machine.said()


def test_it_has_the_packages_of_the_native_bake() -> None:
    assert packages(PACKED) == packages(OUT)


def packages(folder: Path) -> set[tuple[str, str]]:
    """What an image's list says is in it: purl and version."""
    told = json.loads((folder / "guardian-edge.cdx.json").read_text("utf-8"))
    return {(item["purl"], item["version"]) for item in told["components"] if "purl" in item}
