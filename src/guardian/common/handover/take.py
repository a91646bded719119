"""Root's side: checks an offer, puts its secrets into the store, wipes it, restarts who loads them."""

import os
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509

from guardian.common import credstore, log
from guardian.common.errors import GuardianError
from guardian.common.files import write_atomic
from guardian.common.handover import table
from guardian.common.handover.offer import READY, folder_of

_SYSTEMCTL_SECONDS = 60.0
_MAX_FILES = 16
_log = log.get(__name__)


class HandoverError(GuardianError):
    """An offer that is not of the allowed form."""


@dataclass(frozen=True)
class Offer:
    """What a writer laid down, checked."""

    secrets: dict[str, bytes]
    removals: tuple[str, ...]
    files: tuple[str, ...]


def take(state_dir: Path, writer: str, owner: int, store: Path = credstore.STORE) -> Offer | None:
    """Put the offer into the store and wipe it; None when there is none. A refused one is wiped too.

    Args:
        owner: uid of the writer; its files must be its own (or root's).
    """
    if writer not in table.WRITERS:
        raise HandoverError(f"{writer!r} hands nothing over.", reason="handover_writer")
    folder = folder_of(state_dir, writer)
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise HandoverError(f"{folder} is not a folder.", reason="handover_folder") from error
    try:
        names = sorted(os.listdir(descriptor))
        if READY not in names:
            return None
        try:
            offer = _check(descriptor, writer, owner, names)
        except HandoverError:
            _wipe(descriptor, names)
            raise
        for name, data in offer.secrets.items():
            credstore.put(name, data, store)
            _log.info("secret_stored", secret=name, writer=writer)
        for name in offer.removals:
            credstore.remove(name, store)
            _log.info("secret_removed", secret=name, writer=writer)
        if table.TLS in offer.secrets:
            publish(state_dir, offer.secrets[table.TLS])
        # Only now: an end before this line leaves the offer to be taken again.
        _wipe(descriptor, names)
        return offer
    finally:
        os.close(descriptor)


def publish(state_dir: Path, pem: bytes) -> None:
    """A certificate is no secret: whoever watches its end finds it in `identity/tls.pem`."""
    certificates = x509.load_pem_x509_certificates(pem)
    folder = state_dir / "identity"
    if folder.is_dir() and not folder.is_symlink():
        from guardian.common.tls import cert_pem

        write_atomic(folder / "tls.pem", b"".join(cert_pem(item) for item in certificates), mode=0o644)


def _check(descriptor: int, writer: str, owner: int, names: list[str]) -> Offer:
    secrets: dict[str, bytes] = {}
    removals: list[str] = []
    if len(names) > _MAX_FILES:
        raise HandoverError(f"{writer} laid down too many files.", reason="handover_files")
    if os.fstat(descriptor).st_uid not in (owner, 0):
        raise HandoverError(f"The folder of {writer} is somebody else's.", reason="handover_owner")
    for name in names:
        # Half-written files of a writer that was killed.
        if name == READY or name.startswith("."):
            continue
        removal = name in table.REMOVALS.get(writer, ())
        if name not in table.WRITERS[writer] and not removal:
            raise HandoverError(f"{writer} may not hand over what it laid down.", reason="handover_name")
        data = _read(descriptor, name, owner)
        if removal and not data:
            removals.append(name)
        elif not removal and table.KINDS[name].fits(data) and _is_good(name, data):
            secrets[name] = data
        else:
            raise HandoverError(f"What {writer} laid down as {name} is not of its form.", reason="handover_form")
    return Offer(secrets, tuple(removals), tuple(names))


def _read(folder: int, name: str, owner: int) -> bytes:
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    except OSError as error:
        raise HandoverError(f"{name} cannot be read: {error.strerror}.", reason="handover_form") from error
    with os.fdopen(descriptor, "rb") as file:
        about = os.fstat(file.fileno())
        if not stat.S_ISREG(about.st_mode) or about.st_nlink != 1 or about.st_uid not in (owner, 0):
            raise HandoverError(f"{name} is not a plain file of its writer's.", reason="handover_owner")
        return file.read((16 << 10) + 1)


def _is_good(name: str, data: bytes) -> bool:
    if name != table.TLS:
        return True
    from guardian.common.tls import load_pair

    try:
        load_pair(data)
    except ValueError:
        return False
    return True


def _wipe(folder: int, names: list[str]) -> None:
    """Every file overwritten and gone, `ready` last."""
    for name in [*(item for item in names if item != READY), *([READY] if READY in names else [])]:
        try:
            descriptor = os.open(name, os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
        except OSError:
            # A link, a folder, a pipe: nothing of ours to overwrite.
            _unlink(folder, name)
            continue
        try:
            about = os.fstat(descriptor)
            # A second name of some other file must not cost that file its content.
            if stat.S_ISREG(about.st_mode) and about.st_nlink == 1:
                os.write(descriptor, bytes(min(about.st_size, 64 << 10)))
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        _unlink(folder, name)
    os.fsync(folder)


def _unlink(folder: int, name: str) -> None:
    try:
        os.unlink(name, dir_fd=folder)
    except IsADirectoryError:
        _log.warning("handover_refused", reason="handover_form", sentence="A folder was laid down and left there.")
    except FileNotFoundError:
        return


def restart(offer: Offer) -> None:
    """Restart what runs with an older secret, and start what waited for it."""
    patterns = sorted({unit for name in offer.secrets for unit in table.LOADERS[name]})
    if not patterns:
        return
    running = _active(patterns)
    if running:
        _systemctl("restart", "--no-block", *running)
    targets = _active(list(table.TARGETS))
    if targets:
        _systemctl("start", "--no-block", *targets)


def _active(patterns: list[str]) -> list[str]:
    listed = _systemctl("list-units", "--plain", "--no-legend", "--no-pager", "--state=active,activating", *patterns)
    return [line.split()[0] for line in listed.splitlines() if line.split()]


def _systemctl(*arguments: str) -> str:
    try:
        done = subprocess.run(
            ["systemctl", *arguments], capture_output=True, text=True, timeout=_SYSTEMCTL_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise HandoverError(f"systemctl does not answer: {error}.", reason="handover_units") from error
    if done.returncode != 0:
        said = done.stderr.strip().replace("\n", " ")[:300]
        raise HandoverError(f"systemctl {arguments[0]} failed: {said}", reason="handover_units")
    return done.stdout
