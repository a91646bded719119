"""Do the daemons answer, and what do they complain of?"""

from collections.abc import Iterator

from guardian.cli.doctor.finding import Finding, Subject, Verdict
from guardian.cli.places import Place


def check(subject: Subject) -> Iterator[Finding]:
    """One finding for each that does not answer or is not well; one for all that are."""
    if not subject.reports:
        fix = "Start them, e.g. `make demo`, or name another directory with --run-dir."
        yield Finding("daemons", "doubtful", f"No daemon runs in {subject.place.run_dir}.", fix)
        return
    well, logs = [], f"Its log says more: {_where(subject.place)}"
    for report in subject.reports:
        if report.state == "silent":
            yield Finding("daemons", "bad", f"{report.service}: {report.status}", f"Start it again. {logs}")
            continue
        ailing = [part for part in report.dependencies.values() if part.state in ("degraded", "failed")]
        for part in ailing:
            verdict: Verdict = "bad" if part.state == "failed" else "doubtful"
            yield Finding("daemons", verdict, f"{report.service}: {part.sentence}", logs)
        if not ailing:
            well.append(report.service)
    if well:
        yield Finding("daemons", "good", f"{', '.join(well)}: well.")


def _where(place: Place) -> str:
    """A demo keeps its logs beside its configuration; a host's are in the journal."""
    folder = place.config.parent / "logs" if place.config else None
    return str(folder) if folder and folder.is_dir() else "journalctl -u 'guardian-*'"
