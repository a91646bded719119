"""The raw image, written to a disk that is larger: it starts, and its data partition has all of it."""

from pathlib import Path

import pytest
from tests.image.conftest import GIB, OUT
from tools.image import qemu
from tools.image.qemu import Drive, Machine

from guardian.common import gpt

pytestmark = pytest.mark.timeout(1800)


def test_it_takes_the_whole_disk_at_its_first_start(tmp_path: Path) -> None:
    path = qemu.copy(OUT / "guardian-edge.raw", tmp_path / "disk.img")
    with path.open("r+b") as file:
        file.truncate(8 * GIB)
        before = gpt.read(file).entries[-1].size
    with Machine(tmp_path / "one", [Drive(path)]) as machine:
        machine.expect("Plug in a network cable", seconds=900)
        assert "[FAILED]" not in machine.said()
    with path.open("rb") as file:
        after = gpt.read(file).entries[-1]
    assert after.size > before + 3 * GIB
    with path.open("rb") as file:
        # Blocks of 4 KiB, by the file system's own head.
        file.seek(after.offset + 1024 + 4)
        blocks = int.from_bytes(file.read(4), "little")
    assert blocks * 4096 > after.size - (4 << 20)
