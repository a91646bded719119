"""Inside the bake's namespaces: mount a root, play the roles in it, take what only the build needed, copy it out."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tools.lab.places import ROOT

BIN = Path(sys.executable).parent
# Of the build or of one machine: the image has none of it.
GONE = [
    "etc/apt/sources.list",
    "etc/apt/sources.list.d/*",
    "etc/machine-id",
    "etc/hostname",
    "etc/resolv.conf",
    "usr/sbin/policy-rc.d",
    "var/lib/dbus/machine-id",
    "var/lib/systemd/random-seed",
    "var/lib/systemd/credential.secret",
    "var/cache/apt",
    "var/lib/apt/lists",
    "var/cache/debconf/*-old",
    "var/log/*",
    "root/.ansible",
    "root/.ssh",
    "tmp/*",
    "var/tmp/*",
    "srv/guardian",
    "etc/ssh/ssh_host_*",
    "vmlinuz*",
    "initrd.img*",
    # Of a bake in a virtual machine (packer/): its disk, its network, its installer.
    "etc/fstab",
    "etc/netplan/*",
    "etc/systemd/network/00-bake.network",
    "boot/efi",
    "boot/grub",
    "lost+found",
    "swap.img",
    "var/lib/systemd/timesync",
    "var/lib/cloud",
]


def mount(*words: str) -> None:
    """`mount`, or the bake fails."""
    subprocess.run(["mount", *words], check=True)


def open_up(root: Path) -> None:
    """Give a root what programs in it need."""
    for kind, place in (("proc", "proc"), ("sysfs", "sys"), ("tmpfs", "run"), ("tmpfs", "tmp")):
        mount("-t", kind, kind, str(root / place))
    mount("--bind", "/dev", str(root / "dev"))
    # No package's script starts anything.
    policy = root / "usr/sbin/policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 101\n", encoding="ascii")
    policy.chmod(0o755)


def roles(lower: str, work: Path, target: Path, release: str, model: str, tier: str) -> None:
    """The roles of a tier over the base `lower`, merged at `target`."""
    root = work / "root"
    mount("-t", "overlay", "bake", "-o", f"lowerdir={lower},upperdir={work}/upper,workdir={work}/work", str(root))
    open_up(root)
    (root / "srv/guardian").mkdir(parents=True)
    mount("--bind", "-o", "ro", release, str(root / "srv/guardian"))
    host = f"image ansible_connection=chroot ansible_host={root} ansible_python_interpreter=/usr/bin/python3\n"
    (work / "inventory.ini").write_text(f"[{tier}]\n{host}", encoding="utf-8")
    subprocess.run(
        [
            str(BIN / "ansible-playbook"),
            "-i",
            str(work / "inventory.ini"),
            "playbooks/bake.yml",
            "-e",
            f"bake_model={model}",
        ],
        cwd=ROOT,
        env=os.environ | {"ANSIBLE_CONNECTION_PLUGINS": str(ROOT / "packer/plugins/connection")},
        check=True,
    )
    finish(root, work)
    subprocess.run(["cp", "--archive", "--reflink=auto", f"{root}/.", str(target)], check=True)


def played(target: Path, work: Path) -> None:
    """Of a tree in which Packer had the roles played: what is left to do."""
    for place, mode in (("proc", 0o555), ("sys", 0o555), ("run", 0o755), ("dev", 0o755), ("tmp", 0o1777)):
        (target / place).mkdir(exist_ok=True)
        (target / place).chmod(mode)
    open_up(target)
    finish(target, work)


def finish(root: Path, work: Path) -> None:
    """The image's identity and its initial RAM disk; then close it, and take away what is not the image's."""
    shutil.copytree(work / "identity", root / "etc/guardian", dirs_exist_ok=True)
    # With the system, not with what is kept: an update may bring new ones and take old ones away.
    shutil.copytree(work / "update-keys", root / "usr/lib/guardian-appliance/update-keys")
    subprocess.run(["chroot", str(root), "update-initramfs", "-u", "-k", "all"], check=True)
    for place in ("srv/guardian", "dev", "tmp", "run", "sys", "proc"):
        if (root / place).is_mount():
            subprocess.run(["umount", "--recursive", str(root / place)], check=True)
    for pattern in GONE:
        for path in root.glob(pattern):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    (root / "etc/machine-id").write_text("uninitialized\n", encoding="ascii")
    (root / "etc/machine-id").chmod(0o444)
    for folder in ("var/cache/apt/archives/partial", "var/lib/apt/lists/partial"):
        (root / folder).mkdir(parents=True)


if __name__ == "__main__":
    what, *words = sys.argv[1:]
    if what == "roles":
        roles(words[0], Path(words[1]), Path(words[2]), *words[3:6])
    else:
        played(Path(words[0]), Path(words[1]))
