"""What is well before an update is kept; a status that cannot be had is a sentence, whatever kept it."""

from pathlib import Path

import pytest
from tests.unit.appliance.updates import machine

from guardian.appliance import apply
from guardian.appliance.host import ApplyError

SAID = '{"daemons": [{"service": "uplink"}]}'


def status(folder: Path, script: str) -> str:
    """A program in the place of `guardian`."""
    path = folder / "guardian"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def test_what_is_well_is_kept_for_root_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apply, "GUARDIAN", status(tmp_path, f"echo '{SAID}'; exit 2"))
    host = machine(tmp_path / "machine")
    apply.remember(host)
    assert apply.remembered(host).decode() == f"{SAID}\n"
    assert (host.state / "before.json").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("script", ["exec sleep 60", "echo nothing", "exit 1", "echo '[]'"])
def test_a_status_that_cannot_be_had_stops_the_update_with_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    monkeypatch.setattr(apply, "GUARDIAN", status(tmp_path, script))
    monkeypatch.setattr(apply, "_SECONDS", 1)
    host = machine(tmp_path / "machine")
    with pytest.raises(ApplyError) as caught:
        apply.remember(host)
    assert caught.value.reason == "status_unknown"
    assert apply.remembered(host) == b""
