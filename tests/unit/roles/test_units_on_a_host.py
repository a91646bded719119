"""What puts a release's units on a host: a tree of its own in place of the host."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = ROOT / "roles/systemd_units/files/guardian_units.py"
SYSTEM = "etc/systemd/system"
FILES = (
    "common/guardian.slice",
    "common/guardian-.service.d/50-systemd254.conf",
    "common/guardian-common.sysusers",
    "edge/guardian-uplink.service",
    "edge/guardian-edge.target",
    "edge/guardian-edge.tmpfiles",
    "node/guardian-relay.service",
)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "units"
    for name in FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"# {name}\n")
    return folder


def run(root: Path, *arguments: str, source: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", str(PROGRAM), "--root", str(root), *arguments]
    if source is not None:
        command += ["--source", str(source)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def put(root: Path, source: Path, *arguments: str) -> dict[str, list[str]]:
    done = run(root, "--tier", "edge", *arguments, source=source)
    assert done.returncode == 0, done.stderr
    answer: dict[str, list[str]] = json.loads(done.stdout)
    return answer


def files(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def test_the_tiers_files_are_put_where_systemd_looks_and_a_second_time_changes_nothing(
    tmp_path: Path, source: Path
) -> None:
    root = tmp_path / "root"
    would = put(root, source, "--check")
    assert not root.exists()
    assert put(root, source) == would
    assert files(root) == [
        "etc/guardian/units.json",
        f"{SYSTEM}/guardian-edge.target",
        f"{SYSTEM}/guardian-uplink.service",
        f"{SYSTEM}/guardian.slice",
        "etc/sysusers.d/guardian-common.conf",
        "etc/tmpfiles.d/guardian-edge.conf",
    ]
    assert put(root, source) == {"written": [], "removed": []}


def test_a_drop_in_for_a_newer_systemd_is_for_that_one_alone(tmp_path: Path, source: Path) -> None:
    name = f"{SYSTEM}/guardian-.service.d/50-systemd254.conf"
    root = tmp_path / "root"
    assert name in put(root, source, "--systemd", "257")["written"]
    assert put(root, source, "--systemd", "252")["removed"] == [name]
    assert not (root / name).parent.exists()


def test_what_a_release_has_no_more_goes_and_what_is_not_ours_stays(tmp_path: Path, source: Path) -> None:
    root = tmp_path / "root"
    put(root, source)
    own = root / SYSTEM / "guardian-uplink.service.d/override.conf"
    own.parent.mkdir()
    own.write_text("mine")
    other = root / SYSTEM / "guardian-mine.service"
    other.write_text("mine")
    (source / "edge/guardian-uplink.service").unlink()
    assert put(root, source)["removed"] == [f"{SYSTEM}/guardian-uplink.service"]
    assert own.exists() and other.exists()
    done = json.loads(run(root, "--none").stdout)
    assert len(done["removed"]) == 4
    assert files(root) == sorted(
        [f"{SYSTEM}/guardian-mine.service", f"{SYSTEM}/guardian-uplink.service.d/override.conf"]
    )
    assert json.loads(run(root, "--none").stdout) == {"written": [], "removed": []}


def test_what_another_hand_changed_is_put_right(tmp_path: Path, source: Path) -> None:
    root = tmp_path / "root"
    put(root, source)
    (root / SYSTEM / "guardian-uplink.service").write_text("User=root")
    (root / SYSTEM / "guardian-edge.target").chmod(0o666)
    assert put(root, source)["written"] == [f"{SYSTEM}/guardian-edge.target", f"{SYSTEM}/guardian-uplink.service"]


def test_a_manifest_that_names_others_files_costs_them_nothing(tmp_path: Path, source: Path) -> None:
    root = tmp_path / "root"
    put(root, source)
    victim = root / "etc/passwd"
    victim.write_text("root")
    names = ["etc/passwd", f"{SYSTEM}/guardian/../../../passwd", f"{SYSTEM}/sshd.service", 7]
    (root / "etc/guardian/units.json").write_text(json.dumps({"files": names}))
    assert put(root, source)["removed"] == []
    assert victim.exists()


@pytest.mark.parametrize("name", ["edge/sshd.service", "edge/guardian-x.sh", "edge/guardian-x.service.d/00.conf"])
def test_a_release_with_what_is_no_unit_is_refused_before_anything_is_written(
    tmp_path: Path, source: Path, name: str
) -> None:
    (source / name).parent.mkdir(exist_ok=True)
    (source / name).write_text("")
    done = run(tmp_path / "root", "--tier", "edge", source=source)
    assert done.returncode == 1
    assert "nothing that belongs on a host" in done.stderr
    assert not (tmp_path / "root").exists()


def test_links_other_folders_and_two_ends_of_one_tunnel_are_refused(tmp_path: Path, source: Path) -> None:
    (source / "edge/guardian-x.service").symlink_to("/etc/shadow")
    assert "no plain file" in run(tmp_path / "root", "--tier", "edge", source=source).stderr
    (source / "edge/guardian-x.service").unlink()
    (source / "node/guardian-uplink.service").write_text("")
    both = run(tmp_path / "root", "--tier", "edge", "--tier", "node", source=source)
    assert "Two tiers bring" in both.stderr
    assert "no folder of units" in run(tmp_path / "root", "--tier", "edge", source=tmp_path).stderr
