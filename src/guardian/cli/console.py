"""`guardian console`: the page on a Mini PC's own screen: where it is, whose it is, what it waits for, what to do."""

import contextlib
import sys
import textwrap
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer

from guardian.appliance.luks import KEPT_KEY
from guardian.cli.host import addresses, secure_boot, wifi
from guardian.cli.host.summary import Summary, summarise
from guardian.cli.host.wifi import Wifi
from guardian.cli.household import Household, read_household
from guardian.cli.places import find_places
from guardian.cli.probe import Report, ask_all, health_sockets
from guardian.common import seed_state
from guardian.common.errors import GuardianError
from guardian.common.failures.note import recent
from guardian.common.seed_state import Refusal
from guardian.common.text import plain

app = typer.Typer(add_completion=False, context_settings={"help_option_names": ["-h", "--help"]})
# What the initial RAM disk found, on machines that start from a slot.
IMAGE = Path("/run/image")
# What was made of the seed's words on this machine, at each start.
SETTINGS = Path("/run/guardian-settings")
WIDTH = 78
_SECONDS = 5
_BRING = (
    "Copy it as guardian-seed.json to a stick (FAT32, labelled GUARDIAN), plug it in and switch the machine off and "
    "on; or install again from a medium made for you."
)
_REFUSED = {
    "seed_expired": "The seed came too late: have a new one made.",
    "seed_foreign": "The seed was made for another image, or by somebody unknown to this one: have a new one made.",
    "seed_other_household": "The seed is not for the household of this machine: have one made that is, or reset it.",
    "seed_damaged": "The seed was damaged on its way: have it made again.",
}
# Of these no other seed is the way out.
_NO_SEED = {"data_closed"}
_UNWRITTEN = (
    "encrypted; its recovery key is not written down yet. As root, by SSH: `guardian disk recovery-key`, and with "
    "--written-down when it is"
)
_CLEAR = "\x1b[H\x1b[2J\x1b[3J"


@dataclass(frozen=True)
class Facts:
    """All that the page is made of."""

    release: str = ""
    slot: str = ""
    # What is said of Secure Boot.
    start: str = ""
    addresses: list[str] = field(default_factory=list)
    household: Household | None = None
    enrolment: str = ""
    cameras: list[Report] = field(default_factory=list)
    ailing: list[str] = field(default_factory=list)
    refusal: Refusal | None = None
    wifi: Wifi = field(default_factory=Wifi)
    # Whose key may come in by SSH.
    ssh: str = ""
    # The data partition is encrypted, and nobody said that its recovery key is written down.
    unwritten: bool = False
    # The node shows another household's roster than the seed named.
    foreign: bool = False
    # Enrolment was refused for good: with this seed nobody tries again.
    ended: bool = False


@app.command()
def console(
    once: Annotated[bool, typer.Option("--once", help="Print the page as it is now, and end.")] = False,
) -> None:
    """Show this machine's page: address, enrolment, cameras, the owner's words, and what to do if it waits.

    Meant for a screen on which nobody logs in: it is drawn anew whenever something on it changes.
    """
    shown = ""
    while True:
        text = page(gather())
        if text != shown:
            shown = text
            sys.stdout.write((_CLEAR if sys.stdout.isatty() and not once else "") + text)
            sys.stdout.flush()
        if once:
            return
        time.sleep(_SECONDS)


def gather() -> Facts:
    """Asked of the host, its daemons and what the start left behind."""
    places = find_places()
    reports = ask_all([socket for place in places for socket in health_sockets(place.run_dir)])
    hosts = [summary for place in places if (summary := summarise(place, reports)) is not None]
    folders = [place.state_dir for place in places if place.state_dir is not None]
    households = [household for folder in folders if (household := read_household(folder)) is not None]
    return Facts(
        release=hosts[0].version if hosts else "",
        slot=_read(IMAGE / "slot"),
        start=secure_boot.read(),
        addresses=addresses.read(),
        household=households[0] if households else None,
        enrolment=next(iter(_enrolments(reports, hosts)), ""),
        ended=any(line.service == "enroll" and line.for_good for host in hosts for line in host.lines),
        refusal=next(iter([found for folder in folders if (found := seed_state.read_refusal(folder / "seed"))]), None),
        wifi=wifi.read(next(iter(_networks(folders)), "")),
        ssh=_read(SETTINGS / "ssh"),
        unwritten=(IMAGE / "data" / KEPT_KEY).exists(),
        foreign=any(part.reason == "other_household" for report in reports for part in report.dependencies.values()),
        cameras=[report for report in reports if report.service.startswith("camera@")],
        ailing=[
            *_read(IMAGE / "faults").splitlines(),
            *_read(SETTINGS / "faults").splitlines(),
            *_ailing(reports, hosts),
        ]
        + [note.sentence for folder in folders for note in recent(folder / "failures")[:3]],
    )


