"""Are the secrets that units load in the store, and could systemd open them? Their contents are never read."""

import re
import stat
from collections.abc import Iterator
from pathlib import Path

from guardian.cli.doctor.finding import Finding, Subject, bad, good, unseen
from guardian.cli.host.units import CREDENTIALS, Unit
from guardian.common.files import read_plain

_LOAD = re.compile(r"^LoadCredential(?:Encrypted)?=([^:\s]+):(/[^\s]+)\s*$", re.MULTILINE)
_INSTEAD = re.compile(r"^SetCredential(?:Encrypted)?=([^:\s]+):", re.MULTILINE)
_HOST_KEY = Path("/var/lib/systemd/credential.secret")
_MOST = 1 << 20
_TPM = Path("/sys/class/tpm/tpm0")


def check(subject: Subject) -> Iterator[Finding]:
    """One finding a fault; one when all are there."""
    if not subject.units:
        return
    seen: set[Path] = set()
    faults = False
    for unit in subject.units:
        if unit.get("ExecMainStatus") == str(CREDENTIALS):
            faults = True
            names = ", ".join(name for name, _ in loaded_by(unit)) or "its secret"
            yield bad("credential_undecryptable", f"systemd could not give {unit.name} {names}.")
            continue
        needed = loaded_by(unit)
        for name, path in loaded_by(unit, all_of_them=True):
            if (name, path) not in needed and not _exists(path):
                continue
            if path in seen or unit.skipped or not unit.lasting:
                # Who waits for a secret is the check of units' business; enrolment spends its own.
                continue
            seen.add(path)
            try:
                finding = judge(unit, name, path)
            except PermissionError:
                yield unseen("credentials", f"{path.parent} is not for your eyes.")
                return
            if finding is not None:
                faults = True
                yield finding
    if any(map(_exists, seen)) and not _TPM.exists() and not _exists(_HOST_KEY):
        faults = True
        sentence = f"{_HOST_KEY} is gone: nothing in the store of secrets can be opened any more."
        yield bad("credential_undecryptable", sentence, "Restore it from a backup, or enrol this host again.")
    if seen and not faults:
        yield good("credentials", f"All {len(seen)} secrets that units load are in the store.")


def judge(unit: Unit, name: str, path: Path) -> Finding | None:
    """By its name, owner, mode and size."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return bad("credential_missing", f"{unit.name} needs {name}, and there is no {path}.")
    if found.st_uid != 0 or found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        sentence = f"{path} may be read or changed by others than root (mode {stat.S_IMODE(found.st_mode):04o})."
        return bad("credential_exposed", sentence, f"chown root:root {path} && chmod 600 {path}")
    if found.st_size == 0:
        return bad("credential_undecryptable", f"{path} is empty.")
    return None


def loaded_by(unit: Unit, *, all_of_them: bool = False) -> list[tuple[str, Path]]:
    """Names and files of a unit's LoadCredential…= lines: those it needs, or also those that it has a stand-in for."""
    found, instead = [], set()
    instance = unit.name.partition("@")[2].rpartition(".")[0]
    for source in [unit.get("FragmentPath"), *unit.get("DropInPaths").split()]:
        try:
            text = read_plain(Path(source), _MOST, follow=True).decode("utf-8", "replace") if source else ""
        except OSError:
            continue
        text = text.replace("%i", instance)
        found += [(name, Path(path)) for name, path in _LOAD.findall(text)]
        instead |= set(_INSTEAD.findall(text))
    return [(name, path) for name, path in found if all_of_them or name not in instead]


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except PermissionError:
        return True
