"""A reset to factory: what goes, what stays, and that one whose power is cut at any step goes on to the same end."""

import contextlib
import dataclasses
import itertools
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.unit.appliance import tree as trees
from tests.unit.appliance.tree import OTHERS, RECORDINGS, SECRETS, Tree
from tests.vectors.household import Home, seal_clip

from guardian.appliance import layout, luks, reset
from guardian.appliance.mounts import mounted
from guardian.appliance.programs import ProgramError
from guardian.appliance.reset import Order
from guardian.appliance.slots import Words
from guardian.common import seed_region
from guardian.vault import roster, slots
from guardian.vault.encoding import new_id

DATE = "20260131T080000Z"
KEEP, ERASE = Order(True, DATE), Order(False, DATE)


class PowerCut(BaseException):
    """No code catches it."""


def cut_after(steps: int) -> Callable[[str, float], None]:
    """Power that ends at a step."""
    left = iter(range(steps))

    def tell(what: str, part: float) -> None:
        if next(left, None) is None:
            raise PowerCut

    return tell


def nothing(what: str, part: float) -> None:
    """Nobody looks."""


def run(tree: Tree, order: Order) -> None:
    reset.ask(tree.boot, order)
    reset.finish(tree.machine, order, nothing)


def image(tree: Tree) -> None:
    """The data partition's device: a file system with a file in it."""
    path = tree.folder / "data.img"
    with path.open("wb") as file:
        file.truncate(16 << 20)
    subprocess.run(["mkfs.ext4", "-q", "-F", "-L", "before", str(path)], check=True)
    (tree.folder / "planted").write_bytes(b"an old file's bytes")
    subprocess.run(
        ["debugfs", "-w", "-R", f"write {tree.folder / 'planted'} planted", str(path)], check=True, capture_output=True
    )


