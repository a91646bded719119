"""What a baked system is handed out as: the one list of files, each with what makes it."""

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tools.image import iso, progress, sbom, update
from tools.image.slot import Slot
from tools.lab.places import Refused
from tools.releasing.wheels import hash_of

SUMS = "SHA256SUMS"
SIGNATURE = "SHA256SUMS.minisig"


@dataclass(frozen=True)
class Made:
    """All that outputs are made of.

    Attributes:
        raw: the disk as the installer would leave it.
        parts: what starts it (`tools.image.disk.pieces`).
        image_id: the id of its table, a UUID.
        level: of zstd.
        update_key: signs the update; without one there is none.
    """

    tier: str
    version: str
    image_id: str
    release: Path
    tree: Path
    slot: Slot
    parts: Path
    raw: Path
    level: int
    update_key: Path | None = None

    def name(self, ending: str) -> str:
        """The file's name in the folder of outputs."""
        return f"guardian-{self.tier}{ending}"


@dataclass(frozen=True)
class Output:
    """One file: how its name ends, what it is for, what writes it, which tiers have it, whether it takes a key."""

    ending: str
    what: str
    make: Callable[[Made, Path], None]
    tiers: tuple[str, ...] = ("edge", "node")
    signed: bool = False


def _compressed(made: Made, target: Path) -> None:
    level = ["--ultra"] if made.level > 19 else []
    words = ["-T0", *level, f"-{made.level}", "--force", "--quiet", str(made.raw), "-o", str(target)]
    progress.run("zstd", *words)


def _qcow2(made: Made, target: Path) -> None:
    words = ["-p", "-f", "raw", "-O", "qcow2", "-c", "-o", "compression_type=zstd", str(made.raw), str(target)]
    progress.run("qemu-img", "convert", *words)


def _installer(made: Made, target: Path) -> None:
    iso.make(made.slot, made.parts, target, made.image_id, made.version)


def _note(made: Made, target: Path) -> None:
    medium = target.with_name(made.name(".iso"))
    about = {"version": made.version, "sha256": hash_of(medium), "size": medium.stat().st_size}
    target.write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")


def _update(made: Made, target: Path) -> None:
    if made.update_key is not None:
        update.make(made.slot, target, made.tier, made.version, made.update_key)


def _contents(made: Made, target: Path) -> None:
    listed = sbom.make(made.tree, made.tier, made.version, made.release)
    target.write_text(json.dumps(listed, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


# In the order they are made: one may look at those before it.
ALL = (
    Output(".raw.zst", "the disk, compressed: unpacked it is written to a disk as it is", _compressed),
    Output(".qcow2", "the disk of a virtual machine", _qcow2),
    Output(".iso", "the installer, for a stick", _installer, ("edge",)),
    Output(".iso.json", "what a control plane wants beside it", _note, ("edge",)),
    Output(".update", "for machines that were made from an image before", _update, signed=True),
    Output(".cdx.json", "what is in it (SBOM, CycloneDX)", _contents),
)


def of(tier: str) -> list[Output]:
    """Those that a tier has."""
    return [output for output in ALL if tier in output.tiers]


def write(made: Made, into: Path) -> list[tuple[Path, str]]:
    """Make them all; each file and what it is."""
    written = []
    for output in of(made.tier):
        target = into / made.name(output.ending)
        target.unlink(missing_ok=True)
        if output.signed and made.update_key is None:
            continue
        with progress.step(target.name):
            output.make(made, target)
        written.append((target, output.what))
    return written


def sums(files: list[Path], into: Path) -> Path:
    """SHA256SUMS of these, in the order of their names, as `sha256sum --check` reads it. A signature of others goes."""
    target = into / SUMS
    (into / SIGNATURE).unlink(missing_ok=True)
    lines = [f"{hash_of(path)}  {path.name}\n" for path in sorted(files)]
    target.write_text("".join(lines), encoding="utf-8")
    return target


def sign(listed: Path, key: Path, comment: str) -> Path:
    """A signature by minisign beside `listed`; `key` is a secret key without a passphrase (`minisign -G -W`)."""
    target = listed.with_name(SIGNATURE)
    command = ["minisign", "-S", "-s", str(key), "-m", str(listed), "-x", str(target), "-t", comment]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, start_new_session=True
    )
    if done.returncode or not target.exists():
        said = (done.stderr or done.stdout).strip().splitlines()
        raise Refused(
            f"{key} cannot sign: {said[-1] if said else 'minisign says nothing'}. It must be a secret "
            "key of minisign without a passphrase: minisign -G -W -p images.minisign.pub -s images.minisign.key"
        )
    return target


def table(rows: list[tuple[Path, str]]) -> str:
    """A line a file: size in MB, name, what it is."""
    width = max(len(path.name) for path, _ in rows)
    return "\n".join(f"  {path.stat().st_size / 1e6:9.1f} MB  {path.name:{width}}  {what}" for path, what in rows)
