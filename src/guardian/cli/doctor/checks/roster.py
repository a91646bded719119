"""Does the roster hold, and does this edge belong to the household?"""

from collections.abc import Iterator

from guardian.cli.doctor.finding import Finding, Subject, bad, doubtful, good
from guardian.cli.household import read_household


def check(subject: Subject) -> Iterator[Finding]:
    """The whole chain, and this edge's place in it."""
    household = read_household(subject.place.state_dir) if subject.place.state_dir is not None else None
    if household is None:
        return
    if household.fault:
        yield bad("roster_broken", household.fault)
    elif not household.entries:
        yield doubtful("roster_absent", "There is no vault yet: nothing is recorded before there is.")
    elif not household.confirmed:
        sentence = "Its owner has not confirmed this edge (or has revoked it): nothing is recorded."
        yield doubtful(
            "roster_unconfirmed", sentence, f"In the browser compare these words and confirm: {household.words}"
        )
    else:
        yield good("roster", f"The roster's {household.entries} entries hold and this edge is confirmed.")
