"""Whether this machine starts nothing but what is signed, as its firmware and its kernel say."""

from pathlib import Path

FIRMWARE = Path("/sys/firmware/efi")
LOCKDOWN = Path("/sys/kernel/security/lockdown")
# Four bytes of attributes, then 1 or 0.
_VARIABLE = "efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"


def read(firmware: Path = FIRMWARE, lockdown: Path = LOCKDOWN) -> str:
    """A sentence; '' on a machine that knows of none: BIOS, or UEFI that does not say."""
    try:
        state = (firmware / _VARIABLE).read_bytes()[4:5]
    except OSError:
        return ""
    if state != b"\1":
        return "Secure Boot is off in the firmware's settings"
    # A kernel that its shim was told to trust is not locked down, whatever the firmware says.
    return "Secure Boot is on" if _is_locked_down(lockdown) else "Secure Boot is on, but the shim was told to ignore it"


def _is_locked_down(lockdown: Path) -> bool:
    """`none [integrity] confidentiality`: in brackets is what holds."""
    try:
        return "[none]" not in lockdown.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        return False
