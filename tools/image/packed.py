"""Packer's bake: the roles played in a machine that runs, and its tree taken from the tape that the machine leaves."""

import fcntl
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from tools.image import progress, root
from tools.image.qemu import empty
from tools.lab.places import ROOT, Refused
from tools.releasing.wheels import hash_of

PACKER = ROOT / "packer"
GIB = 1 << 30
DISK = 10 * GIB
TAPE = 10 * GIB
UBUNTU = """The live server's ISO of Ubuntu 24.04 LTS is not in this repository: get it from Ubuntu's download page, \
take its SHA-256 from the SHA256SUMS beside it there, which SHA256SUMS.gpg is the signature of, and run
  make image-packer SOURCE=ubuntu UBUNTU_ISO=FILE UBUNTU_ISO_SHA256=HEX"""
VARIABLES = "variables.pkrvars.json"
# What QEMU asks of it first (linux/kvm.h).
_KVM_CREATE_VM = 0xAE01
NETWORK = "[Match]\nType=ether\n\n[Network]\nDHCP=ipv4\n"


@dataclass(frozen=True)
class Packing:
    """How Packer bakes.

    Attributes:
        source: debian or ubuntu.
        accelerator: of QEMU, tcg or kvm.
        iso: Ubuntu's medium.
        iso_sha256: its SHA-256, 64 hexadecimal digits.
    """

    source: str
    accelerator: str = "tcg"
    iso: Path | None = None
    iso_sha256: str = ""


def ready(packing: Packing) -> None:
    """Refused, with all that is missing, before anything is made."""
    faults = [
        f"{name} is not installed: run `make setup` or apt-get install {package}."
        for name, package in (
            ("packer", "packer"),
            ("qemu-system-x86_64", "qemu-system-x86"),
            ("qemu-img", "qemu-utils"),
            ("ssh", "openssh-client"),
            ("xorriso", "xorriso"),
        )
        if shutil.which(name) is None
    ]
    if packing.accelerator == "kvm":
        faults += kvm_faults()
    if packing.source == "ubuntu":
        faults += _medium_faults(packing)
    if faults:
        raise Refused("\n  ".join(["Packer cannot bake yet:", *faults]))


def kvm_faults(device: Path = Path("/dev/kvm")) -> list[str]:
    """Why no machine could be made with KVM, in a sentence; whether one could is found out by making an empty one."""
    try:
        asked = os.open(device, os.O_RDWR | os.O_CLOEXEC)
        try:
            os.close(fcntl.ioctl(asked, _KVM_CREATE_VM, 0))
        finally:
            os.close(asked)
    except OSError as error:
        return [f"ACCELERATOR is kvm, and {device} makes no machine: {error.strerror}. Without ACCELERATOR it is tcg."]
    return []


def _medium_faults(packing: Packing) -> list[str]:
    if packing.iso is None:
        return [UBUNTU]
    if not packing.iso.is_file():
        return [f"UBUNTU_ISO names no file: {packing.iso}"]
    if not packing.iso_sha256:
        return [
            f"UBUNTU_ISO_SHA256 is not given: {packing.iso} is held against it. It is in SHA256SUMS beside the ISO."
        ]
    if not re.fullmatch("[0-9a-fA-F]{64}", packing.iso_sha256):
        return [f"UBUNTU_ISO_SHA256 is no SHA-256, which has 64 hexadecimal digits: {packing.iso_sha256!r}"]
    if hash_of(packing.iso) != packing.iso_sha256.lower():
        return [f"{packing.iso} is not the file whose SHA-256 is {packing.iso_sha256}: get it again."]
    return []


def bake(target: Path, wanted: root.Bake, packing: Packing) -> None:
    """As `tools.image.root.bake`, but in a machine: minutes with kvm, half an hour and more without."""
    work = folder(packing.source)
    _packer(packing.source, prepare(work, wanted, packing), work)
    unpack(work / "tree.raw", target, wanted)
    shutil.rmtree(work / "out")
    (work / "key").unlink()


def folder(source: str) -> Path:
    """Where Packer finds and leaves all that is of one source."""
    return root.BUILD / "packer" / source


def prepare(work: Path, wanted: root.Bake, packing: Packing) -> dict[str, str]:
    """Fill `work` anew with all that the template asks for; its variables, which lie there as VARIABLES too."""
    # Packer refuses a folder of an earlier run, and a tape must hold nothing of it.
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True, mode=0o700)
    line = make_key(work / "key")
    given = {"tier": wanted.tier, "work": str(work), "ssh_key": str(work / "key"), "accelerator": packing.accelerator}
    given["model"] = str(wanted.model)
    disc(work, wanted.release, line)
    empty(work / "tree.raw", TAPE)
    if packing.source == "debian":
        given |= debian(work, line)
    else:
        given |= {"ubuntu_iso": str(packing.iso), "ubuntu_iso_sha256": packing.iso_sha256.lower()}
        given["ubuntu_boot_wait"] = "10s" if packing.accelerator == "kvm" else "40s"
    (work / VARIABLES).write_text(json.dumps(given, indent=2) + "\n", encoding="utf-8")
    return given


