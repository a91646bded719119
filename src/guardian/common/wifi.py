"""A Wi-Fi network as wpa_supplicant's configuration, whole. It is a secret: it can be given as a unit's credential."""

import hashlib
import string

from guardian.common.seed_settings import Wifi

SECRET = "wifi"  # noqa: S105 (a name)
_ROUNDS = 4096


def configuration(wifi: Wifi) -> bytes:
    """The file's text. Name and passphrase are hexadecimal digits, whatever they are: no quote, no line to break out.

    A network of WPA2 is met with the key that IEEE 802.11 (annex J.4) derives from name and passphrase, one of WPA3
    with the passphrase itself; a key of 64 digits is for WPA2 alone.
    """
    name, kinds = wifi.ssid.encode(), "WPA-PSK WPA-PSK-SHA256"
    if is_key(wifi.psk):
        key, more = wifi.psk.lower(), []
    else:
        passphrase = wifi.psk.encode("ascii")
        key = hashlib.pbkdf2_hmac("sha1", passphrase, name, _ROUNDS, 32).hex()
        kinds, more = f"{kinds} SAE", [f"sae_password={passphrase.hex()}"]
    lines = [f"ssid={name.hex()}", "scan_ssid=1", f"key_mgmt={kinds}", f"psk={key}", *more, "ieee80211w=1"]
    inside = "".join(f"\t{line}\n" for line in lines)
    return f"update_config=0\nnetwork={{\n{inside}}}\n".encode("ascii")


def is_key(psk: str) -> bool:
    """64 hexadecimal digits are the key itself; a passphrase has 63 signs at most."""
    return len(psk) == 64 and set(psk) <= set(string.hexdigits)
