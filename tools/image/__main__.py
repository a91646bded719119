"""`make image`: bake a system, and make of it disks, an installer, a list of what is in it, and checksums."""

import argparse
import sys
import time
import uuid
from pathlib import Path

from tools.image import disk, keys, outputs, packed, root, slot
from tools.image.progress import step
from tools.lab import supply
from tools.lab.places import ROOT, Refused

SHARED_MODEL = ROOT.parent / "shared" / "models" / "deimv2_femto_416.onnx"
INTO = {"edge": root.BUILD / "out", "node": root.BUILD / "node"}
# That of Ubuntu 24.04; those of Debian every release for hosts of the lab has.
UBUNTU_PYTHON = "3.12"
EXAMPLE = """keys for seeds and for updates, made once, and an image that trusts them:
  .venv/bin/guardian image key images.key > images.pub
  .venv/bin/guardian image key updates.key > updates.pub
  .venv/bin/python -m tools.image --seed-key images.pub --update-key updates.pub --update-sign-key updates.key"""


def main() -> int:
    """Exit status 1, and a sentence, when it could not be made."""
    given = parse()
    began = time.monotonic()
    try:
        rows = build(given)
    except Refused as refusal:
        print(f"image: {refusal}", file=sys.stderr)
        return 1
    if given.prepare:
        print(f"Packer's turn, then ours:\n{packed.by_hand(given.packer, given.tier)}")
        return 0
    print(f"All of it in {time.monotonic() - began:.0f} s, in {given.into}:")
    print(outputs.table(rows))
    for sentence in unsaid(given):
        print(sentence)
    return 0


def unsaid(given: argparse.Namespace) -> list[str]:
    """What these images cannot do, for want of a key; a sentence each."""
    said = []
    if not given.seed_key:
        said.append("They take no seed that is written into them: SEED_KEY=images.pub says whose seeds they take.")
    if not given.update_key:
        said.append("They take no update: UPDATE_KEY=updates.pub says whose updates they take.")
    if given.sign_key is None:
        said.append("They are not signed: SIGN_KEY=images.minisign.key signs their checksums.")
    return [*said, "README.md, Images, says how such keys are made."] if said else []


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.image",
        description=__doc__,
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--tier", choices=sorted(INTO), default="edge", help="a Mini PC, or a tenant's node (%(default)s)"
    )
    parser.add_argument("--into", type=Path, help="default: build/image/out, for a node build/image/node")
    parser.add_argument("--work", type=Path, default=root.BUILD, help="for what is baked on the way: build/image")
    parser.add_argument(
        "--seed-key",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="a public key whose seeds it takes; may be repeated",
    )
    parser.add_argument(
        "--update-key",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="a public key whose updates it takes; may be repeated",
    )
    parser.add_argument("--update-sign-key", type=Path, metavar="FILE", help="the private key that signs its update")
    parser.add_argument(
        "--model", type=Path, default=None, help="detector; else the one of ../shared, or the tests' own"
    )
    parser.add_argument("--level", type=int, default=3, help="of zstd, 1 to 22 (%(default)s)")
    parser.add_argument("--keep-raw", action="store_true", help="keep the raw image too, as it is")
    parser.add_argument(
        "--sign-key",
        type=Path,
        metavar="FILE",
        help="minisign's secret key, without passphrase, that signs the checksums",
    )
    packer = parser.add_argument_group("baked by Packer, in a machine", "else natively, in a folder")
    packer.add_argument("--packer", choices=["debian", "ubuntu"], help="from which distribution")
    packer.add_argument("--tape", type=Path, help="a tree.raw that Packer left: bake nothing")
    packer.add_argument("--accelerator", choices=["tcg", "kvm"], default="tcg", help="of QEMU (%(default)s)")
    packer.add_argument("--ubuntu-iso", type=Path, metavar="FILE", help="the live server's medium of 24.04")
    packer.add_argument(
        "--ubuntu-iso-sha256", default="", metavar="HEX", help="its SHA-256, by the publisher's signed list"
    )
    packer.add_argument(
        "--prepare", action="store_true", help="bake nothing: make all that Packer asks for, and say how"
    )
    given = parser.parse_args()
    if given.prepare and (given.packer is None or given.tape is not None):
        parser.error("--prepare is for --packer, without --tape.")
    if not 1 <= given.level <= 22:
        parser.error("--level is from 1 to 22.")
    given.into, given.work = given.into or INTO[given.tier], given.work.resolve()
    return given


