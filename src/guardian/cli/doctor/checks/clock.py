"""Is this host's clock right? Asked of all that knows a time: peers, signatures, files, systemd, the kernel."""

import datetime as dt
from collections.abc import Iterator
from email.utils import parsedate_to_datetime

import httpx
from cryptography import x509

from guardian.cli.doctor.finding import Finding, Subject, bad, doubtful, good
from guardian.cli.host import clocks
from guardian.cli.household import read_roster, roster_path
from guardian.common import config
from guardian.common.clock import from_seconds, now
from guardian.common.errors import GuardianError
from guardian.common.files import read_plain
from guardian.common.tls import CLOCK_SLACK
from guardian.vault.encoding import parse
from guardian.vault.roster_form import Payload

_TOLERANCE = dt.timedelta(minutes=1)
_MOST = 1 << 20


def check(subject: Subject) -> Iterator[Finding]:
    """Against times that were signed or written, the `Date` of the web servers the configuration names, and systemd."""
    findings = [*_behind(subject), *_apart(subject), *(_of_host(subject) if subject.host else ())]
    yield from findings
    if not findings and subject.place.state_dir is not None:
        yield good("clock", "The clock does not contradict what this host's peers say.")


def _behind(subject: Subject) -> Iterator[Finding]:
    moment = now()
    known = [*_signed(subject), *(_written(subject) if subject.host else ())]
    late = [(time, what) for what, time in known if time > moment + _TOLERANCE]
    if late:
        time, what = max(late)
        yield bad("clock_behind", f"The clock says {_said(moment)}, but {what} is of {_said(time)}.")


def _apart(subject: Subject) -> Iterator[Finding]:
    for url in _addresses(subject):
        shown = _date_of(url)
        if shown is not None and abs(shown - now()) > _TOLERANCE:
            apart = abs(shown - now()).total_seconds() / 60
            yield bad("clock_apart", f"The clock is {apart:.0f} minutes away from that of {url}.")


def _of_host(subject: Subject) -> Iterator[Finding]:
    """A confirmed clock may have been moved: that is what confirming is for."""
    if clocks.synchronised():
        return
    # A test under a changed clock cannot move the kernel's: both are asked for in this process.
    step = clocks.step_since(subject.units or [])
    if step is not None and abs(step) > _TOLERANCE:
        way = "on" if step > dt.timedelta(0) else "back"
        minutes = abs(step).total_seconds() / 60
        sentence = f"The clock was put {way} by {minutes:.0f} minutes while the daemons ran."
        yield bad("clock_stepped", sentence)
    yield doubtful("clock_unsynchronised", "No time server confirms the clock.")


def _written(subject: Subject) -> Iterator[tuple[str, dt.datetime]]:
    """What this host itself wrote before."""
    folders = [subject.place.state_dir] if subject.place.state_dir else []
    for path, seconds in clocks.last_written(folders):
        yield str(path), from_seconds(seconds)


def _signed(subject: Subject) -> Iterator[tuple[str, dt.datetime]]:
    if subject.place.state_dir is None:
        return
    try:
        path = subject.place.state_dir / "identity" / "tls.pem"
        start = x509.load_pem_x509_certificate(read_plain(path, _MOST)).not_valid_before_utc
        # Its issuer dates it back by this much.
        yield "its certificate", start + CLOCK_SLACK
    except (OSError, ValueError):
        # The check of certificates says so.
        pass
    try:
        roster = read_roster(roster_path(subject.place.state_dir))
        if roster is not None:
            yield "the roster's newest entry", parse(Payload, roster.entries[-1].payload, "roster_malformed").time
    except GuardianError:
        # The check of the roster says so.
        pass


def _addresses(subject: Subject) -> list[str]:
    if subject.place.config is None:
        return []
    try:
        raw = config.read_yaml(subject.place.config)
    except GuardianError:
        return []
    sections = [raw.get("relay"), raw.get("api")]
    found = [section.get("public_url") for section in sections if isinstance(section, dict)]
    # A node also knows of the control plane, by the one origin whose pages may ask.
    relay = raw.get("relay")
    found += [relay.get("ui_origin")] if isinstance(relay, dict) else []
    return [url for url in found if isinstance(url, str)]


def _date_of(url: str) -> dt.datetime | None:
    try:
        # Not verified: a wrong clock makes certificates look wrong, and a date is all that is taken.
        return parsedate_to_datetime(httpx.head(url, timeout=1.5, verify=False).headers["Date"])  # noqa: S501
    except (httpx.HTTPError, httpx.InvalidURL, KeyError, ValueError):
        # Away, or says no date: not a matter of clocks.
        return None


def _said(moment: dt.datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
