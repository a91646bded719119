"""`guardian-settings`: at every start, what the seed said of a machine made from an image: locale, time zone, SSH key.

Root's oneshot, without network. It writes to its own folder below /run: what the image has in /etc points there. The
host's own SSH key, made once, lies in the state folder and lasts.
Wi-Fi is not here: the store has it whole, for `guardian-wifi@.service`.
"""

import argparse
import base64
import hashlib
import locale
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from guardian.common import log, seed_state
from guardian.common.errors import GuardianError
from guardian.common.files import private_folder, write_atomic
from guardian.common.seed_state import Settings

RUN = Path("/run/guardian-settings")
ZONES = Path("/usr/share/zoneinfo")
SSH = Path("/var/lib/guardian/ssh")
HOST_KEY = "ssh_host_ed25519_key"
ALWAYS = "C.UTF-8"
_log = log.get(__name__)


def apply(settings: Settings, run: Path = RUN, zones: Path = ZONES, ssh: Path = SSH) -> list[str]:
    """Write what is asked for; the sentences are what could not be had. Rest: as the image has it."""
    private_folder(run, mode=0o755)
    found = [*_locale(settings.locale, run), *_timezone(settings.timezone, run, zones)]
    _ssh(settings.ssh_key, run, ssh)
    _write(run / "faults", "".join(f"{sentence}\n" for sentence in found))
    return found


def _locale(wanted: str, run: Path) -> Iterator[str]:
    name = wanted or ALWAYS
    if not is_locale(name):
        yield f"The locale {name} is not in this image; {ALWAYS} is used."
        name = ALWAYS
    _write(run / "locale", f"LANG={name}\n")


def is_locale(name: str) -> bool:
    """Whether the C library has it."""
    before = locale.setlocale(locale.LC_CTYPE)
    try:
        locale.setlocale(locale.LC_CTYPE, name)
    except locale.Error:
        return False
    finally:
        locale.setlocale(locale.LC_CTYPE, before)
    return True


def _timezone(wanted: str, run: Path, zones: Path) -> Iterator[str]:
    name = wanted or "UTC"
    if not is_zone(zones, name):
        yield f"There is no time zone {name}; UTC is used."
        name = "UTC"
    _link(run / "localtime", zones / name)
    _write(run / "timezone", f"{name}\n")


def is_zone(zones: Path, name: str) -> bool:
    """Whether there is a file of a zone's form for it, in that folder and nowhere else."""
    try:
        path = Path(os.path.realpath(zones / name, strict=True))
        if not path.is_relative_to(os.path.realpath(zones)) or not path.is_file():
            return False
        with path.open("rb") as file:
            return file.read(4) == b"TZif"
    except OSError:
        return False


def _ssh(line: str, run: Path, ssh: Path) -> None:
    """Keys of the host before the file that has sshd started."""
    keys, shown = run / "authorized_keys", run / "ssh"
    if not line:
        keys.unlink(missing_ok=True)
        shown.unlink(missing_ok=True)
        return
    make_host_key(ssh)
    _write(shown, f"{fingerprint(line)}\n")
    # No forwarding, no agent, a terminal: who repairs a machine needs no more.
    _write(keys, f"restrict,pty {line}\n", mode=0o600)


def make_host_key(folder: Path) -> None:
    """The machine's own, once: it stays on the data partition."""
    path = private_folder(folder) / HOST_KEY
    if path.exists():
        return
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    write_atomic(folder / f"{HOST_KEY}.pub", public + b"\n", mode=0o644)
    write_atomic(path, key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))


def fingerprint(line: str) -> str:
    """`SHA256:… ann@desk`, as ssh-keygen shows a public key."""
    _, blob, *comment = line.split(" ")
    digest = base64.b64encode(hashlib.sha256(base64.b64decode(blob)).digest()).decode("ascii").rstrip("=")
    return " ".join([f"SHA256:{digest}", *comment])


def _link(path: Path, target: Path) -> None:
    aside = path.with_name(f".{path.name}.new")
    aside.unlink(missing_ok=True)
    aside.symlink_to(target)
    aside.replace(path)


def _write(path: Path, text: str, *, mode: int = 0o644) -> None:
    write_atomic(path, text.encode("utf-8"), mode=mode)


def main() -> NoReturn:
    """Console script: exits 0 also when something could not be had, which the machine's screen then says."""
    parser = argparse.ArgumentParser(prog="guardian-settings", description="Apply what the seed said of this machine.")
    parser.add_argument(
        "--state", type=Path, default=seed_state.FOLDER, metavar="FOLDER", help="guardian-seed's; default: %(default)s"
    )
    given = parser.parse_args()
    log.setup("settings")
    try:
        sentences = apply(seed_state.read_settings(given.state))
    except (GuardianError, OSError) as error:
        sys.exit(f"guardian-settings: {error}")
    for sentence in sentences:
        _log.warning("setting_missing", sentence=sentence)
        print(sentence)
    sys.exit(0)