def label(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(1024 + 0x78)
        return file.read(16).rstrip(b"\0").decode()


def names(path: Path) -> list[str]:
    """In the root of a file system that e2fsck finds whole."""
    subprocess.run(["e2fsck", "-f", "-n", str(path)], check=True, capture_output=True)
    told = subprocess.run(["debugfs", "-R", "ls -p /", str(path)], check=True, capture_output=True, text=True).stdout
    return [line.split("/")[5] for line in told.splitlines() if line]


def is_reset(tree: Tree) -> None:
    """What is true of every machine that was reset."""
    assert reset.asked(tree.boot) is None
    assert sorted(path.name for path in tree.boot.iterdir()) == ["A", "B", "grub"]
    assert (tree.folder / "seed").read_bytes() == seed_region.empty()
    assert tree.words() == Words()


def keeps_recordings_alone(tree: Tree, before: dict[str, bytes]) -> None:
    kept = f"{reset.KEPT}/{DATE}"
    after = tree.files()
    assert after.pop(f"{kept}/HOW-TO-OPEN.txt")
    assert after == {f"{kept}/{place}": before[name] for name, place in RECORDINGS.items()}
    assert sorted(path.name for path in tree.data.iterdir()) == [reset.KEPT, "lost+found"]
    assert (tree.data / reset.KEPT).stat().st_mode & 0o777 == 0o700


def test_recordings_stay_and_all_else_goes(tmp_path: Path) -> None:
    tree = trees.make(tmp_path)
    before = tree.files()
    run(tree, KEEP)
    keeps_recordings_alone(tree, before)
    is_reset(tree)


def cuts(tmp_path: Path, order: Order) -> Iterator[Tree]:
    """A machine for each step at which its power can end, as it is then; the last one is at the end of the reset."""
    for steps in itertools.count():
        tree = trees.make(tmp_path / str(steps))
        if not order.keeps_clips:
            image(tree)
        reset.ask(tree.boot, order)
        with contextlib.suppress(PowerCut):
            reset.finish(tree.machine, order, cut_after(steps))
            assert steps > 10
            return
        yield tree


def test_a_reset_that_keeps_and_is_cut_off_goes_on(tmp_path: Path) -> None:
    before = trees.make(tmp_path / "before").files()
    system = {name for name in before if name.startswith("system/")}
    for tree in cuts(tmp_path, KEEP):
        # At any moment the next start sees the whole system of before, or none of it.
        assert system & tree.files().keys() in (system, set())
        # And every recording is somewhere.
        assert {before[name] for name in RECORDINGS} <= set(tree.files().values())
        order = reset.asked(tree.boot)
        assert order == KEEP
        # Cut off a second time, a step later.
        with pytest.raises(PowerCut):
            reset.finish(tree.machine, order, cut_after(1))
        reset.finish(tree.machine, order, nothing)
        keeps_recordings_alone(tree, before)
        is_reset(tree)


def test_an_erasing_that_is_cut_off_goes_on(tmp_path: Path) -> None:
    for tree in cuts(tmp_path, ERASE):
        order = reset.asked(tree.boot)
        assert order == ERASE
        with pytest.raises(PowerCut):
            reset.finish(tree.machine, order, cut_after(1))
        reset.finish(tree.machine, order, nothing)
        assert names(tree.folder / "data.img") == [".", "..", "lost+found"]
        is_reset(tree)


def test_erasing_leaves_an_empty_file_system(tmp_path: Path) -> None:
    tree = trees.make(tmp_path)
    image(tree)
    assert names(tree.folder / "data.img") == [".", "..", "lost+found", "planted"]
    run(tree, ERASE)
    assert label(tree.folder / "data.img") == "guardian-data"
    assert names(tree.folder / "data.img") == [".", "..", "lost+found"]
    is_reset(tree)


def test_a_partition_that_cannot_be_mounted_is_erased(tmp_path: Path) -> None:
    tree = trees.make(tmp_path)
    (tree.folder / "data.img").write_bytes(b"no file system at all".ljust(16 << 20, b"\1"))
    machine = dataclasses.replace(tree.machine, data=lambda: mounted(str(tmp_path / "data.img"), "ext4", "rw"))
    reset.ask(tree.boot, ERASE)
    reset.finish(machine, ERASE, nothing)
    assert names(tree.folder / "data.img") == [".", "..", "lost+found"]
    is_reset(tree)


def test_a_disk_that_takes_no_file_system_keeps_the_order(tmp_path: Path) -> None:
    tree = trees.make(tmp_path)
    (tree.folder / "data.img").write_bytes(bytes(10))
    with pytest.raises(ProgramError) as caught:
        run(tree, ERASE)
    assert caught.value.reason == "disk_refused"
    assert reset.asked(tree.boot) == ERASE


def test_what_is_not_sealed_is_written_over_before_it_goes(tmp_path: Path) -> None:
    """Whoever reads the disk's blocks afterwards does not find them: a second name for a file shows its bytes."""
    tree = trees.make(tmp_path)
    for number, name in enumerate(SECRETS | OTHERS):
        (tmp_path / f"block-{number}").hardlink_to(tree.data / name)
    run(tree, KEEP)
    left = [content.read_bytes() for content in sorted(tmp_path.glob("block-*"))]
    assert [content.strip(b"\0") for content in left] == [b""] * len(SECRETS | OTHERS)
    assert all(left)


def test_a_link_leads_it_nowhere(tmp_path: Path) -> None:
    """Who made the data partition may have laid links to the system that does the reset."""
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "clips").mkdir(parents=True)
    (elsewhere / "clips/x.sealed").write_bytes(b"not of this disk")
    (elsewhere / "guardian.sign.key").write_bytes(b"not of this disk either")
    tree = trees.make(tmp_path / "tree")
    cameras, store = tree.data / trees.STATE / "cameras", tree.data / "system/etc/credstore.encrypted"
    (cameras / "linked").symlink_to(elsewhere)
    (cameras / "front/clips").rename(cameras / "front/real")
    (cameras / "front/clips").symlink_to(elsewhere / "clips")
    for name in ("guardian.sign.key", "guardian.other"):
        (store / name).unlink(missing_ok=True)
        (store / name).symlink_to(elsewhere / "guardian.sign.key")
    run(tree, KEEP)
    assert (elsewhere / "clips/x.sealed").read_bytes() == b"not of this disk"
    assert (elsewhere / "guardian.sign.key").read_bytes() == b"not of this disk either"
    assert list(tree.holding(b"not of this disk")) == []
    assert [path for path in tree.data.rglob("*") if path.is_symlink()] == []


def test_two_resets_keep_the_recordings_of_both(tmp_path: Path) -> None:
    tree = trees.make(tmp_path / "one")
    run(tree, KEEP)
    other = trees.make(tmp_path / "two")
    (other.data / "system").rename(tree.data / "system")
    run(tree, Order(True, "20260301T080000Z"))
    kept = sorted(path.name for path in (tree.data / reset.KEPT).iterdir())
    assert kept == [DATE, "20260301T080000Z"]
    assert len([name for name in tree.files() if name.endswith(".sealed")]) == 8


