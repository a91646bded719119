"""What is said goes to screen and serial line, and somebody at either is understood: on terminals of their own."""

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from guardian.appliance import install, rescue
from guardian.appliance.luks import LuksError
from guardian.appliance.screen import Screen, ScreenError
from guardian.appliance.sticks import Stick
from guardian.common.errors import GuardianError
from guardian.common.seed import Seed
from guardian.common.tokens import Token


class Ended(BaseException):
    """As when the machine restarts."""


class Person:
    """Sits before a terminal."""

    def __init__(self) -> None:
        self._own, other = os.openpty()
        self.path = Path(os.ttyname(other))
        self._other = other

    def types(self, *lines: str) -> None:
        for line in lines:
            os.write(self._own, f"{line}\n".encode())

    def read(self) -> str:
        """All there is to see."""
        os.set_blocking(self._own, False)
        seen = b""
        with contextlib.suppress(BlockingIOError):
            while piece := os.read(self._own, 65_536):
                seen += piece
        return seen.decode().replace("\r", "")

    def leaves(self) -> None:
        os.close(self._own)
        os.close(self._other)


@pytest.fixture
def two() -> Iterator[tuple[Person, Person]]:
    people = Person(), Person()
    yield people
    for person in people:
        person.leaves()


@pytest.fixture
def screen(two: tuple[Person, Person]) -> Iterator[Screen]:
    with Screen([person.path for person in two]) as opened:
        yield opened


def end() -> None:
    raise Ended


def fail() -> None:
    raise GuardianError("The disk is broken.", reason="disk_refused", hint="Put in another one.")


def test_both_are_told_and_either_answers(two: tuple[Person, Person], screen: Screen) -> None:
    screen.say("Hello.")
    for person in two:
        person.types("yes")
        assert screen.ask("Well? ") == "yes"
        assert "Hello." in person.read()


def test_what_comes_from_a_disk_moves_no_cursor(two: tuple[Person, Person], screen: Screen) -> None:
    screen.say("name \x1b[2J\x07\udc80 end")
    assert two[0].read().splitlines() == ["name  [2J   end"]


def test_a_port_that_never_says_a_word_does_not_keep_it_from_listening(two: tuple[Person, Person]) -> None:
    two[0].types("here")
    with Screen([Path("/dev/null"), two[0].path]) as screen:
        assert screen.ask("Well? ") == "here"


def test_nobody_at_all() -> None:
    with Screen([Path("/dev/null")]) as screen, pytest.raises(ScreenError):
        screen.ask("Well? ")


def test_a_word_has_to_be_typed_as_it_is(two: tuple[Person, Person], screen: Screen) -> None:
    two[0].types("erase", "", "ERASE ME", "RESET", "ERASE")
    assert [screen.agrees("ERASE") for _ in range(5)] == [False] * 4 + [True]


def test_the_menu_does_what_is_typed_says_what_failed_and_goes_on(two: tuple[Person, Person], screen: Screen) -> None:
    done: list[str] = []
    choices: list[tuple[str, Callable[[], None]]] = [
        ("Look", lambda: done.append("look")),
        ("Fail", fail),
        ("End", end),
    ]
    two[0].types("1", "2", "0", "4", "-1", "look", "", "1", "3")
    with pytest.raises(Ended):
        rescue.menu(screen, choices)
    assert done == ["look", "look"]
    seen = two[1].read()
    assert "1  Look" in seen
    assert "The disk is broken. Put in another one." in seen
    assert seen.count("That is none of the numbers.") == 5


def test_a_stick_is_chosen_by_its_number(two: tuple[Person, Person], screen: Screen) -> None:
    found = [Stick(f"/dev/sd{name}1", "vfat", name.upper(), "", 10**9) for name in "bc"]
    two[0].types("2", "3")
    assert rescue.choose_stick(screen, found) == found[1]
    with pytest.raises(GuardianError):
        rescue.choose_stick(screen, found)
    assert "2  C  1.0 GB  vfat  a stick" in two[1].read()


def test_without_a_stick_it_says_what_to_do() -> None:
    with pytest.raises(GuardianError) as caught:
        rescue.choose_stick(Screen([]), [])
    assert caught.value.reason == "stick_missing"
    assert "Plug one in" in str(caught.value)


def test_progress_is_a_line_for_each_tenth(two: tuple[Person, Person], screen: Screen) -> None:
    for part in range(101):
        screen.progress("Saving logs", part / 100)
    assert len(two[0].read().splitlines()) == 11


def test_a_question_with_an_end_is_answered_by_nobody(two: tuple[Person, Person], screen: Screen) -> None:
    assert screen.ask("Well? ", seconds=0.01) == ""
    two[1].types("yes")
    assert screen.ask("Well? ", seconds=60) == "yes"


def tpms(folder: Path) -> Path:
    """What the kernel says where there is a TPM 2.0."""
    (folder / "tpm0").mkdir()
    (folder / "tpm0/tpm_version_major").write_text("2\n")
    return folder


TOKEN = str(Token.create("node.test:7444", "0" * 64))


@pytest.mark.parametrize(("typed", "encrypts"), [("y", True), ("YES", True), ("n", False), ("", False), ("yo", False)])
def test_without_a_seed_whoever_stands_there_is_asked(
    two: tuple[Person, Person], screen: Screen, tmp_path: Path, typed: str, encrypts: bool
) -> None:
    two[0].types(typed)
    assert install.is_to_encrypt(None, screen, tpms(tmp_path)) is encrypts
    assert "Encrypt the data partition to this machine's TPM? [y/N]" in two[1].read()


def test_without_a_tpm_nobody_is_asked(two: tuple[Person, Person], screen: Screen, tmp_path: Path) -> None:
    assert install.is_to_encrypt(None, screen, tmp_path) is False
    assert two[0].read() == ""


@pytest.mark.parametrize("encrypt", [True, False])
@pytest.mark.parametrize("unattended", [True, False])
def test_a_seed_answers_that(screen: Screen, tmp_path: Path, encrypt: bool, unattended: bool) -> None:
    seed = Seed(version=2, token=TOKEN, unattended=unattended, encrypt=encrypt)
    assert install.is_to_encrypt(seed, screen, tpms(tmp_path)) is encrypt


def test_a_seed_that_asks_for_a_tpm_where_none_is_stops_it(screen: Screen, tmp_path: Path) -> None:
    with pytest.raises(LuksError, match="No disk was touched"):
        install.is_to_encrypt(Seed(version=2, token=TOKEN, encrypt=True), screen, tmp_path)
    assert install.is_to_encrypt(Seed(version=1, token=TOKEN), screen, tmp_path) is False


def test_the_recovery_key_is_shown_until_somebody_has_it(two: tuple[Person, Person], screen: Screen) -> None:
    two[1].types("")
    install.show(screen, "bcde" * 8)
    assert "bcde-bcde-bcde-bcde-bcde-bcde-bcde-bcde" in two[0].read()
