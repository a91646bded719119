"""Packer's bake: its template as Packer itself judges it, and the command line that comes of it."""

import base64
import hashlib
import os
import re
import shutil
import stat
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tools.image import baking, packed, root, template
from tools.lab.places import ROOT, Refused

from guardian.common import seed_image

MACHINE = """#!/bin/sh
case $1 in -version) echo "QEMU emulator version 7.2.22"; exit 0 ;; esac
printf '%s\\n' "$@" > "$0.said"
exit 1
"""
EXAMPLE = ROOT / "packer/example.pkrvars.hcl"


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple[str, str]]]:
    """What Packer starts QEMU with, of each source: a program in QEMU's place says it and ends."""
    assert shutil.which("packer"), "packer is missing: apt-get install packer"
    found = {}
    for source in ("debian", "ubuntu"):
        work = tmp_path_factory.mktemp(source)
        packed.make_key(work / "key")
        iso = work / "ubuntu.iso"
        iso.write_bytes(b"medium")
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(work / "base.qcow2"), "1M"], check=True)
        machine = work / "bin" / "qemu-system-x86_64"
        machine.parent.mkdir()
        machine.write_text(MACHINE, encoding="ascii")
        machine.chmod(0o755)
        given = {"work": str(work), "ssh_key": str(work / "key"), "model": "m", "debian_kernel": "/k"}
        given |= {"debian_initrd": "/i", "ubuntu_iso": str(iso)}
        given["ubuntu_iso_sha256"] = hashlib.sha256(b"medium").hexdigest()
        path = f"{machine.parent}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        settings = os.environ | {"PATH": path, "CHECKPOINT_DISABLE": "1", "PACKER_CACHE_DIR": str(work / "cache")}
        done = subprocess.run(
            packed.command(source, given), cwd=ROOT, env=settings, capture_output=True, text=True, check=False
        )
        said = machine.with_name(f"{machine.name}.said")
        assert said.exists(), done.stdout + done.stderr
        words = said.read_text(encoding="utf-8").splitlines()
        found[source] = list(zip(words[::2], words[1::2], strict=True))
    return found


def values(words: list[tuple[str, str]], option: str) -> list[str]:
    return [value for name, value in words if name == option]


def test_packer_takes_the_template_as_it_stands(capsys: pytest.CaptureFixture[str]) -> None:
    assert template.main() == 0, capsys.readouterr().out


@pytest.mark.parametrize("source", ["debian", "ubuntu"])
def test_the_system_is_the_first_disk_the_tape_the_second_and_the_release_on_a_disc(
    started: dict[str, list[tuple[str, str]]], source: str
) -> None:
    files = [re.findall(r"/([\w.]+),", drive)[-1] for drive in values(started[source], "-drive")]
    assert files == ["system.qcow2", "tree.raw", *(["ubuntu.iso"] if source == "ubuntu" else []), "cidata.iso"]


def test_nobody_but_this_machine_reaches_it_and_debian_reaches_nobody(
    started: dict[str, list[tuple[str, str]]],
) -> None:
    for source, words in started.items():
        (network,) = values(words, "-netdev")
        assert "hostfwd=tcp:127.0.0.1:" in network
        assert ("restrict=on" in network) == (source == "debian")
        assert all(value.startswith("127.0.0.1:") for value in values(words, "-vnc"))


def test_debian_starts_from_the_bases_own_kernel_whatever_disks_are_called(
    started: dict[str, list[tuple[str, str]]],
) -> None:
    assert values(started["debian"], "-kernel") == ["/k"]
    assert "root=LABEL=guardian-bake" in values(started["debian"], "-append")[0]
    assert values(started["ubuntu"], "-kernel") == []


def test_ubuntus_installer_is_told_all_it_would_ask(tmp_path: Path) -> None:
    line = packed.make_key(tmp_path / "key")
    (tmp_path / "release").mkdir()
    (tmp_path / "release" / "release.json").write_text("{}")
    packed.disc(tmp_path, tmp_path / "release", line)
    out = tmp_path / "read"
    words = ["-indev", str(tmp_path / "cidata.iso"), "-osirrox", "on", "-extract", "/", str(out)]
    subprocess.run(["xorriso", *words], check=True, capture_output=True)
    told: dict[str, Any] = yaml.safe_load((out / "user-data").read_text(encoding="utf-8"))["autoinstall"]
    assert told["version"] == 1
    assert "identity" not in told and told["user-data"]["users"] == []
    assert told["ssh"]["allow-pw"] is False
    assert f"echo '{line}' > /target/root/.ssh/authorized_keys" in told["late-commands"]
    (disk,) = [item for item in told["storage"]["config"] if item["type"] == "disk"]
    # The tape is the smaller one.
    assert disk["match"] == {"size": "largest"}
    assert packed.TAPE < 16 * packed.GIB
    with tarfile.open(out / "release.tar") as tar:
        assert "./release.json" in tar.getnames()


