"""A slot that is tried stays when all is as well as before, and goes when it is not; nothing else moves a slot."""

from pathlib import Path

import pytest
from tests.unit.appliance.updates import Machine, machine

from guardian.appliance.judge import judge
from guardian.appliance.slots import Words


@pytest.fixture
def host(tmp_path: Path) -> Machine:
    return machine(tmp_path / "machine")


BEFORE = b'{"daemons": ["x"]}'


def never(_before: bytes, _version: str) -> list[str]:
    raise AssertionError("nothing was to be asked")


def tried(host: Machine, *, reached: str = "") -> None:
    """GRUB started slot B for the first time."""
    host.change(trial="B", left="1", reached=reached)
    host.starts("B")
    host.state.mkdir(exist_ok=True)
    (host.state / "before.json").write_bytes(BEFORE)


def test_an_ordinary_start_asks_nothing_and_notes_what_runs(host: Machine) -> None:
    assert judge(host, "1.0.0", never)
    assert host.words() == Words()
    assert host.version_in("A") == "1.0.0"
    assert host.history() == []


def test_one_that_is_as_well_as_before_stays(host: Machine) -> None:
    tried(host)
    asked: list[tuple[bytes, str]] = []

    def settle(before: bytes, version: str) -> list[str]:
        # By now GRUB would know that it came to userspace.
        assert host.words().reached == "1"
        asked.append((before, version))
        return []

    assert judge(host, "1.1.0", settle)
    assert asked == [(BEFORE, "1.1.0")]
    assert host.words() == Words(good="B", verdict="good")
    assert host.version_in("B") == "1.1.0"
    assert [(past.version, past.outcome) for past in host.history()] == [("1.1.0", "good")]


@pytest.mark.parametrize("missing", [[], ["uplink, node: cannot be reached."]], ids=["well", "not well"])
def test_one_that_root_leaves_while_it_is_judged_is_left(host: Machine, missing: list[str]) -> None:
    tried(host)

    def settle(_before: bytes, _version: str) -> list[str]:
        host.have_tried("1.0.0")
        return missing

    assert judge(host, "1.1.0", settle)
    assert host.words() == Words(good="A", trial="A")


def test_one_that_is_not_goes_and_says_why(host: Machine) -> None:
    tried(host)
    assert not judge(host, "1.1.0", lambda _before, _version: ["uplink, node: cannot be reached."])
    assert host.words() == Words(good="A", verdict="unhealthy")
    [last] = host.history()
    assert (last.version, last.outcome) == ("1.1.0", "unhealthy")
    assert "cannot be reached" in last.sentence
    # The old one starts, and has nothing to add.
    host.starts("A")
    assert judge(host, "1.0.0", never)
    assert len(host.history()) == 1


def test_where_nothing_is_known_of_before_nothing_is_believed(host: Machine) -> None:
    tried(host)
    (host.state / "before.json").unlink()
    assert not judge(host, "1.1.0", never)
    assert host.words() == Words(good="A", verdict="unhealthy")


@pytest.mark.parametrize("verdict", ["never_came_up", "not_judged"])
def test_what_grub_found_is_told_once(host: Machine, verdict: str) -> None:
    host.note_version("B", "1.1.0")
    host.change(verdict=verdict)
    assert judge(host, "1.0.0", never)
    assert [(past.version, past.outcome) for past in host.history()] == [("1.1.0", verdict)]
    assert judge(host, "1.0.0", never)
    assert len(host.history()) == 1


def test_a_start_that_came_up_is_not_counted(host: Machine) -> None:
    host.change(starts="xx")
    assert judge(host, "1.0.0", never)
    assert host.words() == Words()
    assert host.history() == []


def test_a_slot_in_force_that_came_up_no_more_is_left_and_told_of_once(host: Machine) -> None:
    host.note_version("A", "1.1.0")
    host.change(starts="xxxx")
    host.starts("B")
    assert judge(host, "1.0.0", never)
    assert host.words() == Words(good="B")
    [last] = host.history()
    assert (last.version, last.outcome) == ("1.1.0", "never_came_up")
    assert judge(host, "1.0.0", never)
    assert len(host.history()) == 1


def test_damaged_words_are_made_anew_by_a_system_that_came_up(host: Machine) -> None:
    host.starts("B")
    (host.folder / "boot/grub/grubenv").write_bytes(b"#" * 1024)
    assert judge(host, "1.0.0", never)
    assert host.words() == Words(good="B")


@pytest.mark.parametrize("missing", [[], ["uplink, node: cannot be reached."]], ids=["well", "not well"])
def test_words_that_are_damaged_in_a_trial_do_not_end_it(host: Machine, missing: list[str]) -> None:
    tried(host)
    (host.folder / "boot/grub/grubenv").write_bytes(b"#" * 1024)
    assert judge(host, "1.1.0", lambda _before, _version: missing) == (not missing)
    assert host.words() == (Words(good="A", verdict="unhealthy") if missing else Words(good="B", verdict="good"))


def test_a_state_that_cannot_be_kept_does_not_stop_the_verdict(host: Machine) -> None:
    tried(host)
    (host.state / "history.jsonl").mkdir()
    assert judge(host, "1.1.0", lambda _before, _version: [])
    assert host.words().good == "B"


def test_a_history_with_nonsense_in_it_is_read_around(host: Machine) -> None:
    host.record("1.0.1", "good", "one")
    with (host.state / "history.jsonl").open("a") as file:
        file.write('{"version": 1}\nnot JSON\n[]\n')
    host.record("1.0.2", "good", "two")
    assert [past.version for past in host.history()] == ["1.0.1", "1.0.2"]
