"""Do the daemons answer, and what do they complain of?"""

from collections.abc import Iterator

from guardian.cli.doctor.finding import Finding, Subject, bad, doubtful, good, unseen
from guardian.cli.places import Place
from guardian.cli.probe import FORBIDDEN, is_closed


def check(subject: Subject) -> Iterator[Finding]:
    """One finding for each that does not answer or is not well; one for all that are."""
    if not subject.reports and is_closed(subject.place.run_dir):
        yield unseen("daemons", f"{subject.place.run_dir} is not for your eyes.")
        return
    if not subject.reports:
        fix = f"systemctl start guardian-{subject.place.tier}.target" if subject.host else ""
        yield doubtful("daemons_absent", f"No daemon runs in {subject.place.run_dir}.", fix)
        return
    well, logs = [], f"Its log says more: {_where(subject.place)}"
    for report in subject.reports:
        if report.status == FORBIDDEN:
            yield unseen("daemons", f"{report.service}: {report.status}")
            continue
        if report.state == "silent":
            yield bad("daemon_silent", f"{report.service}: {report.status}", f"Start it again. {logs}")
            continue
        ailing = [part for part in report.dependencies.values() if part.state in ("degraded", "failed")]
        for part in ailing:
            sentence = f"{report.service}: {part.sentence}"
            if part.state == "failed":
                yield bad("daemon_failing", sentence, logs)
            else:
                yield doubtful("daemon_degraded", sentence, logs)
        if not ailing:
            well.append(report.service)
    if well:
        yield good("daemons", f"{', '.join(well)}: well.")


def _where(place: Place) -> str:
    """A demo keeps its logs beside its configuration; a host's are in the journal."""
    folder = place.config.parent / "logs" if place.config else None
    return str(folder) if folder and folder.is_dir() else "journalctl -u 'guardian-*'"
