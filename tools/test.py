"""`make test`: pytest folder by folder and the UI's tests; says what ran, and takes a skipped test for a failure.

Two parts run at once: the longest one mostly waits, for cameras, tunnels and time-outs, and leaves a core idle. What
runs beside it takes no more than that: cameras and tunnels have deadlines. Those that have a whole house and a browser
at work have the machine for themselves, afterwards.

Two folders are not among them: tests/host verifies a live host, of which there is none here (`make host-test HOST=…`
and molecule's verify run it), and tests/image needs a baked image and machines in QEMU (`make image-test` runs it).
"""

import argparse
import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from tools.lab import keeper  # noqa: E402

AT_ONCE = 2
ALONE = {"e2e", "faults"}
# What the others run beside, at the lowest priority.
FIRST = "integration"
REPORTS = ROOT / "build" / "tests"
TESTS = ROOT / "tests"
ELSEWHERE = {"host", "image"}
# In this order, the longest first; a folder that is not named here comes after them.
ORDER = ["integration", "unit", "contract", "e2e"]
FOLDERS = sorted(
    (
        path.name
        for path in TESTS.iterdir()
        if path.is_dir() and path.name not in ELSEWHERE and any(path.rglob("test_*.py"))
    ),
    key=lambda name: (ORDER.index(name) if name in ORDER else len(ORDER), name),
)


@dataclass(frozen=True)
class Outcome:
    """What one run of tests said."""

    name: str
    passed: int
    failed: int
    skipped: int
    seconds: float
    status: int

    @property
    def good(self) -> bool:
        """Something ran, nothing failed, nothing was left out."""
        return self.status == 0 and self.passed > 0 and not self.failed and not self.skipped


def main() -> int:
    """Exit status 1 when any test failed or was skipped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", metavar="PART", choices=[*FOLDERS, "ui"], default=[*FOLDERS, "ui"])
    parser.add_argument(
        "--coverage", action="store_true", help="measure branch coverage; takes about half as long again"
    )
    arguments = parser.parse_args()
    REPORTS.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    chosen = [name for name in [*FOLDERS, "ui"] if name in arguments.only]

    def run(name: str) -> Outcome:
        return run_ui() if name == "ui" else run_python(name, coverage=arguments.coverage)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        outcomes = list(pool.map(run, [name for name in chosen if name not in ALONE]))
    outcomes += [run(name) for name in chosen if name in ALONE]
    if arguments.coverage:
        show_coverage()
    print()
    for item in outcomes:
        left_out = f", {item.skipped} SKIPPED" if item.skipped else ""
        print(
            f"  {'ok    ' if item.good else 'FAILED'} {item.name:<12} {item.passed:>5} passed, "
            f"{item.failed} failed{left_out}, {item.seconds:.0f} s"
        )
    if "integration" in arguments.only:
        print(f"  {detectors()}")
    good = all(item.good for item in outcomes)
    print(
        f"{'All tests passed' if good else 'Not all tests passed'}, in {(time.monotonic() - began) / 60:.1f} minutes."
    )
    return 0 if good else 1


def run_python(name: str, *, coverage: bool) -> Outcome:
    """pytest on one folder below tests/."""
    report = REPORTS / f"{name}.xml"
    report.unlink(missing_ok=True)
    runner = ["-m", "coverage", "run", "-m", "pytest"] if coverage else ["-m", "pytest"]
    return _run(name, [sys.executable, *runner, "-q", f"tests/{name}", f"--junit-xml={report}"], report)


def run_ui() -> Outcome:
    """vitest."""
    report = REPORTS / "ui.xml"
    report.unlink(missing_ok=True)
    reporters = ["--reporter=default", "--reporter=junit", f"--outputFile.junit={report}"]
    return _run("ui", ["npm", "--prefix", "frontend", "test", "--silent", "--", *reporters], report)


def detectors() -> str:
    """On what the tests that need a detector ran."""
    from tests.analyzing.scenes import scenes

    built = "What needs a detector ran on the small one that the project builds"
    if real := [scene.name for scene in scenes()[1:]]:
        return f"{built} and on real weights: {', '.join(real)}."
    return f"{built}: real weights, or footage for them, are not at hand."


def show_coverage() -> None:
    """Branch coverage by package, worst first at the end."""
    for arguments in (["combine", "--quiet"], ["report", "--sort=cover"]):
        subprocess.run([sys.executable, "-m", "coverage", *arguments], cwd=ROOT, check=False)


def _run(name: str, command: list[str], report: Path) -> Outcome:
    """One part, each line of its words with its name before it; it does not outlive us, killed or not."""
    print(f"{name:<12} begins", flush=True)
    began = time.monotonic()
    with subprocess.Popen(
        command if name in {FIRST, *ALONE} else ["nice", "-n", "19", *command],
        cwd=ROOT,
        # The checkout's own Node.js.
        env=os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        preexec_fn=keeper.dies_with_parent(),  # noqa: PLW1509 - it takes no lock
    ) as process:
        for line in process.stdout or ():
            print(f"{name:<12} {line.rstrip()}", flush=True)
    passed, failed, skipped = counts(report)
    return Outcome(name, passed, failed, skipped, time.monotonic() - began, process.returncode)


def counts(report: Path) -> tuple[int, int, int]:
    """Passed, failed, skipped of a JUnit report; zeros when the run died before it wrote one."""
    if not report.exists():
        return 0, 0, 0
    suites = ET.parse(report).getroot().iter("testsuite")  # noqa: S314 - written by our own run a moment ago
    passed = failed = skipped = 0
    for suite in suites:
        bad = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        left_out = int(suite.get("skipped", 0))
        passed += int(suite.get("tests", 0)) - bad - left_out
        failed += bad
        skipped += left_out
    return passed, failed, skipped


if __name__ == "__main__":
    sys.exit(main())