def by_hand(source: str, tier: str) -> str:
    """What to run after `prepare`, in the repository's folder."""
    work = folder(source).relative_to(ROOT)
    theirs = f"packer build -only=qemu.{source} -var-file={work / VARIABLES} {PACKER.relative_to(ROOT)}"
    ours = f".venv/bin/python -m tools.image --tier {tier} --packer {source} --tape {work / 'tree.raw'}"
    return f"  PATH=$PWD/.venv/bin:$PATH {theirs}\n  {ours}   (and here the keys: --seed-key and so on)"


def command(source: str, given: dict[str, str]) -> list[str]:
    """What is run, in the repository's folder."""
    variables = [word for name, value in given.items() for word in ("-var", f"{name}={value}")]
    return ["packer", "build", "-color=false", f"-only=qemu.{source}", *variables, str(PACKER.relative_to(ROOT))]


def _packer(source: str, given: dict[str, str], work: Path) -> None:
    words = command(source, given)
    log = work / "packer.log"
    print(
        f"\n    {shlex.join(words)}\n    (told in {log}; the machine's own words in {work / 'serial.log'})", flush=True
    )
    settings = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "CHECKPOINT_DISABLE": "1"}
    settings["PACKER_CACHE_DIR"] = str(work / "cache")
    with log.open("wb") as output:
        process = subprocess.Popen(
            words,
            cwd=ROOT,
            env=settings,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        status = progress.follow(process, log)
    if status:
        raise Refused(f"Packer failed; all of it is in {log}:\n{log.read_text(errors='replace')[-3000:]}")


def unpack(tape: Path, target: Path, wanted: root.Bake) -> None:
    """A machine's tree into `target`, made an image's: with its identity, without what is the build's."""
    work = root.scratch(target, wanted)
    words = ["--numeric-owner", "--xattrs", "--xattrs-include=*", "--same-permissions", "--sparse"]
    progress.run("tar", "--extract", "--file", str(tape), "--directory", str(target), *words)
    root.enter(target, "played", str(target), str(work))
    shutil.rmtree(work, ignore_errors=True)


def make_key(path: Path) -> str:
    """A key for one build; the public half as OpenSSH writes it."""
    key = Ed25519PrivateKey.generate()
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    path.chmod(0o600)
    return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode("ascii")


def disc(work: Path, release: Path, line: str) -> None:
    """cidata.iso: the release for both, and for Ubuntu what its installer is told."""
    folder = work / "cidata"
    folder.mkdir()
    (folder / "meta-data").write_bytes((PACKER / "ubuntu/meta-data").read_bytes())
    told = (PACKER / "ubuntu/user-data").read_text(encoding="utf-8")
    (folder / "user-data").write_text(told.replace("@KEY@", line), encoding="utf-8")
    progress.run("tar", "--create", "--file", str(folder / "release.tar"), "--directory", str(release), ".")
    words = ["-quiet", "-volid", "CIDATA", "-joliet", "-rational-rock", "-iso-level", "3"]
    progress.run("xorriso", "-as", "mkisofs", *words, "-output", str(work / "cidata.iso"), str(folder))
    shutil.rmtree(folder)


def debian(work: Path, line: str) -> dict[str, str]:
    """base.qcow2: the native bake's own root as a disk that can be reached; which kernel starts it."""
    base = root.base()
    tree = work / "base"
    # Hard links: what is added here lies beside the base's files, and no file of the base is written to.
    progress.run("cp", "--archive", "--link", str(base), str(tree))
    reachable(tree, line)
    empty(work / "base.raw", DISK)
    progress.run("mke2fs", "-q", "-t", "ext4", "-L", "guardian-bake", "-d", str(tree), str(work / "base.raw"))
    progress.run("qemu-img", "convert", "-f", "raw", "-O", "qcow2", str(work / "base.raw"), str(work / "base.qcow2"))
    (work / "base.raw").unlink()
    shutil.rmtree(tree)
    found = {}
    for name, pattern in (("debian_kernel", "vmlinuz-*"), ("debian_initrd", "initrd.img-*")):
        (path,) = sorted((base / "boot").glob(pattern))
        found[name] = str(path)
    return found


def reachable(tree: Path, line: str) -> None:
    """Network, sshd and root's key: of the bake alone, and all of it taken away again (tools.image.baking.GONE)."""
    key = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    for place, content, mode in (
        ("root/.ssh/authorized_keys", f"{line}\n".encode(), 0o600),
        ("etc/ssh/ssh_host_ed25519_key", key, 0o600),
        ("etc/systemd/network/00-bake.network", NETWORK.encode(), 0o644),
        ("etc/hostname", b"bake\n", 0o644),
        ("etc/fstab", b"", 0o644),
    ):
        path = tree / place
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700 if place.startswith("root/") else 0o755)
        path.unlink(missing_ok=True)
        path.write_bytes(content)
        path.chmod(mode)
    wants = tree / "etc/systemd/system/multi-user.target.wants"
    wants.mkdir(parents=True, exist_ok=True)
    for unit in ("ssh.service", "systemd-networkd.service"):
        link = wants / unit
        link.unlink(missing_ok=True)
        link.symlink_to(f"/lib/systemd/system/{unit}")
