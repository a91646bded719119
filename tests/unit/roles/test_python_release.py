"""Releases on a host, with a small release made here: hashes, half-finished runs, the links, what goes."""

import hashlib
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pip
import pytest
from tests.unit.roles.playing import ROOT, play, said

SCRIPT = Path(__file__).parents[3] / "roles/python_release/files/guardian_release.py"
LOOK = {"tasks_from": "validate"}
RUNNING = f"{sys.version_info.major}.{sys.version_info.minor}"
MAIN = """
import sys
def main():
    # The daemons' own check, as the release is told to make it.
    sys.exit({verdict!r} if sys.argv[1:2] == ["selfcheck"] else 0)
"""


def wheel(path: Path, name: str, version: str, files: dict[str, str]) -> None:
    folder = f"{name}-{version}.dist-info"
    metadata = {
        f"{folder}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{folder}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    names = [*files, *metadata, f"{folder}/RECORD"]
    with zipfile.ZipFile(path, "w") as archive:
        for item, text in (files | metadata).items():
            archive.writestr(item, text)
        archive.writestr(f"{folder}/RECORD", "".join(f"{item},,\n" for item in names))


def pip_wheel(path: Path) -> None:
    """The pip that is here, as the wheel it came from."""
    package = Path(pip.__file__).parent
    with zipfile.ZipFile(path, "w") as archive:
        for file in package.rglob("*"):
            if file.is_file() and "__pycache__" not in file.parts:
                archive.write(file, file.relative_to(package.parent))


def sums(folder: Path) -> None:
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    lines = [f"{digest(folder / name)}  {name}\n" for name in names if name != "SHA256SUMS"]
    (folder / "SHA256SUMS").write_text("".join(lines))


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def release(folder: Path, version: str, verdict: str | None = None, note: str = "") -> Path:
    (folder / "wheels").mkdir(parents=True)
    own = folder / f"guardian-{version}-py3-none-any.whl"
    entry = {f"guardian-{version}.dist-info/entry_points.txt": "[console_scripts]\nguardian = guardian.cli.main:main\n"}
    package = {"guardian/__init__.py": note, "guardian/cli/__init__.py": ""}
    wheel(own, "guardian", version, package | entry | {"guardian/cli/main.py": MAIN.format(verdict=verdict)})
    wheel(folder / "wheels/small-1.0-py3-none-any.whl", "small", "1.0", {"small.py": "x = 1\n"})
    pip_wheel(folder / f"wheels/pip-{pip.__version__}-py3-none-any.whl")
    lines = [(own, f"guardian=={version}"), (folder / "wheels/small-1.0-py3-none-any.whl", "small==1.0")]
    text = "".join(f"{pin} \\\n    --hash=sha256:{digest(path)}\n" for path, pin in lines)
    (folder / "requirements-edge.txt").write_text(text)
    install = folder / f"wheels/pip-{pip.__version__}-py3-none-any.whl"
    (folder / "requirements-install.txt").write_text(
        f"pip=={pip.__version__} \\\n    --hash=sha256:{digest(install)}\n"
    )
    (folder / "units").mkdir()
    (folder / "units/guardian-camera@.service").write_text("[Service]\n")
    (folder / "release.json").write_text(json.dumps({"format": 1, "version": version, "python": [RUNNING]}))
    sums(folder)
    return folder


class Host:
    def __init__(self, root: Path) -> None:
        self.root = root

    def call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        # By its text, as the role runs it: nothing of it lies on the host.
        command = ["/usr/bin/python3", "-", "--root", str(self.root), *arguments]
        return subprocess.run(command, input=SCRIPT.read_text(), capture_output=True, text=True, check=False)

    def good(self, *arguments: str) -> dict[str, Any]:
        result = self.call(*arguments)
        assert result.returncode == 0, result.stderr
        answer: dict[str, Any] = json.loads(result.stdout)
        return answer

    def refused(self, *arguments: str) -> str:
        result = self.call(*arguments)
        assert result.returncode == 1, result.stdout
        assert "Traceback" not in result.stderr
        return result.stderr

    def stage(self, folder: Path) -> dict[str, Any]:
        return self.good("stage", str(folder), "--tier", "edge", "--etc", str(self.root / "etc"))


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path / "opt")


@pytest.fixture
def first(tmp_path: Path) -> Path:
    return release(tmp_path / "0.1.0", "0.1.0")


