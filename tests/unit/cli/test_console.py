"""The page on a Mini PC's screen says what a person who stands before it needs, and does next."""

from pathlib import Path

import pytest

from guardian.cli.console import WIDTH, Facts, page, to_do
from guardian.cli.host import addresses, secure_boot, wifi
from guardian.cli.host.wifi import Wifi
from guardian.cli.household import Household
from guardian.cli.probe import Report
from guardian.common import seed_state
from guardian.common.errors import GuardianError
from guardian.common.seed_state import Refusal

ADDRESS = ["192.168.1.20 (enp1s0, 52:54:00:12:34:56)"]
WORDS = "amber birch cedar delta ember flint grove hazel"


def enrolled(**more: object) -> Household:
    return Household("e1", "Front door", **{"words": WORDS, "entries": 2, "confirmed": True, **more})  # type: ignore[arg-type]


def refusal(reason: str) -> Refusal:
    return Refusal(reason, "The seed is not good.", "Do that.")


def camera(name: str, status: str) -> Report:
    return Report(service=f"camera@{name}", tier="edge", state="ok", ready=True, status=status)


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (Facts(), "network cable"),
        (Facts(addresses=ADDRESS), "Have a seed made"),
        (Facts(addresses=ADDRESS, enrolment="node away, tries again"), "tries again by itself"),
        (Facts(addresses=ADDRESS, enrolment="it has failed", ended=True), "Have a new seed made"),
        (Facts(addresses=ADDRESS, household=enrolled(entries=0, words="")), "set your household's secret"),
        (Facts(addresses=ADDRESS, household=enrolled(confirmed=False)), "Compare these words"),
        (Facts(addresses=ADDRESS, household=enrolled(fault="forked")), "does not hold"),
        (Facts(addresses=ADDRESS, household=enrolled()), "Add a camera"),
        (Facts(addresses=ADDRESS, refusal=refusal("seed_expired")), "came too late"),
        (Facts(refusal=refusal("seed_expired")), "came too late"),
        (Facts(addresses=ADDRESS, refusal=refusal("seed_foreign")), "another image"),
        (Facts(addresses=ADDRESS, refusal=refusal("seed_damaged")), "damaged on its way"),
        (Facts(addresses=ADDRESS, refusal=refusal("seed_malformed")), "Do that."),
        # A seed before it is at work, or done with.
        (Facts(addresses=ADDRESS, refusal=refusal("seed_expired"), enrolment="node away"), "tries again by itself"),
        (Facts(addresses=ADDRESS, refusal=refusal("seed_expired"), household=enrolled()), "Add a camera"),
        (Facts(addresses=ADDRESS, household=enrolled(entries=0, words=""), foreign=True), "another household"),
        (Facts(wifi=Wifi("Café 5", "wlan0")), "Bring it nearer to the Wi-Fi Café 5"),
        (Facts(wifi=Wifi("Café 5")), "no Wi-Fi card"),
        (Facts(wifi=Wifi("Café 5", "wlan0", is_in=True)), "network cable"),
        (Facts(addresses=ADDRESS, household=enrolled(), cameras=[camera("front", "15.0 fps")]), "Nothing."),
    ],
)
def test_what_to_do_next(facts: Facts, words: str) -> None:
    assert any(words in line for line in to_do(facts))
    assert words.split(maxsplit=1)[0] in page(facts)


def test_a_machine_that_has_forgotten_whose_it_is_asks_for_no_seed() -> None:
    told = to_do(Facts(addresses=ADDRESS, refusal=refusal("data_closed"), ailing=["The data partition is encrypted"]))
    assert told == ["Do that."]


def test_the_page_of_a_machine_that_works() -> None:
    cameras = [camera("front", "15.0 fps, recording"), camera("garden", "waits for its camera")]
    start = "Secure Boot is on"
    facts = Facts("0.3.0", "A", start, ADDRESS, enrolled(), "", cameras, ["analyzer: The store is full."])
    text = page(facts)
    for words in (
        "release 0.3.0 · slot A",
        ADDRESS[0],
        "enrolled as Front door",
        "front: 15.0 fps, recording",
        WORDS,
        start,
    ):
        assert words in text
    assert "analyzer: The store is full." in text
    assert max(map(len, text.splitlines())) <= WIDTH


