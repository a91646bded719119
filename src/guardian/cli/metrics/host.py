"""What a host's files say: when its certificates end, which release is in force, when jobs last ended well."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

from cryptography import x509
from prometheus_client import Metric

from guardian.cli.metrics.config import MetricsConfig
from guardian.common.files import read_plain

_MAX_BYTES = 1 << 16


def look(settings: MetricsConfig) -> Iterator[Metric]:
    """Families; what is not there is left out, what cannot be read is said."""
    yield from _certificates(settings)
    yield from _release(settings.release)
    yield _tasks(settings)


def _certificates(settings: MetricsConfig) -> Iterator[Metric]:
    ends = Metric("guardian_certificate_end_timestamp_seconds", "When the certificate ends (Unix time)", "gauge")
    unread = Metric("guardian_certificate_unreadable", "1 when a watched certificate cannot be read", "gauge")
    identity = settings.state_dir / "identity" / "tls.pem"
    found = [("identity", identity, False)] if os.path.lexists(identity) else []
    # Those that the configuration names may be links, as certificates of a web server are; a daemon's own is none.
    for name, path, follow in [*found, *((path.stem, path, True) for path in settings.certificates)]:
        moment = _end(path, follow=follow)
        unread.add_sample(unread.name, {"certificate": name}, float(moment is None))
        if moment is not None:
            ends.add_sample(ends.name, {"certificate": name}, moment)
    yield ends
    yield unread


def _end(path: Path, *, follow: bool) -> float | None:
    """The first certificate's end: what follows it in a file are those that signed it."""
    try:
        return x509.load_pem_x509_certificate(
            read_plain(path, _MAX_BYTES, follow=follow)
        ).not_valid_after_utc.timestamp()
    except (OSError, ValueError):
        return None


def _release(path: Path) -> Iterator[Metric]:
    """A daemon whose `guardian_build_info` differs was not restarted after an upgrade."""
    try:
        version = json.loads(read_plain(path, _MAX_BYTES))["version"]
    except (OSError, ValueError, KeyError, TypeError):
        return
    if isinstance(version, str) and version.isprintable() and len(version) <= 64:
        family = Metric("guardian_release_info", "The release in force", "gauge")
        family.add_sample(family.name, {"version": version}, 1.0)
        yield family


def _tasks(settings: MetricsConfig) -> Metric:
    text = "When a job last ended well (Unix time); 0: never"
    family = Metric("guardian_success_timestamp_seconds", text, "gauge")
    for task in settings.tasks:
        try:
            moment = (settings.state_dir / "stamps" / Path(task).name).stat().st_mtime
        except OSError:
            moment = 0.0
        family.add_sample(family.name, {"task": task}, moment)
    return family
