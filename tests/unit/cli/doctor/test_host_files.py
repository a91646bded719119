"""Checks of a host's files, each on real ones: owners and modes, room, memory, the release in force, stored secrets."""

import json
import os
import pwd
from pathlib import Path

import pytest

from guardian.cli.doctor.checks import credentials, disk, memory, permissions, release, tunnel
from guardian.cli.host.units import Unit

_ME = pwd.getpwuid(os.getuid()).pw_name


@pytest.mark.parametrize(
    ("mode", "owner", "reason"),
    [
        (0o750, _ME, ""),
        (0o700, _ME, ""),
        (0o2750, _ME, ""),
        (0o755, _ME, "mode_wrong"),
        (0o770, _ME, "mode_wrong"),
        (0o550, _ME, "mode_wrong"),
        (0o750, "somebody-else", "ownership_wrong"),
    ],
)
def test_a_folder_is_its_daemons_and_no_wider_than_it_must_be(tmp_path: Path, mode: int, owner: str, reason: str):
    folder = tmp_path / "state"
    folder.mkdir()
    folder.chmod(mode)
    finding = permissions.judge(permissions.Rule(folder, owner, "", 0o750))
    assert (finding.reason if finding else "") == reason
    assert finding is None or str(folder) in finding.fix
    folder.chmod(0o700)


def test_a_group_is_asked_for_only_where_it_matters(tmp_path: Path):
    rule = permissions.Rule(tmp_path, _ME, "no-such-group", 0o777)
    finding = permissions.judge(rule)
    assert finding is not None
    assert finding.fix == f"chown {_ME}:no-such-group {tmp_path}"


class Mount:
    """What statvfs says, as far as it is asked."""

    def __init__(self, files: int, left: int) -> None:
        self.f_files, self.f_favail = files, left


@pytest.mark.parametrize(
    ("free", "total", "reason"),
    [
        (100 << 30, 200 << 30, ""),
        (1 << 20, 100 << 30, "disk_full"),
        (1 << 30, 100 << 30, "disk_low"),
        # A small one is judged by its own size: 60 MiB free of 100 is no fault.
        (60 << 20, 100 << 20, ""),
        (100 << 10, 8 << 20, "disk_full"),
        (6 << 20, 100 << 20, "disk_low"),
    ],
)
def test_room_is_judged_by_share_and_by_size(monkeypatch: pytest.MonkeyPatch, free: int, total: int, reason: str):
    usage = type("Usage", (), {"free": free, "total": total})
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda _: usage)  # type: ignore[attr-defined]
    found = list(disk.judge(Path("/x"), Mount(1000, 900)))  # type: ignore[arg-type]
    assert [item.reason for item in found] == [reason]
    few = list(disk.judge(Path("/x"), Mount(1000, 5)))  # type: ignore[arg-type]
    assert "inodes_low" in [item.reason for item in few]


@pytest.mark.parametrize(
    ("available", "waiting", "reason"),
    [(500, "0.00", ""), (20, "0.00", "memory_low"), (500, "31.50", "memory_pressure")],
)
def test_memory_is_short_by_what_is_left_or_by_who_waits(tmp_path: Path, available: int, waiting: str, reason: str):
    (tmp_path / "pressure").mkdir()
    (tmp_path / "meminfo").write_text(f"MemTotal:       1000 kB\nMemFree:  10 kB\nMemAvailable:    {available} kB\n")
    (tmp_path / "pressure" / "memory").write_text(
        f"some avg10=0.00 avg60={waiting} avg300=0.00 total=1\nfull avg10=0\n"
    )
    assert [item.reason for item in memory.judge(tmp_path)] == [reason]


def test_memory_is_judged_where_the_kernel_measures_no_pressure(tmp_path: Path):
    (tmp_path / "meminfo").write_text("MemTotal: 1000 kB\nMemAvailable: 400 kB\n")
    assert [item.verdict for item in memory.judge(tmp_path)] == ["good"]
    assert list(memory.judge(tmp_path / "none")) == []


def test_the_release_in_force_is_whole_or_said_to_be_broken(tmp_path: Path):
    link, folder = tmp_path / "current", tmp_path / "releases" / "0.3.0"
    assert "no link" in release.version_at(link)[1]
    link.symlink_to("releases/0.3.0")
    assert "not there" in release.version_at(link)[1]
    folder.mkdir(parents=True)
    assert "release.json" in release.version_at(link)[1]
    (folder / "release.json").write_text(json.dumps({"version": "0.3.0"}))
    assert "bin/python" in release.version_at(link)[1]
    (folder / "bin").mkdir()
    (folder / "bin" / "python").write_text("")
    assert release.version_at(link) == ("0.3.0", "")


def unit_of(folder: Path, text: str, name: str = "guardian-camera@front.service") -> Unit:
    path = folder / "unit"
    path.write_text(text)
    return Unit(name, {"FragmentPath": str(path), "DropInPaths": ""})


def test_a_units_secrets_are_found_in_its_text_and_those_it_can_do_without_are_not_missed(tmp_path: Path):
    text = (
        "LoadCredentialEncrypted=sign.key:/store/guardian.sign.key\n"
        "# LoadCredentialEncrypted=old:/store/old\n"
        "LoadCredentialEncrypted=camera.%i:/store/guardian.camera.%i\nSetCredential=camera.%i:\\n\n"
        "LoadCredentialEncrypted=tls.key:/store/guardian.tls.%i\n"
    )
    assert credentials.loaded_by(unit_of(tmp_path, text)) == [
        ("sign.key", Path("/store/guardian.sign.key")),
        ("tls.key", Path("/store/guardian.tls.front")),
    ]


def test_a_secret_is_missing_empty_or_for_others_to_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path, unit = tmp_path / "guardian.x", Unit("guardian-uplink.service")

    def reason() -> str:
        finding = credentials.judge(unit, "x", path)
        return finding.reason if finding else ""

    assert reason() == "credential_missing"
    path.write_text("sealed")
    path.chmod(0o640)
    assert reason() == "credential_exposed"
    path.chmod(0o600)
    owned_by_root = os.getuid() == 0
    assert reason() == ("" if owned_by_root else "credential_exposed")
    path.write_text("")
    assert reason() == ("credential_undecryptable" if owned_by_root else "credential_exposed")


def test_an_interface_is_up_down_or_not_there():
    assert tunnel.is_up("no-such-if0") is False
    flags = int(Path("/sys/class/net/lo/flags").read_text(), 16)
    assert tunnel.is_up("lo") is bool(flags & 1)
