"""Packer's template, looked at without a machine: is it written as Packer writes it, and would Packer take it?"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.image.packed import PACKER, make_key
from tools.lab.places import ROOT


def main() -> int:
    """Exit status 1, and what Packer says, when it would not."""
    if shutil.which("packer") is None:
        print("packer is not installed: run `make setup`, or apt-get install packer.")
        return 1
    with tempfile.TemporaryDirectory(prefix="gdn-packer-") as folder:
        faults = [
            said for said in (_packer("fmt", "-check", "-diff"), _packer("validate", *given(Path(folder)))) if said
        ]
    print("\n".join(faults), end="\n" if faults else "")
    return 1 if faults else 0


def given(folder: Path) -> list[str]:
    """All that has no default, for both sources: a key that lasts as long as `folder`, and files that need not be."""
    make_key(folder / "key")
    values = {
        "work": folder,
        "ssh_key": folder / "key",
        "model": folder / "model.onnx",
        "debian_kernel": folder / "vmlinuz",
        "debian_initrd": folder / "initrd.img",
        "ubuntu_iso": folder / "ubuntu.iso",
        "ubuntu_iso_sha256": "0" * 64,
    }
    return [word for name, value in values.items() for word in ("-var", f"{name}={value}")]


def _packer(verb: str, *words: str) -> str:
    # It asks ansible-playbook for its version.
    settings = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "CHECKPOINT_DISABLE": "1"}
    done = subprocess.run(
        ["packer", verb, *words, str(PACKER.relative_to(ROOT))],
        cwd=ROOT,
        env=settings,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return f"packer {verb}:\n{done.stdout.strip()}" if done.returncode else ""


if __name__ == "__main__":
    sys.exit(main())
