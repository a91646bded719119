"""A host with releases as a folder: releases made small, a program in systemctl's place that keeps a diary."""

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.unit.roles.test_python_release import release as small_release
from tests.unit.roles.test_python_release import sums

from guardian.appliance import release_judge
from guardian.appliance.releases import Host
from guardian.common import bundle

ROOT = Path(__file__).resolve().parents[3]
KEY = Ed25519PrivateKey.generate()
PUBLIC = [KEY.public_key().public_bytes_raw()]
DAEMONS = ("guardian-uplink.service", "guardian-camera@front.service")
# Restarting a unit with a release, as `fails` names them, fails.
SYSTEMCTL = """#!/bin/sh
here={here}
echo "$@" >> "$here/diary"
case "$1" in
  --version) echo "systemd 252 (252.1)" ;;
  list-units) for last; do :; done; case "$last" in
      guardian-uplink.service) echo "guardian-uplink.service loaded active running x" ;;
      guardian-camera@*) echo "guardian-camera@front.service loaded active running x" ;;
    esac ;;
  restart) current=$(basename "$(readlink "$here/opt/current")")
    ! grep -qx "$2 $current" "$here/fails" 2>/dev/null || {{ echo "Job for $2 failed." >&2; exit 1; }} ;;
esac
"""


@dataclass(frozen=True)
class Machine(Host):
    """Everything below one folder."""

    @property
    def here(self) -> Path:
        return self.root.parent

    def fails(self, unit: str, version: str) -> None:
        """From now on this unit does not start with that release."""
        with (self.here / "fails").open("a") as file:
            file.write(f"{unit} {version}\n")

    def restarted(self) -> list[str]:
        """What was restarted, in order, since it was asked last."""
        diary = self.here / "diary"
        lines = diary.read_text().splitlines() if diary.exists() else []
        diary.unlink(missing_ok=True)
        return [line.split()[1] for line in lines if line.startswith("restart ")]

    def units(self) -> str:
        """Whose units are laid: each release's say its version."""
        return (self.system / "etc/systemd/system/guardian-uplink.service").read_text().strip()

    def whole(self) -> bool:
        """Does what is in force run, and is it what its name says?"""
        done = subprocess.run([self.root / "current/bin/guardian", "version"], env={}, check=False)
        return done.returncode == 0 and bool(self.installed(self.linked("current")))


def made(folder: Path, version: str, verdict: str | None = None) -> Path:
    """A release as `make release` leaves it, with its own installers and units that name its version."""
    folder = small_release(folder / version, version, verdict)
    shutil.rmtree(folder / "units")
    for tier in ("common", "edge"):
        (folder / "units" / tier).mkdir(parents=True)
        (folder / f"units/{tier}/guardian-{tier}.sysusers").write_text("")
        (folder / f"units/{tier}/guardian-{tier}.tmpfiles").write_text("")
    (folder / "units/edge/guardian-uplink.service").write_text(f"# {version}\n")
    facts = json.loads((folder / "release.json").read_text())
    (folder / "release.json").write_text(json.dumps(facts | {"date": "2026-11-27T00:00:00Z"}))
    (folder / "host").mkdir()
    for script in (ROOT / "roles").glob("*/files/guardian_*.py"):
        shutil.copy(script, folder / "host")
    sums(folder)
    return folder


def packed(release: Path, version: str, kind: str = "edge-release") -> Path:
    """Signed, as `make release-bundle` makes it."""
    script, tar = release / "host/guardian_release.py", release.parent / f"{version}.tar"
    command = ["/usr/bin/python3", str(script), "pack", str(release), "--tier", "edge", "--into", str(tar)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    path = release.parent / f"{version}.update"
    bundle.make(path, kind, version, "2026-11-27T00:00:00Z", {"release.tar": tar}, KEY)
    return path


def machine(folder: Path, first: Path) -> Machine:
    """One that Ansible made: the first release is in force, its units are laid."""
    root, system = folder / "opt", folder / "system"
    (folder / "etc").mkdir(parents=True)
    system.mkdir()
    script = first / "host/guardian_release.py"
    for words in (["stage", str(first), "--tier", "edge", "--etc", str(folder / "etc")], ["use", first.name]):
        command = ["/usr/bin/python3", str(script), "--root", str(root), *words]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    units = ["--source", str(root / "current/units"), "--tier", "edge", "--root", str(system)]
    command = ["/usr/bin/python3", str(first / "host/guardian_units.py"), *units]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    (folder / "systemctl").write_text(SYSTEMCTL.format(here=folder))
    (folder / "systemctl").chmod(0o755)
    (folder / "state").mkdir()
    (folder / "state/before.json").write_text(json.dumps({"daemons": []}))
    return at(folder)


def at(folder: Path) -> Machine:
    """The one that lies there."""
    return Machine(
        root=folder / "opt", state=folder / "state", system=folder / "system", systemctl=str(folder / "systemctl")
    )


def copied(machine: Machine, folder: Path) -> Machine:
    """Another one, the same in all; scripts name the folder they lie in."""
    shutil.copytree(machine.here, folder, symlinks=True)
    for script in (folder / "systemctl", *folder.glob("opt/releases/*/bin/guardian*")):
        script.write_bytes(script.read_bytes().replace(bytes(machine.here), bytes(folder)))
    return at(folder)


class PowerCutError(BaseException):
    """No except of the code's own catches it."""


class _Steps:
    left = 0


_EFFECTS = ("os.rename", "os.remove", "os.symlink", "subprocess.Popen")


def _count(event: str, _arguments: object) -> None:
    if _Steps.left and event in _EFFECTS:
        _Steps.left -= 1
        if not _Steps.left:
            raise PowerCutError


# There is no taking it away; it counts only while `judged` says so.
sys.addaudithook(_count)


def judged(host: Machine, *missing: str, cut_at: int = 0) -> str:
    """The verdict; PowerCutError right before the so-and-so-manieth thing that lasts is done: a name, a program."""
    _Steps.left = cut_at
    try:
        return release_judge.judge(host, lambda _before, _version: list(missing))
    finally:
        _Steps.left = 0
