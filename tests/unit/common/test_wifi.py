"""A network's configuration: nothing of a name or a passphrase is anything but hexadecimal digits in it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardian.common import wifi
from guardian.common.seed_settings import Wifi

LINE = re.compile(
    rb"update_config=0\nnetwork=\{\n\tssid=([0-9a-f]+)\n\tscan_ssid=1\n\tkey_mgmt=([A-Z0-9 -]+)\n\tpsk=([0-9a-f]{64})\n"
    rb"(?:\tsae_password=([0-9a-f]+)\n)?\tieee80211w=1\n\}\n"
)


# IEEE 802.11-2020, annex J.4.2, and what wpa_passphrase says of the same.
@pytest.mark.parametrize(
    ("ssid", "passphrase", "key"),
    [
        ("IEEE", "password", "f42c6fc52df0ebef9ebb4b90b38a5f902e83fe1b135a70e23aed762e9710a12e"),
        ("ThisIsASSID", "ThisIsAPassword", "0dc0d6eb90555ed6419756b9a15ec3e3209b63df707dd508d14581f8982721af"),
    ],
)
def test_the_key_is_the_standards(ssid: str, passphrase: str, key: str) -> None:
    found = LINE.fullmatch(wifi.configuration(Wifi(ssid=ssid, psk=passphrase)))
    assert found is not None
    assert (bytes.fromhex(found[1].decode()).decode(), found[3].decode()) == (ssid, key)
    assert bytes.fromhex(found[4].decode()) == passphrase.encode()
    assert b"SAE" in found[2]


def test_a_key_is_taken_as_it_is_and_is_for_wpa2_alone() -> None:
    found = LINE.fullmatch(wifi.configuration(Wifi(ssid="net", psk="AB" * 32)))
    assert found is not None
    assert (found[3], found[4]) == (b"ab" * 32, None)
    assert b"SAE" not in found[2]


@given(
    st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]) | st.just(" "), min_size=1, max_size=8),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=8, max_size=63),
)
def test_no_name_and_no_passphrase_is_ever_a_word_of_it(ssid: str, psk: str) -> None:
    assert LINE.fullmatch(wifi.configuration(Wifi(ssid=ssid, psk=psk)))