def test_a_release_is_installed_beside_and_then_put_in_force(host: Host, first: Path) -> None:
    assert host.stage(first)["changed"] is True
    assert host.good("status") == {"current": "", "previous": "", "releases": ["0.1.0"], "unfinished": {}}
    assert host.good("use", "0.1.0")["current"] == "0.1.0"
    assert os.readlink(host.root / "current") == "releases/0.1.0"
    script = host.root / "releases/0.1.0/bin/guardian"
    # The release's own name: after the link has moved on, late imports still come from here.
    assert script.read_text().splitlines()[0] == f"#!{host.root}/releases/0.1.0/bin/python"
    assert subprocess.run([script, "anything"], env={}, check=False).returncode == 0
    assert (host.root / "current/units/guardian-camera@.service").read_text() == "[Service]\n"


def test_a_second_run_changes_nothing(host: Host, first: Path) -> None:
    host.stage(first)
    host.good("use", "0.1.0")
    before = sorted((path, path.lstat().st_mtime_ns) for path in host.root.rglob("*"))
    assert host.stage(first)["changed"] is False
    assert host.good("use", "0.1.0")["changed"] is False
    assert host.good("prune", "--keep", "3")["changed"] is False
    assert sorted((path, path.lstat().st_mtime_ns) for path in host.root.rglob("*")) == before


def test_nothing_in_it_names_the_folder_it_was_made_in_and_nobody_else_may_write(host: Host, first: Path) -> None:
    host.stage(first)
    files = [path for path in (host.root / "releases/0.1.0").rglob("*") if path.is_file() and not path.is_symlink()]
    assert [path for path in files if b".partial" in path.read_bytes()] == []
    assert [path for path in files if path.stat().st_mode & 0o022] == []
    assert list((host.root / "releases/0.1.0").glob("lib/python3*/site-packages/guardian/cli/__pycache__/main.*.pyc"))
    assert {path.name for path in (host.root / "releases/0.1.0/bin").iterdir()} == {
        *("guardian", "python", "python3", f"python{RUNNING}")
    }


def test_the_one_before_is_kept_and_going_back_turns_the_two_round(host: Host, first: Path, tmp_path: Path) -> None:
    host.stage(first)
    host.good("use", "0.1.0")
    host.stage(release(tmp_path / "0.2.0", "0.2.0"))
    assert host.good("status")["current"] == "0.1.0"
    assert host.good("use", "0.2.0")["previous"] == "0.1.0"
    back = host.good("use", "0.1.0")
    assert (back["current"], back["previous"]) == ("0.1.0", "0.2.0")


def test_who_goes_back_from_a_release_that_was_not_well_keeps_the_one_before(host: Host, tmp_path: Path) -> None:
    for number in (1, 2, 3):
        host.stage(release(tmp_path / f"0.{number}.0", f"0.{number}.0"))
        host.good("use", f"0.{number}.0")
    back = host.good("use", "0.2.0", "--previous", "0.1.0")
    assert (back["current"], back["previous"], back["changed"]) == ("0.2.0", "0.1.0", True)
    assert host.good("use", "0.2.0")["changed"] is False


def test_the_newest_stay_and_what_is_linked_always_does(host: Host, tmp_path: Path) -> None:
    for number in range(1, 6):
        host.stage(release(tmp_path / f"0.{number}.0", f"0.{number}.0"))
    host.good("use", "0.1.0")
    host.good("use", "0.2.0")
    assert sorted(host.good("prune", "--keep", "3")["removed"]) == ["0.3.0", "0.4.0"]
    assert host.good("status")["releases"] == ["0.1.0", "0.2.0", "0.5.0"]


@pytest.mark.parametrize(
    "name", ["wheels/small-1.0-py3-none-any.whl", "requirements-edge.txt", "units/guardian-camera@.service"]
)
def test_a_changed_file_is_refused_before_anything_changes(name: str, host: Host, first: Path) -> None:
    with (first / name).open("ab") as file:
        file.write(b"#")
    for verb in ("inspect", "stage"):
        assert name in host.refused(verb, str(first), "--tier", "edge")
    assert list(host.root.glob("releases/*")) == []


def test_a_wheel_whose_sum_was_changed_with_it_is_not_installed(host: Host, first: Path) -> None:
    wheel(first / "wheels/small-1.0-py3-none-any.whl", "small", "1.0", {"small.py": "x = 2\n"})
    sums(first)
    # It is not what the list asks for, so it is none of the files that are looked at.
    assert "small" in host.refused("stage", str(first), "--tier", "edge")
    assert host.good("status")["releases"] == []