def page(facts: Facts) -> str:
    """The page as text, plain enough for any console."""
    head = " · ".join(word for word in (f"release {facts.release}" if facts.release else "", _slot(facts)) if word)
    lines = ["", f"  Private AI Guardian{head:>{WIDTH - 21}}", f"  {'─' * (WIDTH - 2)}"]
    lines += _row("Address", facts.addresses or ["none yet: no network answers on any cable"])
    if facts.wifi.sentence:
        lines += _row("Wi-Fi", [facts.wifi.sentence])
    if facts.start:
        lines += _row("Start", [facts.start])
    lines += _row("Edge", [_edge(facts)])
    lines += _row("Cameras", [_camera(item) for item in facts.cameras] or ["none yet"])
    if facts.household is not None and facts.household.words:
        lines += _row("Words", [facts.household.words])
    if facts.ssh:
        lines += _row("SSH", [f"open to {facts.ssh}"])
    if facts.unwritten:
        lines += _row("Disk", [_UNWRITTEN])
    if facts.ailing:
        lines += ["", *_row("Not well", facts.ailing[:6])]
    return "\n".join([*lines, "", *_row("To do", to_do(facts)), ""])


def to_do(facts: Facts) -> list[str]:
    """What a person who stands before the machine does next."""
    # A seed that cannot be used stops a machine that is nobody's yet, network or not.
    if facts.household is None and facts.refusal is not None and not facts.enrolment:
        return _after_refusal(facts.refusal)
    if not facts.addresses:
        return [_to_a_network(facts.wifi)]
    if facts.household is None:
        if facts.ended:
            return [f"Have a new seed made: nobody tries again with this one. {_BRING}"]
        if facts.enrolment:
            return ["Wait. It tries again by itself; the network must let it reach that address."]
        return [f"Have a seed made for your household. {_BRING}"]
    if facts.foreign:
        return [
            "The node shows another household than your seed named. Ask whoever made the seed; do not confirm anything."
        ]
    if facts.household.fault:
        return ["Run `guardian doctor`, or ask who runs your node: the list of your household does not hold."]
    if not facts.household.entries:
        return ["Sign in with your browser and set your household's secret."]
    if not facts.household.confirmed:
        return ["Compare these words with those your browser shows, then confirm there."]
    if not facts.cameras:
        return ["Add a camera in your browser."]
    return ["Nothing. Events and clips are in your browser."]


def _to_a_network(card: Wifi) -> str:
    later = "All goes on by itself once there is a network."
    if not card.waits:
        return f"Plug in a network cable. {later}"
    if not card.card:
        return f"Plug in a network cable: there is no Wi-Fi card to reach {card.ssid} with. {later}"
    return (
        f"Bring it nearer to the Wi-Fi {card.ssid}, or plug in a network cable. If it is never let in, the seed had a "
        f"wrong name or passphrase: have a new one made. {later}"
    )


def _after_refusal(refusal: Refusal) -> list[str]:
    if refusal.reason in _NO_SEED:
        return [refusal.hint]
    return [_REFUSED.get(refusal.reason, refusal.hint or "Have a new seed made."), _BRING]


def _slot(facts: Facts) -> str:
    return f"slot {facts.slot}" if facts.slot else ""


def _edge(facts: Facts) -> str:
    if facts.household is not None:
        return f"enrolled as {facts.household.name}"
    if facts.enrolment:
        return facts.enrolment
    return f"not enrolled: {facts.refusal.sentence if facts.refusal else 'there is no seed'}"


def _networks(folders: list[Path]) -> Iterable[str]:
    for folder in folders:
        # What is wrong with it, guardian-settings says.
        with contextlib.suppress(GuardianError):
            if ssid := seed_state.read_settings(folder / "seed").ssid:
                yield ssid


def _camera(report: Report) -> str:
    return f"{report.service.removeprefix('camera@')}: {report.status or report.state}"


def _enrolments(reports: list[Report], hosts: list[Summary]) -> Iterable[str]:
    yield from (report.status for report in reports if report.service == "enroll" and report.status)
    yield from (line.sentence for host in hosts for line in host.lines if line.service == "enroll")


def _ailing(reports: list[Report], hosts: list[Summary]) -> Iterable[str]:
    for report in reports:
        for part in report.dependencies.values():
            if part.state in ("failed", "degraded"):
                yield f"{report.service}: {part.sentence}"
    yield from (f"{line.service}: {line.sentence}" for host in hosts for line in host.lines if line.state == "failed")


def _row(title: str, texts: list[str]) -> list[str]:
    """`  Title     text`, wrapped; what may come from outside cannot move the cursor."""
    wrapped = [part for text in texts for part in textwrap.wrap(plain(text), WIDTH - 14) or [""]]
    return [f"  {title if number == 0 else '':<12}{text}" for number, text in enumerate(wrapped)]


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")[:4096].strip()
    except (OSError, UnicodeDecodeError):
        return ""
