"""How long are the certificates good for?"""

import datetime as dt
from collections.abc import Iterator

from cryptography import x509

from guardian.cli.doctor.finding import Finding, Subject
from guardian.common.clock import now

_SOON = dt.timedelta(days=7)


def check(subject: Subject) -> Iterator[Finding]:
    """The host's own TLS certificate."""
    if subject.place.state_dir is None:
        return
    path = subject.place.state_dir / "identity" / "tls.pem"
    if not path.exists():
        return
    again = f"Run `guardian {subject.place.tier or 'edge'} enroll` with a new token."
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError):
        yield Finding("certificate", "bad", f"{path} is no certificate, or cannot be read.", again)
        return
    left = certificate.not_valid_after_utc - now()
    until = f"{certificate.not_valid_after_utc:%Y-%m-%d %H:%M} UTC"
    if left <= dt.timedelta(0):
        yield Finding("certificate", "bad", f"The certificate ended on {until}: the other side refuses it.", again)
    elif left < _SOON:
        yield Finding("certificate", "doubtful", f"The certificate ends on {until}.", again)
    else:
        yield Finding("certificate", "good", f"The certificate is good for {left.days} days.")
