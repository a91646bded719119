"""Do the daemons answer, and what do they complain of?"""

from collections.abc import Iterator

from guardian.cli.doctor.finding import Finding, Subject, Verdict

_LOGS = "Its log says more: journalctl -u 'guardian-*'"


def check(subject: Subject) -> Iterator[Finding]:
    """One finding for each that does not answer or is not well; one for all that are."""
    if not subject.reports:
        fix = "Start them, e.g. `make demo`, or name another directory with --run-dir."
        yield Finding("daemons", "doubtful", f"No daemon runs in {subject.place.run_dir}.", fix)
        return
    well = []
    for report in subject.reports:
        if report.state == "silent":
            yield Finding("daemons", "bad", f"{report.service}: {report.status}", f"Start it again. {_LOGS}")
            continue
        ailing = [part for part in report.dependencies.values() if part.state in ("degraded", "failed")]
        for part in ailing:
            verdict: Verdict = "bad" if part.state == "failed" else "doubtful"
            yield Finding("daemons", verdict, f"{report.service}: {part.sentence}", _LOGS)
        if not ailing:
            well.append(report.service)
    if well:
        yield Finding("daemons", "good", f"{', '.join(well)}: well.")