def test_a_machine_without_recordings_keeps_nothing(tmp_path: Path) -> None:
    tree = trees.make(tmp_path)
    for name in RECORDINGS:
        (tree.data / name).unlink()
    for folder in ("cameras/front/clips", "cameras/yard/clips", "analyzer/objects"):
        shutil.rmtree(tree.data / trees.STATE / folder)
    run(tree, KEEP)
    assert tree.files() == {}


def test_the_slot_in_force_stays(tmp_path: Path) -> None:
    """Back to slot A would be back to an older system."""
    tree = trees.make(tmp_path)
    (tree.folder / "slot-B").write_bytes(layout.SQUASHFS)
    for name in layout.KERNEL:
        (tree.boot / "B" / name).write_bytes(b"kernel")
    tree.says(Words(good="B", trial="A"))
    run(tree, KEEP)
    assert tree.words() == Words(good="B")


def test_an_empty_slot_is_not_the_one_that_starts(tmp_path: Path) -> None:
    tree = trees.make(tmp_path)
    tree.says(Words(good="B"))
    run(tree, KEEP)
    is_reset(tree)


def test_a_damaged_grubenv_is_made_anew(tmp_path: Path) -> None:
    tree = trees.make(tmp_path)
    (tree.boot / "grub/grubenv").write_bytes(b"\0" * 1024)
    run(tree, KEEP)
    is_reset(tree)


@pytest.mark.parametrize("said", [b"", b"keep\n", b"erase 20260131T080000Z", b"wipe 20260131T080000Z\n", b"\xff" * 20])
def test_what_is_no_order_is_none(tmp_path: Path, said: bytes) -> None:
    """A file that a power cut left half is no order to take anything away."""
    (tmp_path / reset.PLACE).write_bytes(said)
    assert reset.asked(tmp_path) is None
    reset.done(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_order_is_found_again(tmp_path: Path) -> None:
    for order in (KEEP, ERASE):
        reset.ask(tmp_path, order)
        assert reset.asked(tmp_path) == order


def test_a_kept_clip_is_opened_as_the_page_beside_it_says(tmp_path: Path) -> None:
    """By the household's secret alone: the machine's keys are gone."""
    home, tree, secret = Home(), trees.make(tmp_path / "tree"), "seven quiet herons"
    state = tree.data / trees.STATE
    sealed = seal_clip(home.edge_keys, home.roster.epoch, home.metadata(), new_id())
    (state / "cameras/front/clips/2026-01-31/b.sealed").write_bytes(sealed)
    (state / "uplink/roster.json").write_bytes(roster.to_json(home.roster.entries))
    slot = slots.create_with_secret(secret, home.roster.household, home.owner.id, home.owner.keys)
    (state / "vault/slots.json").write_text(json.dumps({"slots": [json.loads(slot.to_json())]}))
    run(tree, KEEP)
    kept = tree.data / reset.KEPT / DATE
    [line] = [line for line in (kept / "HOW-TO-OPEN.txt").read_text().splitlines() if "guardian clip open" in line]
    names = {"FILE.sealed": "cameras/front/2026-01-31/b.sealed", "picture.mp4": str(tmp_path / "picture.mp4")}
    words = [names.get(word, word) for word in line.split()[1:]]
    command = [str(Path(sys.executable).with_name("guardian")), *words, "--secret-fd", "0"]
    subprocess.run(command, cwd=kept, input=f"{secret}\n", text=True, check=True, capture_output=True)
    assert b"first second" in (tmp_path / "picture.mp4").read_bytes()


def test_that_it_was_encrypted_is_durable_before_its_header_goes(tmp_path: Path) -> None:
    tree = trees.make(tmp_path)
    order = Order(False, DATE, encrypted=True)
    reset.ask(tree.boot, order)
    assert (tree.boot / reset.PLACE).read_text() == f"erase {DATE} encrypted\n"
    assert reset.asked(tree.boot) == order
    reset.ask(tree.boot, ERASE)
    assert reset.asked(tree.boot) == ERASE


def test_a_recovery_key_outlives_a_reset_that_keeps_recordings(tmp_path: Path) -> None:
    """The partition's header is what it was."""
    tree = trees.make(tmp_path)
    (tree.data / luks.KEPT_KEY).write_text("a key\n")
    run(tree, KEEP)
    assert (tree.data / luks.KEPT_KEY).read_text() == "a key\n"
