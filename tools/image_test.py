"""`make image-test`: bake the image with keys of the test's own, and try it on machines in QEMU."""

import argparse
import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from tools.lab import keeper, supply  # noqa: E402

FOLDER = ROOT / "build" / "image"
# Apart from what `make image` leaves for households, and from what that is made of: these trust keys of the test's own.
TRIED = FOLDER / "tried"
# What an image is made of and tried with. The file beside the tests holds its hash at the last time that they passed.
INPUTS = [
    *("ansible.cfg", "packer", "playbooks", "proto", "pyproject.toml", "requirements", "roles", "src", "units"),
    *("tests/image", "tests/integration/node", "tests/integration/tenancy", "tests/integration/tunnel"),
    *(
        "tools/camera",
        "tools/detector",
        "tools/image",
        "tools/image_test.py",
        "tools/lab",
        "tools/release.py",
        "tools/releasing",
    ),
]
PASSED = ROOT / "tests" / "image" / "passed.sha256"
ALONE = [
    *keeper.ALONE,
    *("sh", "-c", 'mkdir -p /run/netns && mount -t tmpfs netns /run/netns && exec "$@"', "alone"),
]
JOURNEY = "tests/image/test_journey.py"
EACH = ["--seed-key", str(FOLDER / "test.pub"), "--update-key", str(FOLDER / "update.pub"), "--work", str(TRIED)]
# These need images of their own, as (tests, words of `python -m tools.image`). The last one's tree is that of updates.
BAKES = [
    ("tests/image/test_packed.py", ["--packer", "debian", "--into", str(TRIED / "packed"), "--keep-raw"]),
    ("tests/image/test_node.py", ["--tier", "node", "--into", str(TRIED / "node")]),
    ("", ["--into", str(TRIED / "edge"), "--keep-raw"]),
]


def main() -> int:
    """pytest's exit status, or the bake's."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="everything, not the journey alone")
    parser.add_argument("--only", nargs="+", metavar="FILE", help="these tests of --full")
    parser.add_argument("--baked", action="store_true", help="take the image that is there")
    parser.add_argument(
        "--if-changed", action="store_true", help=f"only where what it is made of differs from {PASSED.name}'s"
    )
    given = parser.parse_args()
    inputs = hash_of_inputs()
    if given.if_changed and PASSED.exists() and PASSED.read_text("ascii").strip() == inputs:
        print("The image is made of what it was made of when this last passed: nothing to try.")
        return 0
    keys = {name: FOLDER / f"{name}.key" for name in ("test", "update")}
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path in keys.values():
        if not path.exists():
            made = run("-m", "guardian.cli.main", "image", "key", str(path), capture_output=True)
            path.with_suffix(".pub").write_bytes(made.stdout)
    wanted = given.only or (["tests/image"] if given.full else [JOURNEY])
    if not given.baked:
        # Emulated on a slow machine, one look of a real detector took over a minute: these have the project's own.
        each = [*EACH, "--model", str(supply.model())]
        for tests, words in BAKES:
            asked = not tests or tests in wanted or "tests/image" in wanted
            if asked and run("-m", "tools.image", *each, *words).returncode:
                return 1
    mode = {"GUARDIAN_IMAGE": "full" if given.full else "journey"}
    # Network namespaces are made in a place of its own: it is gone with the last of its processes, however that ends.
    words = [*ALONE, sys.executable, "-m", "pytest", "-q", "--capture=no", *wanted]
    status = ours(words, env=os.environ | mode).returncode
    # An image that was there already may be made of something else.
    tried = JOURNEY in wanted or "tests/image" in wanted
    if status == 0 and tried and not given.baked and "CI" not in os.environ:
        PASSED.write_text(f"{inputs}\n", "ascii")
    return status


def hash_of_inputs() -> str:
    """Of every file that git knows below INPUTS, as it lies there now."""
    listed = subprocess.run(["git", "ls-files", "-z", "--", *INPUTS], cwd=ROOT, stdout=subprocess.PIPE, check=True)
    digest = hashlib.sha256()
    for name in sorted(name for name in listed.stdout.decode().split("\0") if name and ROOT / name != PASSED):
        if (ROOT / name).is_file():
            digest.update(f"{name}\0{hashlib.sha256((ROOT / name).read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def run(*words: str, **more: Any) -> "subprocess.CompletedProcess[bytes]":
    """Python, from the checkout."""
    return ours([sys.executable, *words], **more)


def ours(words: list[str], **more: Any) -> "subprocess.CompletedProcess[bytes]":
    """A program in the checkout that ends with us, killed or not: neither a machine nor a mount outlives that."""
    return subprocess.run(words, cwd=ROOT, check=False, preexec_fn=keeper.dies_with_parent(), **more)


if __name__ == "__main__":
    sys.exit(main())
