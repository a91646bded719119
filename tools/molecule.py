"""`make molecule`: all scenarios on hosts of the lab, in order: the first converges them, the others start there."""

import argparse
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from tools.lab import keeper, roots  # noqa: E402
from tools.lab.__main__ import ensure, entering  # noqa: E402
from tools.lab.places import BUILD, Refused  # noqa: E402
from tools.lab.supply import supply  # noqa: E402

BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Scenario:
    """A folder of molecule/, on one suite."""

    name: str
    suite: str = "bookworm"

    @property
    def label(self) -> str:
        """How it is called on the screen and with `--only`."""
        return self.name if self.suite == "bookworm" else f"{self.name}-{self.suite}"


# `site` first: it leaves the layers from which the others of its suite start.
SCENARIOS = [
    Scenario("site"),
    *(Scenario(name) for name in ("edge", "node", "control", "hardening", "upgrade", "rollback", "revoke")),
    Scenario("site", "trixie"),
    Scenario("hardening", "trixie"),
]


def main() -> int:
    """Exit status 1 when a scenario failed or could not begin."""
    parser = argparse.ArgumentParser(description=__doc__)
    there = [item for item in SCENARIOS if (ROOT / "molecule" / item.name / "molecule.yml").exists()]
    parser.add_argument("--only", nargs="+", metavar="SCENARIO", choices=[item.label for item in there], default=[])
    parser.add_argument("--command", default="test", help="of molecule, instead of `test`; hosts end all the same")
    given = parser.parse_args()
    os.environ["GUARDIAN_LAB"] = "molecule"
    began = time.monotonic()
    try:
        keeper.stop()
        prepare({item.suite for item in there if not given.only or item.label in given.only})
    except Refused as refusal:
        print(f"molecule: {refusal}", file=sys.stderr)
        return 1
    good = bool(given.only) or lab_holds()
    for item in there:
        if not given.only or item.label in given.only:
            good = run(item, given.command) and good
    minutes = (time.monotonic() - began) / 60
    print(f"{'All scenarios passed' if good else 'Not all scenarios passed'}, in {minutes:.1f} minutes.")
    return 0 if good else 1


def prepare(suites: set[str]) -> None:
    """What needs the network: there is none once hosts are up."""
    began = time.monotonic()
    for suite in sorted(suites):
        roots.root(suite)
    supply()
    print(f"  ok     roots, release, film ({time.monotonic() - began:.0f} s)", flush=True)


def lab_holds() -> bool:
    """The lab's own tests: it leaves nothing behind, killed or not."""
    began = time.monotonic()
    log = BUILD / "logs" / "lab.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        words = [sys.executable, "-m", "tools.lab.verify", "lab", "tests/host/lab"]
        status = subprocess.run(words, cwd=ROOT, stdout=output, stderr=output, check=False).returncode
    print(f"  {'FAILED' if status else 'ok    '} lab ({time.monotonic() - began:.0f} s)", flush=True)
    if status:
        print(f"\n== {log.relative_to(ROOT)}:\n{log.read_text(errors='replace')[-6000:]}\n", flush=True)
    return status == 0


def run(scenario: Scenario, command: str) -> bool:
    """One scenario in a lab of its own; its exit status is the verdict, whatever its summary says."""
    log = BUILD / "logs" / f"{scenario.label}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    settings = os.environ | {
        "GUARDIAN_SUITE": scenario.suite,
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}",
        "ANSIBLE_FORCE_COLOR": "0",
        "NO_COLOR": "1",
    }
    try:
        # When this process is gone, killed or not, so is all that the scenario made.
        ensure(os.getpid())
        with log.open("wb") as output:
            words = [*entering(), str(BIN / "molecule"), command, "--scenario-name", scenario.name]
            status = subprocess.run(
                words, cwd=ROOT, env=settings, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False
            ).returncode
    finally:
        keeper.stop()
    print(f"  {'FAILED' if status else 'ok    '} {scenario.label} ({time.monotonic() - began:.0f} s)", flush=True)
    if status:
        print(f"\n== {log.relative_to(ROOT)}, its end:\n{log.read_text(errors='replace')[-6000:]}\n", flush=True)
    return status == 0


if __name__ == "__main__":
    sys.exit(main())