def build(given: argparse.Namespace) -> list[tuple[Path, str]]:
    """Step by step, each with its seconds; what was made."""
    keys.ready(keys.Keys(given.seed_key, given.update_key, given.update_sign_key, given.sign_key))
    packing = None
    # Of a tape all that is Packer's is done.
    if given.packer and given.tape is None:
        packing = packed.Packing(given.packer, given.accelerator, given.ubuntu_iso, given.ubuntu_iso_sha256)
        packed.ready(packing)
    for folder in (given.into, given.work):
        folder.mkdir(parents=True, exist_ok=True)
    with step("the release"):
        version = supply.release("image", *(("--python", UBUNTU_PYTHON) if given.packer == "ubuntu" else ()))
        release = (supply.RELEASES / "image").resolve()
    with step("the detector"):
        model = (given.model or (SHARED_MODEL if SHARED_MODEL.exists() else supply.model())).resolve()
    wanted = root.Bake(given.tier, release, model, str(uuid.uuid4()), given.seed_key, given.update_key)
    if given.prepare and packing is not None:
        with step("what Packer asks for"):
            packed.prepare(packed.folder(packing.source), wanted, packing)
        return []
    tree, parts = given.work / f"tree-{given.tier}", given.work / "parts"
    bake(tree, wanted, given.tape, packing)
    with step("the system's slot"):
        system = slot.make(tree, given.work / "slot", given.level)
    with step("what starts it"):
        disk.pieces(tree, parts)
    raw = given.into / f"guardian-{given.tier}.raw"
    with step("the raw image"):
        disk.make(system, parts, raw, wanted.image_id)
    made = outputs.Made(
        tier=given.tier,
        version=version,
        image_id=wanted.image_id,
        release=release,
        tree=tree,
        slot=system,
        parts=parts,
        raw=raw,
        level=given.level,
        update_key=given.update_sign_key,
    )
    rows = outputs.write(made, given.into)
    if given.keep_raw:
        rows.append((raw, "the disk, as it is"))
    else:
        raw.unlink()
    return rows + vouch([path for path, _ in rows], given, version)


def bake(tree: Path, wanted: root.Bake, tape: Path | None, packing: packed.Packing | None) -> None:
    """The system's tree: from a tape, from Packer, or natively."""
    if tape is not None:
        with step("the tree of the tape"):
            packed.unpack(tape, tree, wanted)
        return
    if packing is not None:
        with step(f"the roles, in a machine ({packing.source}, {packing.accelerator})"):
            packed.bake(tree, wanted, packing)
        return
    with step("the root file system"):
        root.base()
    with step("the roles"):
        root.bake(tree, wanted)


def vouch(files: list[Path], given: argparse.Namespace, version: str) -> list[tuple[Path, str]]:
    """Checksums of these files and, with a key, their signature."""
    with step("the checksums"):
        listed = outputs.sums(files, given.into)
    rows = [(listed, "their checksums: sha256sum --check SHA256SUMS")]
    if given.sign_key is not None:
        with step("the signature"):
            signed = outputs.sign(listed, given.sign_key, f"guardian-{given.tier} {version}")
        rows.append((signed, f"the checksums' signature: minisign -Vm {listed.name} -p images.minisign.pub"))
    return rows


if __name__ == "__main__":
    sys.exit(main())
