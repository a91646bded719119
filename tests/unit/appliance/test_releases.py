"""A release from a bundle lies beside the others, is tried, and stays or goes; cut off anywhere, one is in force."""

import contextlib
import io
import sys
import tarfile
from pathlib import Path

import pytest
from tests.unit.appliance.release_host import (
    DAEMONS,
    KEY,
    PUBLIC,
    Machine,
    PowerCutError,
    copied,
    judged,
    machine,
    made,
    packed,
)
from tests.unit.appliance.updates import Cut
from tools.releasing import bundle as releasing

from guardian.appliance import release_writing
from guardian.appliance.apply import Wanted, apply
from guardian.appliance.host import ApplyError
from guardian.common import bundle
from guardian.common.errors import GuardianError

WANTED = Wanted("edge-release", "1.0.0")


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """1.0.0 which runs, 1.1.0 which is good, 1.2.0 which does not pass its own check; and their bundles."""
    folder = tmp_path_factory.mktemp("releases")
    for version, verdict in (("1.0.0", None), ("1.1.0", None), ("1.2.0", "It cannot be loaded.")):
        packed(made(folder, version, verdict), version)
    return folder


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory, releases: Path) -> Machine:
    return machine(tmp_path_factory.mktemp("bare") / "m", releases / "1.0.0")


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory, bare: Machine, releases: Path) -> Machine:
    host = copied(bare, tmp_path_factory.mktemp("tried") / "m")
    run(host, (releases / "1.1.0.update").read_bytes())
    host.have_tried("1.1.0")
    host.restarted()
    return host


@pytest.fixture
def fresh(tmp_path: Path, bare: Machine) -> Machine:
    """1.0.0 runs."""
    return copied(bare, tmp_path / "m")


@pytest.fixture
def host(tmp_path: Path, tried: Machine) -> Machine:
    """1.1.0 lies beside it and is to be tried; nobody has judged it yet."""
    return copied(tried, tmp_path / "m")


def run(host: Machine, data: bytes, wanted: Wanted = WANTED) -> bundle.Manifest:
    return apply(host, io.BytesIO(data), PUBLIC, wanted, lambda _what, _part: None)


def in_force(host: Machine) -> tuple[str, str, bool]:
    """The release, its units, and whether it is whole."""
    return host.linked("current"), host.units(), host.whole()


OLD, NEW = ("1.0.0", "# 1.0.0", True), ("1.1.0", "# 1.1.0", True)


def test_it_lies_whole_beside_and_nothing_else_has_changed(fresh: Machine, releases: Path) -> None:
    manifest = run(fresh, (releases / "1.1.0.update").read_bytes())
    assert manifest.version == "1.1.0" and fresh.installed("1.1.0")["tiers"] == ["edge"]
    assert in_force(fresh) == OLD
    assert not (fresh.root / "fetched").exists()
    assert (fresh.note, fresh.restarted()) == (None, [])


@pytest.mark.parametrize("share", range(20, 200, 60))
def test_cut_short_anywhere_the_old_one_is_in_force_and_it_can_be_done_again(
    fresh: Machine, releases: Path, share: int
) -> None:
    data = (releases / "1.1.0.update").read_bytes()

    with pytest.raises(OSError, match="power"):
        apply(fresh, Cut(data, 2 * len(data) * share // 200), PUBLIC, WANTED, lambda _what, _part: None)
    assert (in_force(fresh), fresh.installed("1.1.0")) == (OLD, {})
    run(fresh, data)
    assert fresh.installed("1.1.0")


def test_what_a_cut_left_half_written_is_in_nobody_s_way(fresh: Machine, releases: Path) -> None:
    (fresh.root / "fetched/release").mkdir(parents=True)
    (fresh.root / "fetched/release.tar").write_bytes(b"half")
    (fresh.root / "releases/1.1.0.partial/bin").mkdir(parents=True)
    run(fresh, (releases / "1.1.0.update").read_bytes())
    assert fresh.installed("1.1.0") and not (fresh.root / "releases/1.1.0.partial").exists()


def test_one_that_does_not_pass_its_own_check_is_refused(fresh: Machine, releases: Path) -> None:
    with pytest.raises(ApplyError) as caught:
        run(fresh, (releases / "1.2.0.update").read_bytes())
    assert caught.value.reason == "release_refused" and "It cannot be loaded." in str(caught.value)
    assert (in_force(fresh), fresh.installed("1.2.0")) == (OLD, {})


@pytest.mark.parametrize("place", [80, 2_000, -1])
def test_one_wrong_bit_is_found_before_any_of_it_is_read(fresh: Machine, releases: Path, place: int) -> None:
    data = bytearray((releases / "1.1.0.update").read_bytes())
    data[place] ^= 4
    with pytest.raises(GuardianError) as caught:
        run(fresh, bytes(data))
    assert caught.value.reason in {"bundle_malformed", "bundle_foreign", "bundle_damaged"}
    assert not (fresh.root / "fetched").exists()


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        (Wanted("edge", "1.0.0"), "wrong_tier"),
        (Wanted("node-release", "1.0.0"), "wrong_tier"),
        (Wanted("edge-release", "1.1.0"), "same_version"),
        (Wanted("edge-release", "2.0.0"), "downgrade"),
    ],
)
def test_what_does_not_fit_is_refused(fresh: Machine, releases: Path, wanted: Wanted, reason: str) -> None:
    with pytest.raises(ApplyError) as caught:
        run(fresh, (releases / "1.1.0.update").read_bytes(), wanted)
    assert caught.value.reason == reason
    assert fresh.installed("1.1.0") == {}


