"""`guardian disk` says whether a machine's data is encrypted, and what opens it."""

import pytest

from guardian.cli.disk import Told, lines


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (Told(False, False, True, None, 0, False), ["nothing is kept", "TPM 2.0         yes"]),
        (Told(True, False, False, None, 0, False), ["not encrypted", "TPM 2.0         no"]),
        (Told(True, True, True, (7,), 2, False), ["encrypted (LUKS2)", "PCR 7; 2 key slots", "not written down yet"]),
        (Told(True, True, False, None, 1, True), ["the recovery key alone", "Recovery key    written down"]),
    ],
)
def test_each_state_has_its_words(told: Told, words: list[str]) -> None:
    said = "\n".join(lines(told))
    assert all(word in said for word in words), said
