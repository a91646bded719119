"""`python -m tools.releasing.bundle`: a release of one tier as one signed file, for hosts that are no images."""

import argparse
import json
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tools.releasing.tree import ROOT, Refused

from guardian.appliance.release_writing import MODELS, RELEASE
from guardian.common import bundle

TIERS = ("edge", "node")


def main() -> int:
    """Exit status 1 and a sentence when it cannot be made."""
    parser = argparse.ArgumentParser(prog="python -m tools.releasing.bundle", description=__doc__)
    parser.add_argument("release", type=Path, help="a folder that `make release` built")
    parser.add_argument("--tier", choices=TIERS, action="append", help="may be repeated; default: each")
    parser.add_argument("--sign-key", type=Path, required=True, metavar="FILE", help="of `guardian image key`")
    parser.add_argument("--python", action="append", help="wheels for this one only; may be repeated")
    parser.add_argument(
        "--model", type=Path, action="append", default=[], metavar="FILE", help="brought to edges with it"
    )
    parser.add_argument("--into", type=Path, metavar="FOLDER", help="default: beside the release")
    given = parser.parse_args()
    try:
        for tier in given.tier or TIERS:
            models = given.model if tier == "edge" else []
            wanted = Wanted(tier, given.python or [], models)
            print(make(given.release, wanted, given.sign_key, given.into or given.release.parent))
    except Refused as refusal:
        print(f"release-bundle: {refusal}", file=sys.stderr)
        return 1
    return 0


@dataclass(frozen=True)
class Wanted:
    """Whose it is, for which Pythons (each of the release where none is named), and which models it brings."""

    tier: str
    pythons: list[str] = field(default_factory=list)
    models: list[Path] = field(default_factory=list)


def make(release: Path, wanted: Wanted, key: Path, into: Path) -> Path:
    """`guardian-TIER-release-VERSION.update`: wheels, units, and what installs them; signed by the key in a file."""
    try:
        signer = Ed25519PrivateKey.from_private_bytes(key.read_bytes())
        facts = json.loads((release / "release.json").read_text("utf-8"))
        version, date = str(facts["version"]), str(facts["date"])
        pythons = wanted.pythons or list(facts["python"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Refused(f"{release} is no release, or {key} no key of `guardian image key`: {error}") from error
    target = into / f"guardian-{wanted.tier}-release-{version}.update"
    with tempfile.TemporaryDirectory(prefix=".bundle-", dir=into) as scratch:
        parts = {RELEASE: Path(scratch, RELEASE)}
        # The host's own installer says what of a release a tier takes, and that it is whole.
        script = ROOT / "roles/python_release/files/guardian_release.py"
        words = [word for python in pythons for word in ("--for-python", python)]
        command = [sys.executable, str(script), "pack", str(release.resolve()), "--tier", wanted.tier, *words]
        done = subprocess.run(
            [*command, "--into", str(parts[RELEASE])],
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
            check=False,
        )
        if done.returncode:
            raise Refused(done.stderr.strip()[-1000:])
        if wanted.models:
            parts[MODELS] = Path(scratch, MODELS)
            _pack_models(wanted.models, parts[MODELS])
        aside = Path(scratch, target.name)
        bundle.make(aside, f"{wanted.tier}-release", version, date, parts, signer)
        aside.replace(target)
    return target


def _pack_models(models: list[Path], into: Path) -> None:
    with tarfile.open(into, "w") as archive:
        for path in models:
            with path.open("rb") as file:
                entry = archive.gettarinfo(arcname=path.name, fileobj=file)
                entry.uid, entry.gid, entry.uname, entry.gname, entry.mode, entry.mtime = 0, 0, "", "", 0o644, 0
                archive.addfile(entry, file)


if __name__ == "__main__":
    sys.exit(main())