def entry(name: str, kind: bytes = tarfile.REGTYPE, to: str = "") -> tarfile.TarInfo:
    item = tarfile.TarInfo(name)
    item.type, item.linkname = kind, to
    return item


@pytest.mark.parametrize(
    "items",
    [
        [entry("../out")],
        [entry("/etc/passwd")],
        [entry("a/./b")],
        [entry("a", tarfile.SYMTYPE, "/etc")],
        [entry("a", tarfile.LNKTYPE, "/etc/passwd")],
        [entry("a", tarfile.CHRTYPE)],
        [entry("a", tarfile.FIFOTYPE)],
        [entry("a", tarfile.DIRTYPE)],
        [entry("a"), entry("a")],
        [entry("a"), entry("a/b")],
        [entry(f"f{number}") for number in range(4097)],
    ],
)
def test_only_plain_files_come_out_of_it(tmp_path: Path, items: list[tarfile.TarInfo]) -> None:
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        for item in items:
            archive.addfile(item)
    with pytest.raises(bundle.BundleError):
        release_writing.unpack(tmp_path / "x.tar", tmp_path / "x")
    assert {path.name for path in tmp_path.iterdir()} == {"x.tar", "x"}


def test_what_is_no_release_is_none_whoever_signed_it(fresh: Machine, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"no archive")
    for parts in ({"system.squashfs": tmp_path / "file"}, {"release.tar": tmp_path / "file"}):
        bundle.make(tmp_path / "x.update", "edge-release", "1.1.0", "2026-11-27T00:00:00Z", parts, KEY)
        with pytest.raises(GuardianError) as caught:
            run(fresh, (tmp_path / "x.update").read_bytes())
        assert caught.value.reason == "bundle_malformed"
    assert in_force(fresh) == OLD


def test_a_model_comes_with_it_and_none_that_is_there_is_replaced(
    fresh: Machine, releases: Path, tmp_path: Path
) -> None:
    """As `make release-bundle MODEL=FILE` makes it."""
    given, there = tmp_path / "given", tmp_path / "models"
    given.mkdir()
    there.mkdir()
    (there / "own.onnx").write_bytes(b"mine")
    for name in ("new_416.onnx", "own.onnx"):
        (given / name).write_bytes(b"the release's")
    (given / "key").write_bytes(KEY.private_bytes_raw())
    wanted = releasing.Wanted(
        "edge", [f"{sys.version_info.major}.{sys.version_info.minor}"], [given / "new_416.onnx", given / "own.onnx"]
    )
    with releasing.make(releases / "1.1.0", wanted, given / "key", tmp_path).open("rb") as file:
        manifest, _ = bundle.read_manifest(file, PUBLIC)
        release_writing.write(
            release_writing.Target(fresh.root, "edge", there), file, manifest, lambda _what, _part: None
        )
    assert fresh.installed("1.1.0")
    assert {path.name: path.read_bytes() for path in there.iterdir()} == {
        "new_416.onnx": b"the release's",
        "own.onnx": b"mine",
    }


