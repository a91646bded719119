"""Is this host's clock where its peers' clocks are?"""

import datetime as dt
from collections.abc import Iterator
from email.utils import parsedate_to_datetime

import httpx
from cryptography import x509

from guardian.cli.doctor.finding import Finding, Subject
from guardian.cli.household import read_roster, roster_path
from guardian.common import config
from guardian.common.clock import now
from guardian.common.errors import GuardianError
from guardian.common.tls import CLOCK_SLACK
from guardian.vault.encoding import parse
from guardian.vault.roster_form import Payload

_TOLERANCE = dt.timedelta(minutes=1)
_FIX = "Let it follow a time server: timedatectl set-ntp true"


def check(subject: Subject) -> Iterator[Finding]:
    """Against times that others have signed, and the `Date` of the web servers this host's configuration names."""
    moment, behind = now(), False
    for what, time in _signed(subject):
        if time > moment + _TOLERANCE:
            behind = True
            sentence = f"The clock says {moment:%Y-%m-%d %H:%M} UTC, but {what} is of {time:%Y-%m-%d %H:%M} UTC."
            yield Finding("clock", "bad", sentence, _FIX)
    for url in _addresses(subject):
        shown = _date_of(url)
        if shown is not None and abs(shown - now()) > _TOLERANCE:
            behind = True
            apart = abs(shown - now()).total_seconds() / 60
            yield Finding("clock", "bad", f"The clock is {apart:.0f} minutes away from that of {url}.", _FIX)
    if not behind and subject.place.state_dir is not None:
        yield Finding("clock", "good", "The clock does not contradict what this host's peers say.")


def _signed(subject: Subject) -> Iterator[tuple[str, dt.datetime]]:
    if subject.place.state_dir is None:
        return
    try:
        path = subject.place.state_dir / "identity" / "tls.pem"
        # Its issuer dates it back by this much.
        yield "its certificate", x509.load_pem_x509_certificate(path.read_bytes()).not_valid_before_utc + CLOCK_SLACK
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
    return [url for url in found if isinstance(url, str)]


def _date_of(url: str) -> dt.datetime | None:
    try:
        return parsedate_to_datetime(httpx.head(url, timeout=3).headers["Date"])
    except (httpx.HTTPError, httpx.InvalidURL, KeyError, ValueError):
        # Away, or says no date: not a matter of clocks.
        return None
