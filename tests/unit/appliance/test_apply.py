"""An update goes whole into the slot that does not run, or nothing that starts is changed."""

import io
from pathlib import Path
from typing import Any

import pytest
from tests.unit.appliance.updates import PUBLIC, SYSTEM, Cut, Machine, machine, update

from guardian.appliance.apply import Wanted, apply, taken
from guardian.appliance.host import LEFT, ApplyError
from guardian.appliance.slots import Words
from guardian.common import bundle
from guardian.common.errors import GuardianError

WANTED = Wanted("edge", "1.0.0")


@pytest.fixture
def host(tmp_path: Path) -> Machine:
    return machine(tmp_path / "machine")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return update(tmp_path_factory.mktemp("update"))


def what_starts(host: Machine) -> tuple[Any, ...]:
    boot = host.folder / "boot"
    return (
        host.words(),
        (host.folder / "disk3").read_bytes(),
        *((boot / "A" / name).read_bytes() for name in ("vmlinuz", "initrd.img")),
    )


def run(host: Machine, data: bytes, wanted: Wanted = WANTED) -> bundle.Manifest:
    return apply(host, io.BytesIO(data), PUBLIC, wanted, lambda _what, _part: None)


def test_it_lies_whole_in_the_other_slot(host: Machine, file: Path) -> None:
    before = what_starts(host)
    manifest = run(host, file.read_bytes())
    assert manifest.version == host.version_in("B") == "1.1.0"
    assert (host.folder / "disk4").read_bytes()[:SYSTEM] == (file.parent / "system.squashfs").read_bytes()
    assert (host.folder / "boot/B/vmlinuz").read_bytes() == b"kernel 1.1.0"
    # To have it tried is the last step, and somebody else's.
    assert what_starts(host) == before
    host.try_next("B")
    assert host.words() == Words(trial="B")


