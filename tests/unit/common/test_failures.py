"""The notes of units' failures: what they say, and that a stranger's words in them are only words."""

from pathlib import Path

import pytest

from guardian.common.failures import note
from guardian.common.failures.main import _sentence, take

UNIT = "guardian-camera@front.service"


def test_a_failure_is_a_sentence_with_the_units_own_last_words(tmp_path: Path) -> None:
    lines = ["first", "rtsp://me:secret@camera/ is away\x1b[2J"]
    found = note.write(tmp_path, UNIT, result="exit-code", status="status 1", lines=lines)
    assert found.sentence == (f"{UNIT} ended with an error (status 1); its last words: rtsp://***@camera/ is away [2J")
    assert note.read(tmp_path / f"{UNIT}.json") == found


def test_failures_are_counted_and_the_newest_stands_first(tmp_path: Path) -> None:
    for unit in (UNIT, "guardian-relay.service", UNIT):
        note.write(tmp_path, unit, result="watchdog", status="", lines=[])
    assert [(item.unit, item.count) for item in note.read_all(tmp_path)] == [(UNIT, 2), ("guardian-relay.service", 1)]


@pytest.mark.parametrize("name", ["ssh.service", "guardian-../x.service", "guardian-a b.service", "guardian-x.mount"])
def test_other_names_are_none_of_ours(name: str) -> None:
    assert not note.is_unit(name)


@pytest.mark.parametrize("text", ["", "[]", '{"unit": "x"}', '{"unit":"a","time":"","words":[1]}', "{" * 20_000])
def test_a_damaged_note_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / f"{UNIT}.json").write_text(text)
    assert note.read_all(tmp_path) == []


def test_what_systemd_says_in_the_environment_is_noted(tmp_path: Path) -> None:
    said = {"MONITOR_SERVICE_RESULT": "signal", "MONITOR_EXIT_CODE": "killed", "MONITOR_EXIT_STATUS": "SEGV"}
    assert take(UNIT, tmp_path, said).sentence == f"{UNIT} was killed (signal SEGV)"
    assert "unknown cause" in take(UNIT, tmp_path, {}).sentence


def test_a_daemons_own_lines_are_shown_as_their_sentence() -> None:
    assert _sentence('{"event": "x", "sentence": "The disk is full."}') == "The disk is full."
    assert _sentence('{"event": "stopped"}') == "stopped"
    assert _sentence("plain words") == "plain words"
