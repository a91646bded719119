"""`guardian-judge`: is this system, or release, as good as the one before? In a trial it stays or goes by that.

That it came so far is said first, in a trial or not: GRUB leaves a slot that does not. What was well before the update
has to be well again, told by `guardian settle`: what was away then, a node or a camera, is asked for by nobody. Else
the other slot starts again, without a hand.
"""

import argparse
import contextlib
import subprocess
import sys
from importlib.metadata import version
from typing import NoReturn

from guardian.appliance import release_judge, releases
from guardian.appliance.apply import GUARDIAN, remembered
from guardian.appliance.grubenv import GrubenvError
from guardian.appliance.here import this_host
from guardian.appliance.host import Settle
from guardian.appliance.slots import OTHER, Host, Words
from guardian.common import log
from guardian.common.errors import GuardianError

# From early in the start on; trial-deadline.timer gives all of it a quarter of an hour.
_SECONDS = 420
_SENTENCES = {
    "never_came_up": "It never came up: both of its starts ended before its system ran.",
    "not_judged": "It came up and was switched off or stopped twice before it could be found good.",
}
_GIVEN_UP = "It was in force and does not come up any more, so the machine went to its other slot by itself."
_log = log.get(__name__)


def judge(host: Host, running: str, settle: Settle) -> bool:
    """Whether this system goes on; else the machine is to be restarted, and the other slot starts.

    Args:
        running: this system's version.
    """
    words = _words(host)
    if words.trial != host.running:
        with contextlib.suppress(OSError):
            host.note_version(host.running, running)
        _look_back(host, words)
        return True
    host.change(reached="1")
    with contextlib.suppress(OSError):
        host.note_version(host.running, running)
    before = remembered(host)
    missing = settle(before, running) if before else ["What was well before the update is not known any more."]
    if host.words().trial != host.running:
        # Root left it by hand meanwhile: what was chosen then is tried.
        return True
    if not missing:
        host.change(good=host.running, trial="", left="2", reached="", verdict="good")
        _keep(host, running, "good", f"Slot {host.running} is in force.")
        return True
    host.change(trial="", left="2", reached="", verdict="unhealthy")
    _keep(host, running, "unhealthy", " ".join(missing)[:2000])
    return False


def _words(host: Host) -> Words:
    try:
        return host.words()
    except GrubenvError as error:
        if error.reason != "grubenv_damaged":
            raise
        _log.error("grubenv_renewed", slot=host.running)
        return host.renew_words()


def _look_back(host: Host, words: Words) -> None:
    """What GRUB decided of a trial, or of a slot in force that does not start any more: nobody else could say it."""
    # These alone: root may have asked for a trial since they were read.
    settled = {"starts": ""} if words.starts else {}
    if words.verdict in _SENTENCES:
        _keep(host, host.version_in(OTHER[host.running]), words.verdict, _SENTENCES[words.verdict])
        settled["verdict"] = ""
    if words.good != host.running:
        _keep(host, host.version_in(words.good), "never_came_up", _GIVEN_UP)
        settled["good"] = host.running
    if settled:
        host.change(**settled)


def _keep(host: Host, tried: str, outcome: str, sentence: str) -> None:
    if outcome == "good":
        _log.info("update_judged", version=tried, outcome=outcome, sentence=sentence)
    else:
        _log.error("update_judged", version=tried, outcome=outcome, sentence=sentence)
    # A full disk does not keep a good system from being found good.
    with contextlib.suppress(OSError):
        host.record(tried, outcome, sentence)


def ask(before: bytes, running: str) -> list[str]:
    """`guardian settle`, as long as it takes."""
    try:
        done = subprocess.run(
            [GUARDIAN, "settle", "--version", running, "--seconds", str(_SECONDS)],
            input=before,
            capture_output=True,
            check=False,
            timeout=_SECONDS + 60,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return [f"What is new cannot tell how it is: {type(error).__name__}."]
    if done.returncode == 0:
        return []
    said = done.stderr.decode("utf-8", "replace").splitlines()
    return [line.strip() for line in said if line.strip()] or ["What is new cannot tell how it is."]


def main() -> NoReturn:
    """Console script."""
    argparse.ArgumentParser(prog="guardian-judge", description=__doc__).parse_args()
    log.setup("judge")
    try:
        host = this_host()
        if isinstance(host, releases.Host):
            with host.alone():
                release_judge.judge(host, ask)
            sys.exit(0)
        good = judge(Host(), version("guardian"), ask)
    except GuardianError as error:
        _log.error("update_not_judged", reason=error.reason, sentence=str(error))
        sys.exit(f"guardian-judge: {error}")
    # What restarts a system that hangs goes on for one that is to go.
    words = ["stop", "--no-block", "trial-deadline.timer"] if good else ["reboot"]
    subprocess.run(["systemctl", *words], check=False)
    sys.exit(0)