@pytest.mark.parametrize("line", ["00  release.json", f"{'0' * 64}  ../../etc/passwd", f"{'0' * 64}  /etc/passwd"])
def test_sums_that_lead_elsewhere_are_refused(line: str, host: Host, first: Path) -> None:
    with (first / "SHA256SUMS").open("a") as file:
        file.write(line + "\n")
    assert "what is no sum" in host.refused("inspect", str(first), "--tier", "edge")


def test_a_folder_that_is_no_release_is_refused(host: Host, tmp_path: Path) -> None:
    assert "is no release" in host.refused("inspect", str(tmp_path), "--tier", "edge")


def test_a_python_without_wheels_is_refused(host: Host, first: Path) -> None:
    assert "this host has 3.99" in host.refused("inspect", str(first), "--tier", "edge", "--for-python", "3.99")


def test_a_tier_it_was_not_built_for_is_refused(host: Host, first: Path) -> None:
    assert "no requirements-node.txt" in host.refused("inspect", str(first), "--tier", "node")


def test_a_release_that_fails_its_own_check_is_not_there_afterwards(host: Host, first: Path, tmp_path: Path) -> None:
    host.stage(first)
    host.good("use", "0.1.0")
    broken = release(tmp_path / "0.2.0", "0.2.0", verdict="edge.yaml: unknown key fpss.")
    words = host.refused("stage", str(broken), "--tier", "edge")
    assert "unknown key fpss" in words
    assert "what is in force was not touched" in words
    assert host.good("status") == {"current": "0.1.0", "previous": "", "releases": ["0.1.0"], "unfinished": {}}
    assert [path.name for path in (host.root / "releases").iterdir()] == ["0.1.0"]


def test_what_a_run_that_was_cut_off_left_behind_is_replaced(host: Host, first: Path) -> None:
    left = host.root / "releases/0.1.0.partial/bin"
    left.mkdir(parents=True)
    (left / "guardian").write_text("half")
    (host.root / "releases/0.1.0/lib").mkdir(parents=True)
    (host.root / ".current.new").symlink_to("releases/0.0.9")
    assert "not installed here" in host.refused("use", "0.1.0")
    assert host.stage(first)["changed"] is True
    assert host.good("use", "0.1.0")["current"] == "0.1.0"
    assert [path.name for path in (host.root / "releases").iterdir()] == ["0.1.0"]


def test_the_same_version_with_other_contents_is_refused_while_it_is_in_use(host: Host, tmp_path: Path) -> None:
    host.stage(release(tmp_path / "one", "0.1.0"))
    other = release(tmp_path / "two", "0.1.0", note="x = 1\n")
    # Nobody uses it yet: a trial that is built again takes the place of the one before.
    assert host.stage(other)["changed"] is True
    host.good("use", "0.1.0")
    assert "A release never changes" in host.refused("stage", str(tmp_path / "one"), "--tier", "edge")


def test_no_room_is_said_before_anything_changes(host: Host, first: Path) -> None:
    seen = host.good("inspect", str(first), "--tier", "edge")
    asked = ["ask", seen["version"], seen["digest"]]
    assert host.good(*asked, str(seen["bytes"]), "--tier", "edge")["there"] is False
    assert "MB free" in host.refused(*asked, str(1 << 60), "--tier", "edge")
    assert not host.root.exists()


def test_what_is_packed_is_all_that_a_host_needs(host: Host, first: Path, tmp_path: Path) -> None:
    (first / "wheels/other-1.0-py3-none-any.whl").write_bytes(b"another tier's")
    sums(first)
    packed = tmp_path / "packed.tar"
    host.good("pack", str(first), "--tier", "edge", "--into", str(packed))
    there = tmp_path / "there"
    there.mkdir()
    subprocess.run(["tar", "-xf", packed, "-C", there], check=True)
    assert not (there / "wheels/other-1.0-py3-none-any.whl").exists()
    assert host.stage(there)["changed"] is True