@pytest.mark.parametrize("share", range(0, 201, 7))
def test_cut_short_anywhere_what_starts_is_as_it_was_and_it_can_be_done_again(
    host: Machine, file: Path, share: int
) -> None:
    """It is read twice: to be verified, then to be written."""
    data = file.read_bytes()
    before = what_starts(host)

    host.note_version("B", "0.9.0")
    with pytest.raises(OSError, match="power"):
        apply(host, Cut(data, 2 * len(data) * share // 200), PUBLIC, WANTED, lambda _what, _part: None)
    assert what_starts(host) == before
    # What was verified only is still there to go back to; a slot that may be half written is not, and has no kernel.
    assert host.version_in("B") == ("0.9.0" if share <= 100 else "")
    assert not (host.folder / "boot/B/vmlinuz").exists()
    run(host, data)
    assert host.version_in("B") == "1.1.0"


def test_a_damaged_one_leaves_alone_what_could_be_gone_back_to(host: Machine, file: Path) -> None:
    run(host, file.read_bytes())
    slot, kernel = (host.folder / "disk4").read_bytes(), (host.folder / "boot/B/vmlinuz").read_bytes()
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    with pytest.raises(GuardianError):
        run(host, bytes(data))
    assert (host.folder / "disk4").read_bytes() == slot
    assert (host.folder / "boot/B/vmlinuz").read_bytes() == kernel
    assert host.version_in("B") == "1.1.0"


def test_one_after_another_without_a_start_between_them(host: Machine, file: Path) -> None:
    host.starts("B")
    host.change(good="B", trial="", verdict="good")
    run(host, file.read_bytes())
    assert host.version_in("A") == "1.1.0"


def test_where_grub_fell_back_to_is_the_good_one_from_now_on(host: Machine, file: Path) -> None:
    host.starts("B")
    assert host.words().good == "A"
    run(host, file.read_bytes())
    host.try_next("A")
    assert host.words() == Words(good="B", trial="A")


@pytest.mark.parametrize("outcome", LEFT)
def test_one_that_was_tried_here_and_left_is_not_taken_again_unless_root_means_it(
    host: Machine, file: Path, outcome: str
) -> None:
    host.record("1.1.0", outcome, "It did not work.")
    host.record("1.0.9", "good", "Another one.")
    with pytest.raises(ApplyError) as caught:
        run(host, file.read_bytes())
    assert caught.value.reason == "tried_before"
    run(host, file.read_bytes(), Wanted("edge", "1.0.0", again=True))
    host.record("1.1.0", "not_judged", "It was switched off.")
    run(host, file.read_bytes())


def test_what_was_handed_over_is_gone_and_no_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/bundle").write_bytes(b"somebody else's")
    (tmp_path / "update").mkdir()
    (tmp_path / "update/ready").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ApplyError), taken(tmp_path / "update"):
        pass
    assert (tmp_path / "elsewhere/bundle").exists()
    (tmp_path / "update/ready").unlink()
    (tmp_path / "update/ready").mkdir()
    (tmp_path / "update/ready/bundle").write_bytes(b"handed over")
    with taken(tmp_path / "update") as file:
        assert file.read() == b"handed over"
        assert not (tmp_path / "update/ready/bundle").exists()


def test_one_at_a_time(host: Machine) -> None:
    with host.alone():
        with pytest.raises(ApplyError) as caught, host.alone():
            pass
        assert caught.value.reason == "slots_in_use"
    with host.alone():
        pass


def test_root_asks_once(host: Machine) -> None:
    assert not host.was_asked()
    host.ask_again()
    assert host.was_asked()
    assert not host.was_asked()


@pytest.mark.parametrize("place", [5, 80, 200, 2_000, bundle.BLOCK * 2, -1])
def test_one_wrong_bit_is_found_before_it_can_start(host: Machine, file: Path, place: int) -> None:
    data = bytearray(file.read_bytes())
    data[place] ^= 4
    before = what_starts(host)
    with pytest.raises(GuardianError) as caught:
        run(host, bytes(data))
    assert caught.value.reason in {"bundle_malformed", "bundle_foreign", "bundle_damaged"}
    assert what_starts(host) == before
    assert host.version_in("B") == ""


def test_one_byte_more_or_less(host: Machine, file: Path) -> None:
    for data in (file.read_bytes()[:-1], file.read_bytes() + b"x"):
        with pytest.raises(GuardianError) as caught:
            run(host, data)
        assert caught.value.reason == "bundle_damaged"
        assert host.version_in("B") == ""


def test_a_disk_that_does_not_keep_what_was_written(host: Machine, file: Path) -> None:
    def tell(what: str, part: float) -> None:
        if what == "Writing the system" and part == 1:
            with (host.folder / "disk4").open("r+b") as disk:
                disk.seek(99)
                disk.write(b"?")

    with pytest.raises(ApplyError) as caught:
        apply(host, io.BytesIO(file.read_bytes()), PUBLIC, WANTED, tell)
    assert caught.value.reason == "disk_refused"
    assert host.version_in("B") == ""


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        (Wanted("node", "1.0.0"), "wrong_tier"),
        (Wanted("edge", "1.1.0"), "same_version"),
        (Wanted("edge", "1.2.0"), "downgrade"),
        (Wanted("edge", "1.1.1.dev1"), "downgrade"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_written(
    host: Machine, file: Path, wanted: Wanted, reason: str
) -> None:
    host.note_version("B", "0.9.0")
    with pytest.raises(ApplyError) as caught:
        run(host, file.read_bytes(), wanted)
    assert caught.value.reason == reason
    assert host.version_in("B") == "0.9.0"


def test_an_older_one_for_who_means_it(host: Machine, file: Path) -> None:
    run(host, file.read_bytes(), Wanted("edge", "1.2.0", downgrade=True))
    assert host.version_in("B") == "1.1.0"


def test_not_while_one_is_tried(host: Machine, file: Path) -> None:
    host.starts("B")
    host.change(trial="B", left="1", reached="1")
    with pytest.raises(ApplyError) as caught:
        run(host, file.read_bytes())
    assert caught.value.reason == "on_trial"
    assert "found good" in caught.value.hint


def test_nor_while_one_waits_for_a_restart_to_be_tried(host: Machine, file: Path) -> None:
    run(host, file.read_bytes())
    host.have_tried("1.1.0")
    with pytest.raises(ApplyError) as caught:
        run(host, file.read_bytes())
    assert caught.value.reason == "on_trial"
    assert caught.value.hint == "Restart the machine."
    with pytest.raises(ApplyError):
        host.refuse_going_back(host.before)


def test_a_system_that_is_larger_than_its_slot(host: Machine, file: Path) -> None:
    (host.folder / "disk4").write_bytes(bytes(bundle.BLOCK))
    before = what_starts(host)
    with pytest.raises(ApplyError) as caught:
        run(host, file.read_bytes())
    assert caught.value.reason == "slot_too_small"
    assert what_starts(host) == before
