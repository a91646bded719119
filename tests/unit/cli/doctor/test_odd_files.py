"""What a daemon that was taken over lays where root looks: nobody waits for a pipe or reads a device without end."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from guardian.cli.doctor.checks import clock, identity, peer, roster
from guardian.cli.doctor.finding import Finding, Subject
from guardian.cli.household import read_household
from guardian.cli.metrics import host
from guardian.cli.metrics.config import MetricsConfig
from guardian.cli.places import Place
from guardian.common import secrets
from guardian.common.failures import note

EDGE = b'{"edge": "edge-1", "name": "front", "gateway": "127.0.0.1:1"}'


def pipe(path: Path) -> None:
    os.mkfifo(path)


def endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


def huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 40)


LAID = pytest.mark.parametrize(
    ("lay", "what"), [(pipe, "a pipe lies there"), (endless, "a link lies there"), (huge, "it is larger than")]
)
Lay = Callable[[Path], None]


@pytest.fixture(autouse=True)
def at_once() -> Iterator[None]:
    """Whoever waits for a pipe waits for ever: the test fails instead."""

    def late(*_: object) -> None:
        raise AssertionError("it waited")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(10)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    for name in ("identity", "uplink", "failures"):
        (tmp_path / name).mkdir()
    return tmp_path


def subject(state: Path) -> Subject:
    return Subject(Place(state, state, state / "edge.yaml"))


def named(findings: Iterator[Finding]) -> list[tuple[str, str]]:
    return [(item.reason, item.sentence) for item in findings]


@LAID
def test_an_identity_that_is_none_is_said(lay: Lay, what: str, state: Path) -> None:
    lay(state / "identity/identity.json")
    found = named(identity.check(subject(state)))
    assert [reason for reason, _ in found] == ["identity_unreadable"]
    assert what in found[0][1]
    assert named(peer.check(subject(state))) == []
    assert read_household(state) is None


@LAID
def test_a_roster_that_is_none_is_said(lay: Lay, what: str, state: Path) -> None:
    (state / "identity/identity.json").write_bytes(EDGE)
    lay(state / "uplink/roster.json")
    found = named(roster.check(subject(state)))
    assert [reason for reason, _ in found] == ["roster_broken"]
    assert what in found[0][1]


@LAID
def test_the_clock_goes_by_what_can_be_read(lay: Lay, what: str, state: Path) -> None:
    del what
    lay(state / "identity/tls.pem")
    lay(state / "uplink/roster.json")
    assert [item.verdict for item in clock.check(subject(state))] == ["good"]


@LAID
def test_a_key_that_is_none_is_refused(lay: Lay, what: str, state: Path) -> None:
    lay(state / "identity/sign.key")
    with pytest.raises(secrets.SecretError, match=what) as caught:
        secrets.read("sign.key", state / "identity", {})
    assert caught.value.reason == "secret_unreadable"


@LAID
def test_a_note_that_is_none_is_passed_over(lay: Lay, what: str, state: Path) -> None:
    del what
    note.write(state / "failures", "guardian-uplink.service", result="exit-code", status="", lines=[])
    lay(state / "failures/guardian-analyzer.service.json")
    assert [item.unit for item in note.read_all(state / "failures")] == ["guardian-uplink.service"]


@LAID
def test_a_certificate_that_is_none_counts_as_unreadable(lay: Lay, what: str, state: Path) -> None:
    del what
    lay(state / "identity/tls.pem")
    families = {family.name: family for family in host.look(MetricsConfig(state_dir=state))}
    (sample,) = families["guardian_certificate_unreadable"].samples
    assert (sample.labels, sample.value) == ({"certificate": "identity"}, 1.0)