def test_one_that_is_as_well_as_before_stays(host: Machine) -> None:
    assert judged(host) == "good"
    assert in_force(host) == NEW
    assert host.linked("previous") == host.before == "1.0.0"
    assert host.restarted() == list(DAEMONS)
    assert (host.note, (host.root / "judge").is_symlink()) == (None, False)
    assert [(past.version, past.outcome) for past in host.history()] == [("1.1.0", "good")]


def test_one_that_is_not_goes_and_says_why(host: Machine) -> None:
    assert judged(host, "uplink, node: cannot be reached.") == "unhealthy"
    assert in_force(host) == OLD
    # Not the one that was left.
    assert host.before == ""
    assert host.restarted() == [*DAEMONS, *DAEMONS]
    assert (host.note, (host.root / "judge").is_symlink()) == (None, False)
    [past] = host.history()
    assert (past.version, past.outcome, past.sentence) == ("1.1.0", "unhealthy", "uplink, node: cannot be reached.")


def test_a_daemon_that_does_not_start_is_enough(host: Machine) -> None:
    host.fails(DAEMONS[0], "1.1.0")
    assert judged(host) == "unhealthy"
    assert in_force(host) == OLD
    # Recording was not touched by what was broken before it.
    assert host.restarted() == [DAEMONS[0], *DAEMONS]
    assert "Job for guardian-uplink.service failed." in host.history()[0].sentence


def test_units_that_are_none_are_enough(host: Machine) -> None:
    (host.folder("1.1.0") / "units/edge/odd.txt").write_text("not a unit")
    assert judged(host) == "unhealthy"
    assert in_force(host) == OLD


@pytest.mark.parametrize(
    ("missing", "step"),
    [*(((), step) for step in range(1, 24, 3)), *((("uplink is not ready.",), step) for step in range(1, 34))],
)
def test_cut_off_before_any_step_it_is_finished_by_the_next_judge(
    host: Machine, missing: tuple[str, ...], step: int
) -> None:
    verdict = "unhealthy" if missing else "good"
    with contextlib.suppress(PowerCutError):
        assert judged(host, *missing, cut_at=step) == verdict
    # As the machine starts now.
    assert host.whole()
    if (host.root / "judge").is_symlink():
        assert judged(host, *missing) in ("", verdict)
    assert in_force(host) == (OLD if missing else NEW)
    assert (host.note, (host.root / "judge").is_symlink()) == (None, False)
    assert {past.outcome for past in host.history()} == {verdict}


def test_there_are_no_more_steps_than_that(host: Machine) -> None:
    assert judged(host, "uplink is not ready.", cut_at=34) == "unhealthy"


def test_what_is_never_judged_is_left(host: Machine) -> None:
    for _ in range(2):
        with pytest.raises(PowerCutError):
            judged(host, cut_at=8)
        assert host.whole()
    assert judged(host) == "not_judged"
    assert in_force(host) == OLD
    assert [past.outcome for past in host.history()] == ["not_judged"]


def test_a_note_that_was_never_written_is_no_trial(fresh: Machine) -> None:
    (fresh.root / "judge").symlink_to("releases/1.0.0")
    assert judged(fresh) == ""
    assert (in_force(fresh), (fresh.root / "judge").is_symlink()) == (OLD, False)


def test_not_while_one_is_tried_nor_while_a_play_is_not_finished(host: Machine, releases: Path) -> None:
    with pytest.raises(ApplyError) as caught:
        run(host, (releases / "1.2.0.update").read_bytes())
    assert caught.value.reason == "on_trial"
    host.end()
    (host.root / "unfinished.json").write_text('{"from": "1.0.0", "to": "1.1.0", "previous": "", "units": []}')
    with pytest.raises(ApplyError) as caught:
        run(host, (releases / "1.2.0.update").read_bytes())
    assert caught.value.reason == "play_unfinished"
    # And no judge takes a play's note for its own.
    assert judged(host) == ""
    assert (host.root / "unfinished.json").exists()


def test_going_back_by_hand_is_a_trial_too(host: Machine) -> None:
    judged(host)
    host.restarted()
    host.refuse_going_back("1.0.0")
    host.have_tried("1.0.0")
    assert judged(host) == "good"
    assert (in_force(host), host.before) == (OLD, "1.1.0")
