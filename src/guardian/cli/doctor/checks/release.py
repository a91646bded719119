"""Is the release in force whole, and is it what runs?"""

import json
from collections.abc import Iterator
from pathlib import Path

from guardian.cli.doctor.finding import Finding, Subject, bad, doubtful, good
from guardian.common.files import read_plain

CURRENT = Path("/opt/guardian/current")
_MOST = 1 << 20


def check(subject: Subject) -> Iterator[Finding]:
    """The link, what it names, and each daemon's own word."""
    if not subject.host:
        return
    version, fault = version_at(CURRENT)
    if fault:
        yield bad("release_broken", fault)
        return
    stale = [item for item in subject.reports if item.version and item.version != version]
    for report in stale:
        sentence = f"{report.service} runs {report.version}, and {version} is in force."
        yield doubtful("release_restart_needed", sentence, f"systemctl restart guardian-{report.service}")
    if not stale:
        yield good("release", f"{version} is in force.")


def version_at(link: Path) -> tuple[str, str]:
    """The version that a link to a release names, and '' ; or '' and what is wrong."""
    if not link.is_symlink():
        return "", f"There is no link {link} to a release."
    try:
        folder = link.resolve(strict=True)
    except (OSError, RuntimeError):
        return "", f"{link} names {link.readlink()}, which is not there."
    try:
        version = json.loads(read_plain(folder / "release.json", _MOST))["version"]
    except (OSError, ValueError, KeyError, TypeError):
        return "", f"{folder} has no release.json that says its version."
    if not (folder / "bin" / "python").exists():
        return "", f"{folder} is not whole: it has no bin/python."
    return str(version), ""
