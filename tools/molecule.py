"""`make molecule`: all scenarios on hosts of the lab, two at once: the first converge hosts, the others start there."""

import argparse
import ctypes
import os
import shutil
import signal
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
from tools.lab.supply import release, supply  # noqa: E402

BIN = Path(sys.executable).parent
# molecule/upgrade/README.md says what they differ in.
PATCHED = {"next": "0.3.0.dev1", "broken-api": "0.3.0.dev2", "broken-analyzer": "0.3.0.dev3"}
AT_ONCE = 2


@dataclass(frozen=True)
class Scenario:
    """A folder of molecule/ on one suite; `after` names the one that froze the hosts it starts from."""

    name: str
    after: str = ""
    suite: str = "bookworm"

    @property
    def label(self) -> str:
        """How it is called on the screen and with `--only`."""
        return self.name if self.suite == "bookworm" else f"{self.name}-{self.suite}"


# What takes longest, or lets others begin, is begun first. A site is made host after host: two use two cores.
SCENARIOS = [
    Scenario("site"),
    Scenario("site", suite="trixie"),
    Scenario("upgrade", "site"),
    Scenario("rollback", "upgrade"),
    *(Scenario(name, "site") for name in ("edge", "node", "control", "revoke", "hardening")),
    Scenario("hardening", "site-trixie", "trixie"),
]


def main() -> int:
    """Exit status 1 when a scenario failed or could not begin."""
    parser = argparse.ArgumentParser(description=__doc__)
    labels = [item.label for item in SCENARIOS]
    parser.add_argument("--only", nargs="+", metavar="SCENARIO", choices=labels, default=[], help=", ".join(labels))
    parser.add_argument("--command", default="test", help="of molecule, instead of `test`; hosts end all the same")
    parser.add_argument("--one", choices=labels, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        return run(next(item for item in SCENARIOS if item.label == given.one), given.command)
    began = time.monotonic()
    chosen = [item for item in SCENARIOS if not given.only or item.label in given.only]
    try:
        prepare({item.suite for item in chosen})
    except Refused as refusal:
        print(f"molecule: {refusal}", file=sys.stderr)
        return 1
    good = (bool(given.only) or lab_holds()) and all_of(chosen, given.command)
    minutes = (time.monotonic() - began) / 60
    print(f"{'All scenarios passed' if good else 'Not all scenarios passed'}, in {minutes:.1f} minutes.")
    return 0 if good else 1


def all_of(chosen: list[Scenario], command: str) -> bool:
    """Run them, two at once, each when the one it starts from is done; whether all passed."""
    left = list(chosen)
    running: dict[str, subprocess.Popen[bytes]] = {}
    failed: set[str] = set()
    while left or running:
        open_ones = {item.label for item in left} | set(running)
        for item in list(left):
            if item.after in failed:
                print(f"  FAILED {item.label}: it starts from {item.after}", flush=True)
                failed.add(item.label)
                left.remove(item)
            elif item.after not in open_ones and len(running) < AT_ONCE:
                running[item.label] = start(["--one", item.label, "--command", command])
                left.remove(item)
        time.sleep(0.5)
        for label, process in list(running.items()):
            if process.poll() is not None:
                del running[label]
                failed |= {label} if process.returncode else set()
    return not failed


def prepare(suites: set[str]) -> None:
    """What needs the network: there is none once hosts are up."""
    began = time.monotonic()
    for suite in sorted(suites):
        roots.root(suite)
    supply()
    for name, version in PATCHED.items():
        release(name, "--version", version, "--patch", f"molecule/upgrade/{name}.patch")
    print(f"  ok     roots, releases, film ({time.monotonic() - began:.0f} s)", flush=True)


def start(words: list[str]) -> "subprocess.Popen[bytes]":
    """This program again, for one scenario; it does not outlive us, killed or not."""
    libc = ctypes.CDLL(None, use_errno=True)
    return subprocess.Popen(
        [sys.executable, __file__, *words],
        stdin=subprocess.DEVNULL,
        preexec_fn=lambda: libc.prctl(keeper.PR_SET_PDEATHSIG, signal.SIGKILL),  # noqa: PLW1509 - we have one thread
    )


def run(scenario: Scenario, command: str) -> int:
    """One scenario in a lab of its own; molecule's exit status is the verdict, whatever its summary says."""
    began = time.monotonic()
    os.environ["GUARDIAN_LAB"] = f"m-{scenario.label}"
    scratch = BUILD / "scratch" / scenario.label
    shutil.rmtree(scratch, ignore_errors=True)
    settings = os.environ | {
        "GUARDIAN_SUITE": scenario.suite,
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}",
        "MOLECULE_EPHEMERAL_DIRECTORY": str(scratch),
        "NO_COLOR": "1",
    }
    try:
        keeper.stop()
        # When this process is gone, killed or not, so is all that the scenario made.
        ensure(os.getpid())
        words = [*entering(), str(BIN / "molecule"), command, "-s", scenario.name]
        return 0 if logged(scenario.label, began, words, settings) else 1
    except Refused as refusal:
        print(f"  FAILED {scenario.label}: {refusal}", flush=True)
        return 1
    finally:
        keeper.stop()


def lab_holds() -> bool:
    """The lab's own tests: it leaves nothing behind, killed or not."""
    words = [sys.executable, "-m", "tools.lab.verify", "lab", "tests/host/lab"]
    return logged("lab", time.monotonic(), words, dict(os.environ))


def logged(name: str, began: float, command: list[str], settings: dict[str, str]) -> bool:
    """Run it, its words to a log; say in one line how it went, and show the log's end if it failed."""
    log = BUILD / "logs" / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        status = subprocess.run(
            command, cwd=ROOT, env=settings, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False
        ).returncode
    line = f"  {'FAILED' if status else 'ok    '} {name} ({time.monotonic() - began:.0f} s)"
    if status:
        line += f"\n== {log.relative_to(ROOT)}, its end:\n{log.read_text(errors='replace')[-6000:]}\n"
    print(line, flush=True)
    return status == 0


if __name__ == "__main__":
    sys.exit(main())
