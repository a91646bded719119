"""Faults that are planted on a host and taken away again; only for hosts of a lab (tests/host/conftest.py)."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from tests.host.runner import Host

# Where the release in force lies, whatever becomes of the link to it.
_FOR_SECONDS = 60.0


class Doctor:
    """`guardian doctor` on the host."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._command = host.run("readlink", "-f", "/opt/guardian/current").out.strip() + "/bin/guardian"

    def findings(
        self, *only: str, env: dict[str, str] | None = None, before: Sequence[str] = ()
    ) -> list[dict[str, Any]]:
        """What is doubtful or bad; `before` are words of the command line that stand before the doctor's."""
        chosen = [word for name in only for word in ("--only", name)]
        answer = self._host.try_run(*before, self._command, "doctor", "--json", *chosen, env=env)
        assert answer.out, answer.err
        found = json.loads(answer.out)["findings"]
        wrong = [item for item in found if item["verdict"] in ("bad", "doubtful")]
        assert answer.status == (2 if any(item["verdict"] == "bad" for item in wrong) else 1 if wrong else 0)
        return wrong

    def reasons(self, *only: str, env: dict[str, str] | None = None, before: Sequence[str] = ()) -> set[str]:
        """Of those, the reasons."""
        return {item["reason"] for item in self.findings(*only, env=env, before=before)}

    def becomes(self, holds: Callable[[set[str]], bool], *only: str) -> set[str]:
        """The reasons as soon as `holds` is true of them; a daemon may need a while to notice."""
        end = time.monotonic() + _FOR_SECONDS
        while True:
            found = self.reasons(*only)
            if holds(found) or time.monotonic() > end:
                return found
            time.sleep(0.5)


@pytest.fixture(scope="session")
def doctor(host: Host) -> Doctor:
    """The host's own."""
    return Doctor(host)


@pytest.fixture
def quiet(doctor: Doctor) -> Iterator[set[str]]:
    """What the doctor says before; after the test it says no more than that."""
    before = doctor.reasons()
    yield before
    after = doctor.becomes(lambda found: found <= before)
    assert after <= before
