"""Inside the bake's namespaces: mount the root, play the roles in it, take what only the build needed, copy it out."""

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
    "tmp/*",
    "srv/guardian",
    "etc/ssh/ssh_host_*",
    "vmlinuz*",
    "initrd.img*",
]


def mount(*words: str) -> None:
    """`mount`, or the bake fails."""
    subprocess.run(["mount", *words], check=True)


def main(lower: str, work: Path, target: Path, release: str, model: str) -> None:
    """What `tools.image.root.bake` asks for."""
    root = work / "root"
    mount("-t", "overlay", "bake", "-o", f"lowerdir={lower},upperdir={work}/upper,workdir={work}/work", str(root))
    for kind, place in (("proc", "proc"), ("sysfs", "sys"), ("tmpfs", "run"), ("tmpfs", "tmp")):
        mount("-t", kind, kind, str(root / place))
    mount("--bind", "/dev", str(root / "dev"))
    (root / "srv/guardian").mkdir(parents=True)
    mount("--bind", "-o", "ro", release, str(root / "srv/guardian"))
    # No package's script starts anything.
    policy = root / "usr/sbin/policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 101\n", encoding="ascii")
    policy.chmod(0o755)
    inventory = f"edge ansible_connection=chroot ansible_host={root} ansible_python_interpreter=/usr/bin/python3\n"
    (work / "inventory.ini").write_text(f"[edge]\n{inventory}", encoding="utf-8")
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
    shutil.copytree(work / "identity", root / "etc/guardian", dirs_exist_ok=True)
    # With the system, not with what is kept: an update may bring new ones and take old ones away.
    shutil.copytree(work / "update-keys", root / "usr/lib/guardian-appliance/update-keys")
    subprocess.run(["chroot", str(root), "update-initramfs", "-u", "-k", "all"], check=True)
    for place in ("srv/guardian", "dev", "tmp", "run", "sys", "proc"):
        subprocess.run(["umount", "--recursive", str(root / place)], check=True)
    for pattern in GONE:
        for path in root.glob(pattern):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    (root / "etc/machine-id").write_text("uninitialized\n", encoding="ascii")
    (root / "etc/machine-id").chmod(0o444)
    for folder in ("var/cache/apt/archives/partial", "var/lib/apt/lists/partial"):
        (root / folder).mkdir(parents=True)
    subprocess.run(["cp", "--archive", "--reflink=auto", f"{root}/.", str(target)], check=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4], sys.argv[5])
