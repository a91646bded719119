"""What `guardian update status` says: slots or releases, which runs, what became of the last update."""

from collections.abc import Iterator
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from guardian.appliance import releases, slots
from guardian.appliance.host import Host
from guardian.common.text import plain

OUTCOMES = {
    "good": "in force",
    "unhealthy": "went back: not as well as before",
    "never_came_up": "went back: never came up",
    "not_judged": "went back: switched off too early",
    "left": "left by hand",
    "not_applied": "not put in place, for a fault of this machine",
    "refused": "refused",
}


def gather(host: Host) -> dict[str, Any]:
    """All of it, for programs: `slots` or `releases`, by name, with the version there."""
    last = host.history()[-1:]
    return _places(host) | {"last": asdict(last[0]) if last else None}


def _places(host: Host) -> dict[str, Any]:
    if isinstance(host, slots.Host):
        words = host.words()
        there = {slot: version("guardian") if slot == host.running else host.version_in(slot) for slot in slots.OTHER}
        return {"running": host.running, "good": words.good, "trial": words.trial, "slots": there}
    if not isinstance(host, releases.Host):
        raise TypeError(host)
    note = host.note
    return {
        "running": host.running,
        "good": note.old if note else host.running,
        "trial": note.new if note else "",
        "releases": {"current": host.running, "previous": host.linked("previous")},
    }


def lines(told: dict[str, Any]) -> list[str]:
    """The same for people."""
    said = [*_slots(told)] if "slots" in told else [*_releases(told)]
    if last := told["last"]:
        outcome = OUTCOMES.get(last["outcome"], last["outcome"])
        said += [
            f"Last     {last['version'] or '?':<16} {outcome}, {last['time']}",
            f"         {plain(last['sentence'])}",
        ]
    return said


def _slots(told: dict[str, Any]) -> Iterator[str]:
    for slot, there in told["slots"].items():
        marks = [
            word
            for word, is_it in (
                ("runs", slot == told["running"]),
                ("in force", slot == told["good"] and slot != told["running"]),
                ("on trial", slot == told["trial"]),
            )
            if is_it
        ]
        yield f"Slot {slot}   {there or 'nothing':<16} {', '.join(marks)}".rstrip()


def _releases(told: dict[str, Any]) -> Iterator[str]:
    on_trial = ", on trial" if told["trial"] == told["running"] else ""
    yield f"Release  {told['running']:<16} runs{on_trial}"
    yield f"Before   {told['releases']['previous'] or 'none'}"
    if told["trial"] and not on_trial:
        yield f"Trial    {told['trial']:<16} about to be put in force"
