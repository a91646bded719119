"""The data partition under LUKS2: one key slot for this machine's TPM 2.0, one for a recovery key, and no other.

Keys go to programs by standard input or a file in memory: never by a word of a command, never to a disk in the clear.
"""

import contextlib
import json
import os
import secrets
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from guardian.appliance import layout
from guardian.appliance.mounts import mounted
from guardian.appliance.programs import run
from guardian.common.errors import GuardianError
from guardian.common.files import read_plain, sync_directory, write_atomic

# As the initial RAM disk names it too (roles/appliance/files/initramfs-unlock).
NAME = "guardian-data"
MAPPED = Path("/dev/mapper") / NAME
# What the TPM wants back before it opens: is Secure Boot on, by which keys, and who signed what was started.
PCR = 7
TOKEN = "systemd-tpm2"  # noqa: S105 (a kind's name)
# Inside the encrypted data: the recovery key, until its owner has it.
KEPT_KEY = "recovery-key"
# Letters that are at the same place on nearly every keyboard: four bits each.
LETTERS = "bcdefghijklnrtuv"
_LENGTH = 32
_GROUP = 4
# Of Argon2id, in KiB: a fraction of the smallest Mini PC's, and of what the installer's unit may have.
_MEMORY = 256 << 10
_MAGIC, _SECOND, _SECOND_AT = b"LUKS\xba\xbe\x00\x02", b"SKUL\xba\xbe\x00\x02", 16 << 10
# Both headers and all key slots, as they are made by default.
_HEAD = 16 << 20
_TRIES = 3
TPMS = Path("/sys/class/tpm")
_HINT = "The disk may be broken. It starts nothing; install to another one."


class LuksError(GuardianError):
    """An encrypted data partition that cannot be made or opened."""


@dataclass(frozen=True)
class Binding:
    """What opens it: `pcrs` are those of the TPM's slot, None without one; `slots` how many key slots there are."""

    slots: int
    pcrs: tuple[int, ...] | None


def is_luks(device: Path) -> bool:
    """Whether its own header says so, the first or, where that is broken, the second."""
    with device.open("rb") as file:
        if file.read(len(_MAGIC)) == _MAGIC:
            return True
        file.seek(_SECOND_AT)
        return file.read(len(_SECOND)) == _SECOND


def has_tpm(folder: Path = TPMS) -> bool:
    """Whether this machine has a TPM 2.0."""
    for path in folder.glob("tpm*/tpm_version_major"):
        with contextlib.suppress(OSError):
            if path.read_text("ascii").strip() == "2":
                return True
    return False


def need_tpm(folder: Path = TPMS) -> None:
    """LuksError `tpm_missing` without one."""
    if not has_tpm(folder):
        raise LuksError(
            "The data partition is to be encrypted, and this machine has no TPM 2.0. No disk was touched.",
            reason="tpm_missing",
            hint="Switch the TPM on in the firmware (fTPM, PTT), or have a seed made without encryption.",
        )


def new_key() -> str:
    """A recovery key of 128 random bits, in letters."""
    return "".join(secrets.choice(LETTERS) for _ in range(_LENGTH))


def shown(key: str) -> str:
    """For a person who writes it down: in groups of four."""
    return "-".join(key[start : start + _GROUP] for start in range(0, len(key), _GROUP))


def typed(text: str) -> str:
    """The key in what a person typed, whatever stands between its letters; LuksError `key_malformed`."""
    key = "".join(letter for letter in text.lower() if letter not in " -\t\r\n")
    if len(key) != _LENGTH or set(key) - set(LETTERS):
        raise LuksError(
            "That is no recovery key.",
            reason="key_malformed",
            hint=f"It has {_LENGTH} letters, in groups of {_GROUP}, of {LETTERS} alone.",
        )
    return key


def make_data(device: Path, tpm: str = "auto") -> str:
    """Make the data partition anew, encrypted, with an empty file system that keeps the recovery key; which that is.

    Args:
        tpm: as systemd-cryptenroll is told it.
    """
    key = make(device, tpm)
    _open_by_key(device, key)
    try:
        run(*layout.make_data(str(MAPPED)), hint=_HINT)
        with mounted(str(MAPPED), "ext4", "rw") as data:
            keep_key(data, key)
    finally:
        close()
    return key


def make(device: Path, tpm: str = "auto") -> str:
    """LUKS2 on a device, whatever it held; a new recovery key and the TPM open it. Which key."""
    key = new_key()
    words = ["--type=luks2", "--batch-mode", "--pbkdf=argon2id", f"--pbkdf-memory={_MEMORY}", "--key-file=-"]
    run("cryptsetup", "luksFormat", *words, str(device), text=key, hint=_HINT)
    bind(device, key, tpm)
    return key


def rebind(device: Path, key: str, tpm: str = "auto") -> None:
    """Bind it to the TPM as the machine is started now, and no more as before.

    Whoever asks for it has the recovery key in hand: between the two the TPM opens nothing. Only in this order: what is
    bound by the same PCRs counts as bound for systemd-cryptenroll, though it be to a TPM that is gone.
    """
    words = ["--test-passphrase", "--disable-external-tokens", "--key-file=-"]
    run("cryptsetup", "open", *words, str(device), text=key, reason="key_wrong", hint="Is it the right recovery key?")
    run("systemd-cryptenroll", "--wipe-slot=tpm2", str(device))
    bind(device, key, tpm)