@pytest.mark.parametrize("remote", [False, True])
def test_a_release_is_named_as_seen_from_the_repository_whatever_folder_the_playbook_lies_in(
    tmp_path: Path, remote: bool
) -> None:
    built = release(tmp_path / "build" / "1.0", "1.0")
    playbooks = tmp_path / "somewhere"
    playbooks.mkdir()
    look = {"hosts": "all", "tasks": [{"ansible.builtin.include_role": {"name": "python_release"} | LOOK}]}
    done = play(
        playbooks,
        [look],
        {"all": {"hosts": {"host": None}}},
        python_release_wheelhouse=os.path.relpath(built, ROOT),
        python_release_wheelhouse_remote=remote,
        python_release_tiers=["edge"],
        python_release_root=str(tmp_path / "root"),
        python_release_python=sys.executable,
    )
    assert (done.returncode == 0) is not remote, done.stdout
    assert ("give the whole path there" in said(done)) is remote


@pytest.mark.parametrize("listed", [True, False], ids=["listed", "beside"])
def test_a_link_in_a_release_leads_to_nothing_on_the_host(
    listed: bool, host: Host, first: Path, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("[Service]\n")
    link = first / ("units/guardian-camera@.service" if listed else "units/guardian-more.service")
    link.unlink(missing_ok=True)
    link.symlink_to(secret)
    if listed:
        # Its bytes are those that SHA256SUMS names, and it is a link all the same.
        assert link.name in host.refused("stage", str(first), "--tier", "edge")
        return
    host.stage(first)
    assert [path.name for path in (host.root / "releases/0.1.0/units").iterdir()] == ["guardian-camera@.service"]


def test_a_folder_that_is_a_link_is_refused(host: Host, first: Path, tmp_path: Path) -> None:
    (first / "units").rename(tmp_path / "units")
    (first / "units").symlink_to(tmp_path / "units")
    for verb in ("inspect", "stage"):
        assert "units/guardian-camera@.service" in host.refused(verb, str(first), "--tier", "edge")


def test_only_what_was_verified_is_installed(host: Host, first: Path) -> None:
    (first / "frontend/assets").mkdir(parents=True)
    (first / "frontend/assets/page.js").write_text("ours")
    sums(first)
    (first / "frontend/assets/more.js").write_text("a stranger's")
    os.mkfifo(first / "units/pipe.service")
    host.stage(first)
    there = host.root / "releases/0.1.0"
    assert [path.name for path in there.glob("frontend/**/*") if path.is_file()] == ["page.js"]
    assert [path.name for path in (there / "units").iterdir()] == ["guardian-camera@.service"]


@pytest.mark.parametrize("name", ["release.json", "units/guardian-camera@.service"])
def test_a_pipe_in_a_release_is_refused_at_once(name: str, host: Host, first: Path) -> None:
    (first / name).unlink()
    os.mkfifo(first / name)
    assert name in host.refused("inspect", str(first), "--tier", "edge")


def converged(host: Host, folder: Path, **told: object) -> subprocess.CompletedProcess[str]:
    """The role with 0.1.0 on a host where 0.2.0 is in force."""
    host.stage(release(folder / "0.2.0", "0.2.0"))
    host.good("use", "0.2.0")
    told |= {
        "python_release_wheelhouse": str(release(folder / "0.1.0", "0.1.0")),
        "python_release_tiers": ["edge"],
        "python_release_root": str(host.root),
        "python_release_python": sys.executable,
    }
    return play(folder, [{"hosts": "all", "roles": ["python_release"]}], {"all": {"hosts": {"host": None}}}, **told)


@pytest.mark.parametrize("keys", [["updates.pub"], []], ids=["with keys", "without"])
def test_a_newer_release_of_an_update_is_kept_where_updates_are_taken(
    host: Host, tmp_path: Path, keys: list[str]
) -> None:
    done = converged(host, tmp_path, guardian_update_keys=keys)
    assert (done.returncode == 0) is bool(keys), done.stdout
    assert ("runs 0.2.0, and 0.1.0 is to be installed" in said(done)) is not bool(keys)
    assert host.good("status") == {"current": "0.2.0", "previous": "", "releases": ["0.2.0"], "unfinished": {}}


def test_a_host_on_which_an_update_is_tried_is_left_alone(host: Host, tmp_path: Path) -> None:
    host.root.mkdir()
    note = {"by": "update", "old": "0.1.5", "new": "0.2.0", "previous": "", "units": []}
    (host.root / "unfinished.json").write_text(json.dumps(note))
    done = converged(host, tmp_path, guardian_update_keys=["updates.pub"])
    assert done.returncode != 0 and "is trying 0.2.0" in said(done)
