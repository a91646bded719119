"""`make molecule`: all scenarios on hosts of the lab, in two lanes: a lane's first makes hosts, others start there."""

import argparse
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from tools.lab import keeper, roots  # noqa: E402
from tools.lab.__main__ import ensure, entering  # noqa: E402
from tools.lab.places import BUILD, Refused  # noqa: E402
from tools.lab.supply import release, supply  # noqa: E402

BIN = Path(sys.executable).parent
# A site is made host after host, so that one lane leaves a core idle. What takes longest is begun first.
LANES = {
    "bookworm": ["site", "edge", "node", "control", "upgrade", "rollback", "revoke", "hardening"],
    "trixie": ["site", "hardening"],
}

# molecule/upgrade/README.md says what they differ in.
PATCHED = {"next": "0.3.0.dev1", "broken-api": "0.3.0.dev2", "broken-analyzer": "0.3.0.dev3"}


def main() -> int:
    """Exit status 1 when a scenario failed or could not begin."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", metavar="SCENARIO", default=[], help="e.g. edge site-trixie")
    parser.add_argument("--command", default="test", help="of molecule, instead of `test`; hosts end all the same")
    parser.add_argument("--lane", choices=LANES, help=argparse.SUPPRESS)
    given = parser.parse_args()
    there = {label(suite, name) for suite in LANES for name in scenarios(suite)}
    if unknown := set(given.only) - there:
        parser.error(f"there is no scenario {', '.join(sorted(unknown))}; there are {', '.join(sorted(there))}")
    if given.lane:
        return lane(given.lane, given.only, given.command)
    began = time.monotonic()
    chosen = [suite for suite in LANES if not given.only or any(label(suite, n) in given.only for n in LANES[suite])]
    try:
        prepare(chosen)
    except Refused as refusal:
        print(f"molecule: {refusal}", file=sys.stderr)
        return 1
    running = [start(["--lane", suite, *sys.argv[1:]]) for suite in chosen]
    good = bool(given.only) or lab_holds()
    statuses = [process.wait() for process in running]
    good = good and not any(statuses)
    minutes = (time.monotonic() - began) / 60
    print(f"{'All scenarios passed' if good else 'Not all scenarios passed'}, in {minutes:.1f} minutes.")
    return 0 if good else 1


def scenarios(suite: str) -> list[str]:
    """Those of a lane, in order."""
    return [name for name in LANES[suite] if (ROOT / "molecule" / name / "molecule.yml").exists()]


def label(suite: str, name: str) -> str:
    """How a scenario is called on the screen and with `--only`."""
    return name if suite == "bookworm" else f"{name}-{suite}"


def prepare(suites: list[str]) -> None:
    """What needs the network: there is none once hosts are up."""
    began = time.monotonic()
    for suite in suites:
        roots.root(suite)
    supply()
    for name, version in PATCHED.items():
        release(name, "--version", version, "--patch", f"molecule/upgrade/{name}.patch")
    print(f"  ok     roots, releases, film ({time.monotonic() - began:.0f} s)", flush=True)


def start(words: list[str]) -> "subprocess.Popen[bytes]":
    """This program again, for one lane; it does not outlive us, killed or not."""
    libc = ctypes.CDLL(None, use_errno=True)
    return subprocess.Popen(
        [sys.executable, __file__, *words],
        stdin=subprocess.DEVNULL,
        preexec_fn=lambda: libc.prctl(keeper.PR_SET_PDEATHSIG, signal.SIGKILL),  # noqa: PLW1509 - we have one thread
    )


def lane(suite: str, only: list[str], command: str) -> int:
    """One suite's scenarios, one after another."""
    os.environ["GUARDIAN_LAB"] = f"molecule-{suite}"
    os.environ["GUARDIAN_SUITE"] = suite
    keeper.stop()
    good = True
    for name in scenarios(suite):
        if not only or label(suite, name) in only:
            good = run(suite, name, command) and good
            if not good and name == "site" and not only:
                print(f"  FAILED what starts from {label(suite, name)} was not run", flush=True)
                break
    return 0 if good else 1


def run(suite: str, name: str, command: str) -> bool:
    """One scenario in a lab of its own; its exit status is the verdict, whatever its summary says."""
    began = time.monotonic()
    scratch = BUILD / "scratch" / label(suite, name)
    shutil.rmtree(scratch, ignore_errors=True)
    settings = os.environ | {
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}",
        "MOLECULE_EPHEMERAL_DIRECTORY": str(scratch),
        "NO_COLOR": "1",
    }
    try:
        # When this process is gone, killed or not, so is all that the scenario made.
        ensure(os.getpid())
        return logged(label(suite, name), began, [*entering(), str(BIN / "molecule"), command, "-s", name], settings)
    except Refused as refusal:
        print(f"  FAILED {label(suite, name)}: {refusal}", flush=True)
        return False
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