def test_what_comes_from_outside_moves_no_cursor_and_fits() -> None:
    hostile = "\x1b[2J\x07" + "word " * 200 + "x" * 500
    text = page(Facts(addresses=ADDRESS, household=enrolled(), cameras=[camera("front", hostile)]))
    assert "\x1b" not in text
    assert "\x07" not in text
    assert max(map(len, text.splitlines())) <= WIDTH


@pytest.mark.parametrize(
    ("state", "lockdown", "said"),
    [
        (b"\6\0\0\0\1", "none [integrity] confidentiality\n", "Secure Boot is on"),
        (b"\6\0\0\0\1", "[none] integrity confidentiality\n", "Secure Boot is on, but the shim was told to ignore it"),
        (b"\6\0\0\0\1", "", "Secure Boot is on, but the shim was told to ignore it"),
        (b"\6\0\0\0\0", "[none] integrity confidentiality\n", "Secure Boot is off in the firmware's settings"),
        (b"", "[none] integrity confidentiality\n", ""),
    ],
)
def test_secure_boot_is_what_firmware_and_kernel_say(tmp_path: Path, state: bytes, lockdown: str, said: str) -> None:
    if state:
        (tmp_path / "efivars").mkdir()
        (tmp_path / "efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c").write_bytes(state)
    if lockdown:
        (tmp_path / "lockdown").write_text(lockdown, "ascii")
    assert secure_boot.read(tmp_path, tmp_path / "lockdown") == said


def test_addresses_that_lead_outside() -> None:
    told = [
        {"ifname": "lo", "addr_info": [{"family": "inet", "scope": "global", "local": "127.0.0.1"}]},
        {"ifname": "guardian0", "addr_info": [{"family": "inet", "scope": "global", "local": "10.86.0.2"}]},
        {
            "ifname": "enp1s0",
            "address": "52:54:00:12:34:56",
            "addr_info": [
                {"family": "inet6", "scope": "link", "local": "fe80::1"},
                {"family": "inet6", "scope": "global", "local": "2001:db8::5"},
                {"family": "inet", "scope": "global", "local": "192.168.1.20"},
            ],
        },
    ]
    assert addresses.parse(told) == [ADDRESS[0], "2001:db8::5 (enp1s0, 52:54:00:12:34:56)"]


def test_it_says_which_wifi_lets_it_in_whose_key_may_enter_and_what_became_of_the_seed() -> None:
    facts = Facts(refusal=refusal("seed_expired"), wifi=Wifi("Café 5", "wlan0"), ssh="SHA256:abc ann@desk")
    text = page(facts)
    for words in ("Café 5: not let in (wlan0)", "open to SHA256:abc ann@desk", "not enrolled: The seed is not good."):
        assert words in text
    assert "SSH" not in page(Facts())
    assert "Wi-Fi" not in page(Facts())
    assert "Café 5: connected (wlan0)" in page(Facts(wifi=Wifi("Café 5", "wlan0", is_in=True)))


def test_cards_are_found_among_interfaces(tmp_path: Path) -> None:
    for name, state in (("eth0", "up"), ("wlan0", "down"), ("wlan1", "up")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "operstate").write_text(f"{state}\n")
    assert wifi.read("net", tmp_path) == Wifi("net")
    (tmp_path / "wlan0" / "phy80211").mkdir()
    assert wifi.read("net", tmp_path) == Wifi("net", "wlan0")
    (tmp_path / "wlan1" / "phy80211").mkdir()
    assert wifi.read("net", tmp_path) == Wifi("net", "wlan1", is_in=True)


def test_why_a_seed_was_refused_lasts_until_one_is_taken(tmp_path: Path) -> None:
    assert seed_state.read_refusal(tmp_path) is None
    seed_state.note_refusal(GuardianError("Not good.", reason="seed_expired", hint="Do that."), tmp_path)
    assert seed_state.read_refusal(tmp_path) == Refusal("seed_expired", "Not good.", "Do that.")
    seed_state.note_refusal(None, tmp_path)
    assert seed_state.read_refusal(tmp_path) is None


def test_a_recovery_key_that_nobody_wrote_down_is_on_it_and_the_key_is_not() -> None:
    assert "guardian disk recovery-key" not in page(Facts(addresses=ADDRESS))
    assert "guardian disk recovery-key" in page(Facts(addresses=ADDRESS, unwritten=True))
