"""`make molecule`: all scenarios on hosts of the lab: the first converge hosts, the others start from those, frozen."""

import argparse
import os
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from tools.lab import keeper, roots  # noqa: E402
from tools.lab.__main__ import ensure, entering  # noqa: E402
from tools.lab.places import BUILD, Refused, layers  # noqa: E402
from tools.lab.supply import release, supply  # noqa: E402

BIN = Path(sys.executable).parent
# molecule/upgrade/README.md says what they differ in.
PATCHED = {"next": "0.3.0.dev1", "broken-api": "0.3.0.dev2", "broken-analyzer": "0.3.0.dev3"}
# Two cores: while two play, a third one mostly waits for somebody to walk past a camera.
AT_ONCE = 3
HOSTS = ("edge", "node", "control")


@dataclass(frozen=True)
class Scenario:
    """A folder of molecule/ on one suite: it starts from hosts that another one froze, and may freeze its own."""

    name: str
    start: str = ""
    frozen: str = ""
    suite: str = "bookworm"
    releases: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """How it is called on the screen and with `--only`."""
        return self.name if self.suite == "bookworm" else f"{self.name}-{self.suite}"

    @property
    def wants(self) -> set[str]:
        """What has to be prepared before it begins: see `Preparation`."""
        return {"supply", self.suite, *self.releases}

    @property
    def needs(self) -> Path | None:
        """The frozen hosts it starts from."""
        return layers() / f"{self.start}-{self.suite}" if self.start else None

    @property
    def makes(self) -> Path | None:
        """The frozen hosts it leaves."""
        return layers() / f"{self.frozen}-{self.suite}" if self.frozen else None


# In the order in which they begin: first what others wait for, then what takes long.
SCENARIOS = [
    Scenario("site", frozen="site"),
    Scenario("site", frozen="site", suite="trixie"),
    Scenario("upgrade", "site", "upgraded", releases=("next",)),
    Scenario("updates", "site", releases=("next", "broken-analyzer")),
    Scenario("broken", "site", releases=("next", "broken-api", "broken-analyzer")),
    Scenario("refusals"),
    Scenario("rollback", "upgraded"),
    *(
        Scenario(name, "site")
        for name in ("restore", "again", "monitoring", "edge", "hardening", "control", "node", "revoke")
    ),
    Scenario("hardening", "site", suite="trixie"),
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
    good = all_of(chosen, given.command) and (bool(given.only) or lab_holds())
    minutes = (time.monotonic() - began) / 60
    print(f"{'All scenarios passed' if good else 'Not all scenarios passed'}, in {minutes:.1f} minutes.")
    return 0 if good else 1


def all_of(chosen: list[Scenario], command: str) -> bool:
    """Run them, some at once, each as soon as the hosts it starts from are frozen; whether all passed."""
    makers = {folder: item for item in chosen if (folder := item.makes)}
    for folder in makers:
        shutil.rmtree(folder, ignore_errors=True)
    preparation = Preparation(chosen)
    preparation.start()
    left = list(chosen)
    running: dict[str, subprocess.Popen[bytes]] = {}
    failed: set[str] = set()

    def give_up(item: Scenario, why: str) -> None:
        print(f"  FAILED {item.label}: {why}", flush=True)
        failed.add(item.label)
        left.remove(item)

    while left or running:
        for item in list(left):
            maker = makers.get(item.needs) if item.needs else None
            if not item.wants <= preparation.done:
                if not preparation.is_alive() and not item.wants <= preparation.done:
                    give_up(item, preparation.fault)
            elif item.needs is None or is_frozen(item.needs):
                # Who is waited for has the cores.
                others = [maker for folder, maker in makers.items() if not is_frozen(folder)]
                waited_for = any(maker.label in running or maker in left for maker in others)
                if len(running) < (2 if waited_for and item not in others else AT_ONCE):
                    running[item.label] = start(["--one", item.label, "--command", command])
                    left.remove(item)
            elif maker is None or (maker not in left and maker.label not in running):
                give_up(item, f"there are no hosts {item.needs.name} to start from; run who freezes them too")
        time.sleep(0.5)
        for label, process in list(running.items()):
            if process.poll() is not None:
                del running[label]
                failed |= {label} if process.returncode else set()
    return not failed


class Preparation(threading.Thread):
    """Makes what needs the network, for there is none once hosts are up; the first scenarios begin meanwhile.

    `done` names what is there: `supply` (release and film), suites, releases of PATCHED.
    """

    def __init__(self, chosen: list[Scenario]) -> None:
        super().__init__(daemon=True)
        self._wanted = dict.fromkeys(word for item in chosen for word in (item.suite, "supply", *item.releases))
        self.done: set[str] = set()
        self.fault = ""

    def run(self) -> None:
        """In the order in which scenarios want it."""
        began = time.monotonic()
        try:
            for word in self._wanted:
                if word in PATCHED:
                    release(word, "--version", PATCHED[word], "--patch", f"molecule/upgrade/{word}.patch")
                elif word == "supply":
                    supply()
                else:
                    roots.root(word)
                self.done.add(word)
        except (Refused, OSError, subprocess.SubprocessError) as error:
            self.fault = f"{word} could not be made: {error}"
            return
        print(f"  ok     roots, releases, film ({time.monotonic() - began:.0f} s)", flush=True)


def is_frozen(folder: Path) -> bool:
    """Whether all three hosts are kept there, whole."""
    return all((folder / host / "layer.json").is_file() for host in HOSTS)


def start(words: list[str]) -> "subprocess.Popen[bytes]":
    """This program again, for one scenario; it does not outlive us, killed or not."""
    return subprocess.Popen(
        [sys.executable, __file__, *words],
        stdin=subprocess.DEVNULL,
        preexec_fn=keeper.dies_with_parent(),  # noqa: PLW1509 - it takes no lock
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
    """Run it, its words with their time to a log; say in one line how it went, and show the log's end if it failed."""
    log = BUILD / "logs" / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with (
        log.open("wb") as output,
        subprocess.Popen(
            command, cwd=ROOT, env=settings, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as process,
    ):
        for words in process.stdout or ():
            output.write(f"{time.monotonic() - began:6.1f}  ".encode() + words)
            output.flush()
    status = process.returncode
    line = f"  {'FAILED' if status else 'ok    '} {name} ({time.monotonic() - began:.0f} s)"
    if status:
        line += f"\n== {log.relative_to(ROOT)}, its end:\n{log.read_text(errors='replace')[-6000:]}\n"
    print(line, flush=True)
    return status == 0


if __name__ == "__main__":
    sys.exit(main())