def bind(device: Path, key: str, tpm: str = "auto") -> None:
    """Let the TPM open it as long as the machine is started as now; LuksError `tpm_refused`."""
    file = os.memfd_create("key", os.MFD_CLOEXEC)
    try:
        os.fchmod(file, 0o600)
        os.write(file, key.encode("ascii"))
        words = [f"--unlock-key-file=/proc/self/fd/{file}", f"--tpm2-device={tpm}"]
        done = subprocess.run(
            ["systemd-cryptenroll", *words, f"--tpm2-pcrs={PCR}", str(device)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            pass_fds=[file],
            check=False,
            timeout=300,
        )
    finally:
        os.close(file)
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip()]
        raise LuksError(
            f"The data partition was not bound to the TPM: {said[-1].strip() if said else done.returncode}",
            reason="tpm_refused",
            hint="Is the TPM on in the firmware, and not locked by another system?",
        )


def binding(device: Path) -> Binding:
    """What its header says of key slots."""
    return parse(run("cryptsetup", "luksDump", "--dump-json-metadata", str(device)))


def parse(told: str) -> Binding:
    """From a header's metadata; LuksError `header_odd`. Whoever holds the disk may have written it."""
    try:
        content: Any = json.loads(told)
        tokens = [token for token in content["tokens"].values() if token["type"] == TOKEN]
        pcrs = tuple(int(pcr) for pcr in tokens[0]["tpm2-pcrs"]) if tokens else None
        return Binding(len(content["keyslots"]), pcrs)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise LuksError("The header of the data partition is not understood.", reason="header_odd") from None


@contextlib.contextmanager
def opened(device: Path, ask: Callable[[], str], *, writable: bool) -> Iterator[Path]:
    """What the file system lies on: the device itself, or what it is decrypted to until the block ends.

    Args:
        ask: a recovery key from somebody, '' for none, where the TPM does not open it.

    Raises LuksError `data_locked` where nothing opens it.
    """
    if not is_luks(device):
        yield device
        return
    _unlock(device, ask, [] if writable else ["--readonly"])
    try:
        yield MAPPED
    finally:
        close()


def _unlock(device: Path, ask: Callable[[], str], more: list[str]) -> None:
    with contextlib.suppress(GuardianError):
        open_by_tpm(device, *more)
        return
    for _ in range(_TRIES):
        if not (text := ask()):
            break
        with contextlib.suppress(GuardianError):
            _open_by_key(device, typed(text), *more)
            return
    raise LuksError(
        "The data partition is encrypted: neither the TPM nor a recovery key opened it.",
        reason="data_locked",
        hint="The TPM opens it as long as firmware and Secure Boot are what they were.",
    )


def open_by_tpm(device: Path, *more: str) -> None:
    """Or ProgramError; nobody is asked."""
    run("cryptsetup", "open", "--token-only", f"--token-type={TOKEN}", *more, str(device), NAME)


def _open_by_key(device: Path, key: str, *more: str) -> None:
    words = ["--disable-external-tokens", "--key-file=-", *more]
    run("cryptsetup", "open", *words, str(device), NAME, text=key)


def close() -> None:
    """Nothing of it can be read any more."""
    run("cryptsetup", "close", NAME)


def widen() -> None:
    """What it is decrypted to gets all of the partition, while it is in use; by the TPM."""
    run("cryptsetup", "resize", "--token-only", f"--token-type={TOKEN}", NAME)


def destroy(device: Path) -> None:
    """Both headers and all key slots are gone: nothing opens what lies behind them, whatever key is found later."""
    with device.open("r+b", buffering=0) as file:
        left = _HEAD
        while left > 0:
            written = file.write(bytes(min(left, 1 << 20)))
            if not written:
                raise LuksError(f"{device} takes nothing.", reason="disk_refused", hint="The disk is broken.")
            left -= written
        os.fsync(file.fileno())


def below(device: Path, sysfs: Path = Path("/sys/class/block")) -> Path:
    """The partition that a mapped device is decrypted from; any other device is its own."""
    name = Path(os.path.realpath(device)).name
    under = sorted((sysfs / name / "slaves").glob("*"))
    return Path("/dev") / under[0].name if len(under) == 1 else Path("/dev") / name


def keep_key(data: Path, key: str) -> None:
    """For root, in the root of the encrypted file system."""
    write_atomic(data / KEPT_KEY, f"{key}\n".encode("ascii"), mode=0o600)


def kept_key(data: Path) -> str:
    """The recovery key that nobody said is written down; '' when there is none here."""
    try:
        return typed(read_plain(data / KEPT_KEY, 256).decode("ascii"))
    except (OSError, UnicodeDecodeError, LuksError):
        return ""


def forget_key(data: Path) -> None:
    """Its owner has it. Written over first; the file system itself is encrypted."""
    path = data / KEPT_KEY
    with contextlib.suppress(FileNotFoundError):
        with path.open("r+b", buffering=0) as file:
            file.write(bytes(_LENGTH + 1))
            os.fsync(file.fileno())
        path.unlink()
        sync_directory(data)
