"""Has Wi-Fi let this machine in? Asked of the kernel's own files."""

from dataclasses import dataclass
from pathlib import Path

NET = Path("/sys/class/net")


@dataclass(frozen=True)
class Wifi:
    """`ssid` is what the seed named, "" for none; `card` the interface, "" where there is none."""

    ssid: str = ""
    card: str = ""
    is_in: bool = False

    @property
    def waits(self) -> bool:
        """It is wanted and not there."""
        return bool(self.ssid) and not self.is_in

    @property
    def sentence(self) -> str:
        """For a person who stands before it."""
        if not self.ssid:
            return ""
        if not self.card:
            return f"{self.ssid}: this machine has no Wi-Fi card that the system knows"
        return f"{self.ssid}: {'connected' if self.is_in else 'not let in'} ({self.card})"


def read(ssid: str, net: Path = NET) -> Wifi:
    """The first card that is let in, else the first."""
    cards = sorted(path.parent.name for path in net.glob("*/phy80211"))
    joined = [card for card in cards if _read(net / card / "operstate") == "up"]
    return Wifi(ssid, next(iter([*joined, *cards]), ""), bool(joined))


def _read(path: Path) -> str:
    try:
        return path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