def test_the_key_is_ssh_s_own_and_nobody_else_reads_it(tmp_path: Path) -> None:
    line = packed.make_key(tmp_path / "key")
    said = subprocess.run(["ssh-keygen", "-y", "-f", str(tmp_path / "key")], capture_output=True, text=True, check=True)
    assert said.stdout.split()[:2] == line.split()
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    assert b"ssh-ed25519" in base64.b64decode(line.split()[1])


def test_all_that_makes_debians_disk_reachable_is_taken_away_again(tmp_path: Path) -> None:
    before, tree = tmp_path / "before", tmp_path / "tree"
    for folder in (before, tree):
        (folder / "etc").mkdir(parents=True)
    packed.reachable(tree, "ssh-ed25519 AAAA")
    for pattern in baking.GONE:
        for path in tree.glob(pattern):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    left = sorted(path.relative_to(tree).as_posix() for path in tree.rglob("*") if not path.is_dir())
    # Units that a system has whether or not it was baked so: the roles decide about them.
    wants = "etc/systemd/system/multi-user.target.wants"
    assert left == [f"{wants}/ssh.service", f"{wants}/systemd-networkd.service"]
    # Of sshd, that it starts by a seed's key alone.
    assert "ConditionPathExists=" in (ROOT / "units/optional/ssh.service.d/60-image.conf").read_text(encoding="utf-8")


def test_what_is_written_beside_hard_links_changes_no_file_of_the_base(tmp_path: Path) -> None:
    base, tree = tmp_path / "base", tmp_path / "tree"
    (base / "etc").mkdir(parents=True)
    (base / "etc/fstab").write_text("the base's own\n")
    subprocess.run(["cp", "--archive", "--link", str(base), str(tree)], check=True)
    packed.reachable(tree, "ssh-ed25519 AAAA")
    assert (base / "etc/fstab").read_text() == "the base's own\n"


@pytest.mark.parametrize(
    ("packing", "words"),
    [
        (packed.Packing("ubuntu"), "UBUNTU_ISO=FILE"),
        (packed.Packing("ubuntu", iso=Path("/nowhere.iso"), iso_sha256="0" * 64), "names no file"),
        (packed.Packing("ubuntu", iso=Path(__file__)), "SHA256 is not given"),
        (packed.Packing("ubuntu", iso=Path(__file__), iso_sha256="abc"), "no SHA-256, which has 64"),
        (packed.Packing("ubuntu", iso=Path(__file__), iso_sha256="x" * 64), "no SHA-256, which has 64"),
        (packed.Packing("ubuntu", iso=Path(__file__), iso_sha256="0" * 64), "get it again"),
    ],
)
def test_what_is_missing_is_said_before_anything_is_made(packing: packed.Packing, words: str) -> None:
    with pytest.raises(Refused, match=words):
        packed.ready(packing)


def test_what_may_be_written_to_and_is_no_kvm_is_told(tmp_path: Path) -> None:
    (tmp_path / "kvm").touch()
    assert "makes no machine" in packed.kvm_faults(tmp_path / "kvm")[0]
    assert "No such file" in packed.kvm_faults(tmp_path / "nowhere")[0]


def test_by_hand_packer_finds_all_it_asks_for(tmp_path: Path) -> None:
    (tmp_path / "release").mkdir()
    wanted = root.Bake("edge", tmp_path / "release", tmp_path / "model.onnx", "", [], [])
    work = tmp_path / "work"
    packed.prepare(work, wanted, packed.Packing("ubuntu", iso=tmp_path / "ubuntu.iso", iso_sha256="0" * 64))
    assert stat.S_IMODE(work.stat().st_mode) == 0o700
    assert {"key", "cidata.iso", "tree.raw", packed.VARIABLES} <= {path.name for path in work.iterdir()}
    for file in (work / packed.VARIABLES, EXAMPLE):
        words = ["packer", "validate", "-only=qemu.ubuntu", f"-var-file={file}"]
        # The example's own key lies where `--prepare` puts it; here it is another one.
        said = subprocess.run(
            [*words, "-var", f"ssh_key={work / 'key'}", "packer"],
            cwd=ROOT,
            env=os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "CHECKPOINT_DISABLE": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert said.returncode == 0, said.stdout + said.stderr


def test_a_bake_has_a_folder_of_its_own_and_the_images_identity(tmp_path: Path) -> None:
    key = tmp_path / "images.pub"
    line = seed_image.public_line(Ed25519PrivateKey.generate().public_key().public_bytes_raw())
    key.write_text(f"{line}\r\n")
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "old").write_text("of the last bake")
    wanted = root.Bake("edge", tmp_path, tmp_path, "621b0441-7cf9-43f5-9462-62b39d75d204", [key], [key])
    work = root.scratch(tmp_path / "tree", wanted)
    assert list((tmp_path / "tree").iterdir()) == []
    assert (work / "identity/image-id").read_text() == "621b04417cf943f5946262b39d75d204\n"
    assert (work / "identity/seed-keys/images.pub").read_text() == f"{line}\n"
    assert (work / "update-keys/images.pub").read_text() == f"{line}\n"
