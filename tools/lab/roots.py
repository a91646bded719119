"""Root file systems of bare hosts: what a minimal server has and, downloaded but not unpacked, what roles install."""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tools.lab import keeper
from tools.lab.places import SHARED, Refused, roots

SUITES = ("bookworm", "trixie")
# Told in the key: a changed recipe is another root.
RECIPE = "4"
BARE = [
    "systemd-sysv",
    "dbus",
    "python3",
    "python3-apt",
    "iproute2",
    "iputils-ping",
    "netbase",
    "procps",
    "kmod",
    "ca-certificates",
    "openssh-server",
    "sudo",
]

DOWNLOAD = "APT_CONFIG=$MMDEBSTRAP_APT_CONFIG apt-get --yes --quiet=2 --download-only --no-install-recommends install"
# Each host makes its own keys and id at its first boot; sshd is there and off.
ANONYMOUS = [
    'chroot "$1" systemctl disable --quiet ssh.service ssh.socket 2>/dev/null || true',
    ': > "$1/etc/machine-id"; rm -f "$1/etc/resolv.conf" "$1"/etc/ssh/ssh_host_*',
]
# systemd runs these at each reload, and asks about disks, terminals and kernels that no host here has.
ASKED_IN_VAIN = [
    f"systemd-{name}-generator"
    for name in (
        *("cryptsetup", "debug", "fstab", "getty", "gpt-auto", "hibernate-resume", "integritysetup", "rc-local"),
        *("run", "ssh", "system-update", "tpm2", "veritysetup"),
    )
]
QUICK = [
    'mkdir -p "$1/etc/systemd/system-generators"',
    *(f'ln -s /dev/null "$1/etc/systemd/system-generators/{name}"' for name in ASKED_IN_VAIN),
]


def packages(suite: str) -> list[str]:
    """What roles may install there: downloaded, not installed."""
    names: list[str] = []
    for file in (SHARED / "packages.txt", SHARED / f"packages-{suite}.txt"):
        if file.exists():
            names += listed(file)
    return sorted(set(names))


def listed(file: Path) -> list[str]:
    """The packages of a list, one a line; what follows a # is for people."""
    lines = (line.partition("#")[0].strip() for line in file.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line]


def root(suite: str) -> Path:
    """The root of this suite, made now when its lists have changed (half a minute to two minutes)."""
    if suite not in SUITES:
        raise Refused(f"There is no suite {suite} here: use one of {', '.join(SUITES)}.")
    wanted = packages(suite)
    key = hashlib.sha256("\n".join([RECIPE, suite, *BARE, "", *wanted]).encode()).hexdigest()[:12]
    target = roots() / f"{suite}-{key}"
    roots().mkdir(parents=True, exist_ok=True)
    with (roots() / f".{suite}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.is_dir():
            print(f"  a bare {suite} with {len(wanted)} packages at hand …", flush=True)
            make(suite, BARE, wanted, target, QUICK)
    return target


def sources(suite: str) -> list[str]:
    """Lines for sources.list: this machine's own Debian mirrors, asked for another suite."""
    command = ["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT) $(CREATED_BY)"]
    told = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    lines = []
    for uri, release, component, by in (line.split() for line in told.splitlines()):
        fits = re.fullmatch(rf"(?:{'|'.join(SUITES)}|stable)(-security|-updates)?", release)
        if by == "Packages" and component == "main" and fits:
            lines.append(f"deb {uri} {suite}{fits[1] or ''} main")
    if not lines:
        raise Refused("apt knows no Debian archive on this machine: test hosts cannot be made from it.")
    return sorted(set(lines))


def make(suite: str, installed: list[str], wanted: list[str], target: Path, hooks: Sequence[str] = ()) -> None:
    """A root at `target`, whole or not at all; what is `wanted` besides is downloaded into it, `hooks` change it."""
    partial = target.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    command = [
        # Killed, it leaves nothing of the kernel's mounted in what the next run removes.
        *keeper.ALONE,
        "mmdebstrap",
        "--quiet",
        "--mode=root",
        "--format=directory",
        "--variant=apt",
        f"--include={','.join(installed)}",
        # A machine whose clock or mirror stands still is right about its own archive.
        '--aptopt=Acquire::Check-Date "false"',
        '--aptopt=Acquire::Check-Valid-Until "false"',
        "--dpkgopt=force-unsafe-io",
        "--dpkgopt=path-exclude=/usr/share/man/*",
        "--dpkgopt=path-exclude=/usr/share/doc/*",
        "--dpkgopt=path-include=/usr/share/doc/*/copyright",
        # Lists and downloaded packages stay: apt on the host then needs no network.
        "--skip=cleanup/apt",
        f"--customize-hook={DOWNLOAD} {' '.join(wanted)}",
        *(f"--customize-hook={line}" for line in (*ANONYMOUS, *hooks)),
        suite,
        str(partial),
        *sources(suite),
    ]
    result = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"LC_ALL": "C"},
        preexec_fn=keeper.dies_with_parent(),
    )
    if result.returncode or not any((partial / "var/cache/apt/archives").glob("*.deb")):
        raise Refused(f"The root file system of {suite} cannot be made: {(result.stdout + result.stderr)[-2000:]}")
    for old in target.parent.glob(f"{suite}-*.old"):
        shutil.rmtree(old, ignore_errors=True)
    partial.rename(target)
