"""How long are the certificates good for: the host's own, its CAs, those it serves?"""

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509

from guardian.cli.doctor.finding import Finding, Subject, bad, doubtful, good, unseen
from guardian.common.clock import now
from guardian.common.files import OddFileError, read_plain

_SOON = dt.timedelta(days=7)
_NGINX = Path("/etc/nginx")
_SSL = re.compile(r"^\s*ssl_certificate\s+([^;\s]+)\s*;", re.MULTILINE)
_MOST = 1 << 20


@dataclass(frozen=True)
class Watched:
    """A file, what to do when it has ended, and whether root alone says what it is, so that it may be a link."""

    path: Path
    again: str
    roots: bool = False


def check(subject: Subject) -> Iterator[Finding]:
    """Every certificate file of the tier; one finding for all that are good."""
    seen, shortest = 0, dt.timedelta.max
    for watched in _files(subject):
        path, again = watched.path, watched.again
        try:
            certificates = x509.load_pem_x509_certificates(read_plain(path, _MOST, follow=watched.roots))
        except FileNotFoundError:
            continue
        except PermissionError:
            yield unseen("certificate", f"{path} is not for your eyes.")
            continue
        except OddFileError as error:
            yield bad("certificate_unreadable", f"{path} is no certificate: {error.strerror}.", again)
            continue
        except (OSError, ValueError):
            yield bad("certificate_unreadable", f"{path} is no certificate, or cannot be read.", again)
            continue
        for certificate in certificates:
            left = certificate.not_valid_after_utc - now()
            finding = judge(certificate, str(path), again)
            if finding is None:
                seen, shortest = seen + 1, min(shortest, left)
            else:
                yield finding
    if seen:
        which = "The certificate is" if seen == 1 else f"{seen} certificates are"
        yield good("certificate", f"{which} good for {shortest.days} days{'' if seen == 1 else ' or more'}.")


def judge(certificate: x509.Certificate, what: str, again: str = "") -> Finding | None:
    """None when it is good. What lives for days only may be renewed later than what lives for years."""
    start, end, moment = certificate.not_valid_before_utc, certificate.not_valid_after_utc, now()
    if end <= moment:
        return bad("certificate_expired", f"{what} ended on {_said(end)}: the other side refuses it.", again)
    if start > moment:
        return bad("certificate_not_yet_valid", f"{what} begins on {_said(start)}, and it is {_said(moment)} here.")
    if end - moment < min(_SOON, (end - start) / 6):
        return doubtful("certificate_expiring", f"{what} ends on {_said(end)}.")
    return None


def _files(subject: Subject) -> Iterator[Watched]:
    place = subject.place
    if place.state_dir is None:
        return
    enrol = f"Run `guardian {place.tier or 'edge'} enroll` with a new token." if not subject.host else ""
    yield Watched(place.state_dir / "identity" / "tls.pem", enrol)
    yield Watched(place.state_dir / "identity" / "ca.pem", enrol)
    served = {"node": ("gateway",), "control": ("agents", "api")}.get(place.tier, ())
    for name in served:
        for path in _listed(place.state_dir / name, "*.pem"):
            yield Watched(path, f"systemctl restart guardian-{name}")
    if subject.host:
        for path in sorted(nginx_certificates(_NGINX)):
            yield Watched(path, "Put the renewed certificate there, then: systemctl reload nginx", roots=True)


def nginx_certificates(folder: Path) -> set[Path]:
    """What nginx's sites name as `ssl_certificate`."""
    found = set()
    for pattern in ("nginx.conf", "conf.d/*.conf", "sites-enabled/*"):
        for path in _listed(folder, pattern):
            try:
                text = read_plain(path, _MOST, follow=True).decode("utf-8", "replace")
            except OSError:
                continue
            found |= {Path(name) for name in _SSL.findall(text) if name.startswith("/") and "$" not in name}
    return found


def _listed(folder: Path, pattern: str) -> list[Path]:
    try:
        return sorted(folder.glob(pattern))
    except OSError:
        return []


def _said(moment: dt.datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
