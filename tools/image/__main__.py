"""`make image`: bake the edge, and make of it a raw image, a qcow2 and the installer's ISO."""

import argparse
import hashlib
import json
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.image import disk, iso, root, slot, update
from tools.lab import supply
from tools.lab.places import ROOT, Refused

SHARED_MODEL = ROOT.parent / "shared" / "models" / "deimv2_femto_416.onnx"


def main() -> int:
    """Exit status 1, and a sentence, when it could not be made."""
    parser = argparse.ArgumentParser(prog="python -m tools.image", description=__doc__)
    parser.add_argument("--into", type=Path, default=ROOT / "build/image/out", help="default: build/image/out")
    parser.add_argument(
        "--seed-key", type=Path, action="append", default=[], metavar="FILE", help="whose seeds it takes"
    )
    parser.add_argument(
        "--update-key", type=Path, action="append", default=[], metavar="FILE", help="whose updates it takes"
    )
    parser.add_argument(
        "--update-signing-key", type=Path, metavar="FILE", help="signs the update that is made beside the image"
    )
    parser.add_argument(
        "--model", type=Path, default=None, help="detector; else the one of ../shared, or the tests' own"
    )
    parser.add_argument("--level", type=int, default=3, help="of zstd, 1 to 22 (%(default)s)")
    given = parser.parse_args()
    began = time.monotonic()
    try:
        build(given)
    except Refused as refusal:
        print(f"image: {refusal}", file=sys.stderr)
        return 1
    print(f"All of it in {time.monotonic() - began:.0f} s, in {given.into}:")
    for path in sorted(given.into.iterdir()):
        if path.is_file():
            print(f"  {path.stat().st_size / 1e6:9.1f} MB  {path.name}")
    return 0


def build(given: argparse.Namespace) -> None:
    """Step by step; each says how long it took."""
    given.into.mkdir(parents=True, exist_ok=True)
    image_id = str(uuid.uuid4())
    with step("the release"):
        version = supply.release("image")
        release = (supply.RELEASES / "image").resolve()
    with step("the detector"):
        model = given.model or (SHARED_MODEL if SHARED_MODEL.exists() else supply.model())
    with step("the root file system"):
        root.base()
    with step("the roles"):
        root.bake(root.BUILD / "tree", release, model, image_id, given.seed_key, given.update_key)
    with step("the system's slot"):
        system = slot.make(root.BUILD / "tree", root.BUILD / "slot", given.level)
    with step("what starts it"):
        disk.pieces(root.BUILD / "parts")
    with step("the raw image"):
        disk.make(system, root.BUILD / "parts", given.into / "guardian-edge.raw", image_id)
    with step("the installer"):
        iso.make(system, root.BUILD / "parts", given.into / "guardian-edge.iso", image_id, version)
    if given.update_signing_key:
        with step("the update"):
            update.make(system, given.into / "guardian-edge.update", "edge", version, given.update_signing_key)
    with step("its checksum"):
        made = given.into / "guardian-edge.iso"
        with made.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        # What a control plane wants beside an image it offers.
        about = {"version": version, "sha256": digest, "size": made.stat().st_size}
        made.with_name(f"{made.name}.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")


@contextmanager
def step(what: str) -> Iterator[None]:
    """A line on the screen, with its seconds."""
    began = time.monotonic()
    print(f"  {what} … ", end="", flush=True)
    yield
    print(f"{time.monotonic() - began:.0f} s", flush=True)


if __name__ == "__main__":
    sys.exit(main())
