"""Does a picture arrive from each camera?"""

from collections.abc import Iterator

from guardian.cli.doctor.finding import Finding, Subject, bad, good
from guardian.cli.doctor.settings import settings_of
from guardian.cli.probe import FORBIDDEN


def check(subject: Subject) -> Iterator[Finding]:
    """Each camera that has a file, by the word of its own daemon."""
    settings = settings_of(subject) if subject.place.tier == "edge" else None
    if settings is None:
        return
    watched = []
    for camera in cameras_of(settings):
        report = subject.report(f"camera@{camera}")
        if report is None:
            if subject.reports:
                restart = f"systemctl start guardian-camera@{camera}" if subject.host else ""
                yield bad("camera_not_watching", f"Nothing watches {camera}: its daemon does not run.", restart)
            continue
        if report.state == "silent":
            # The check of daemons says so, unless one may not ask.
            continue
        part = report.dependencies.get("camera")
        if part is not None and part.state != "ok":
            yield bad("camera_not_watching", f"{camera}: {part.sentence}")
        elif report.status != FORBIDDEN:
            watched.append(camera)
    if watched:
        yield good("cameras", f"Pictures arrive from {', '.join(watched)}.")


def cameras_of(settings: object) -> list[str]:
    """By their files' names: what is in them is not for everybody's eyes."""
    folder = getattr(settings, "cameras_dir", None)
    try:
        return sorted(path.stem for path in folder.glob("*.yaml"))[:256] if folder is not None else []
    except OSError:
        return []
