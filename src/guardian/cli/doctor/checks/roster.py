"""Does the roster hold, and does this edge belong to the household?"""

from collections.abc import Iterator

from guardian.cli.doctor.finding import Finding, Subject
from guardian.cli.household import read_household


def check(subject: Subject) -> Iterator[Finding]:
    """The whole chain, and this edge's place in it."""
    household = read_household(subject.place.state_dir) if subject.place.state_dir is not None else None
    if household is None:
        return
    if household.fault:
        fix = "Nothing is sealed to it. Compare the words with your browser's: this may be another household's."
        yield Finding("roster", "bad", household.fault, fix)
    elif not household.entries:
        fix = "Sign in and set the vault's secret, or run `guardian vault init`."
        yield Finding("roster", "doubtful", "There is no vault yet: nothing is recorded before there is.", fix)
    elif not household.confirmed:
        sentence = "Its owner has not confirmed this edge (or has revoked it): nothing is recorded."
        yield Finding(
            "roster", "doubtful", sentence, f"In the browser compare these words and confirm: {household.words}"
        )
    else:
        yield Finding("roster", "good", f"The roster's {household.entries} entries hold and this edge is confirmed.")
