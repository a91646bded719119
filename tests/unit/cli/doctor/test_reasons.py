"""What the doctor may say is a closed list: each reason is used, and each that is used is explained."""

import re
from pathlib import Path

import guardian.cli.doctor.checks as checks
from guardian.cli.doctor.reasons import REASONS

_USED = re.compile(r"""(?:bad|doubtful)\)?\(\s*"([a-z_]+)\"""")


def test_every_reason_is_of_a_check_and_every_check_can_say_something():
    assert {item.check for item in REASONS.values()} == set(checks.CHECKS)


def test_the_code_gives_exactly_the_reasons_that_are_explained():
    folder = Path(checks.__file__).parent
    used = {name for path in folder.glob("*.py") for name in _USED.findall(path.read_text())}
    assert used == set(REASONS)


def test_each_says_what_it_means_and_what_to_do():
    for name, reason in REASONS.items():
        assert re.fullmatch(r"[a-z]+(_[a-z]+)+", name)
        assert reason.means.endswith(".")
        assert len(reason.mend) > 10
