"""Was this host enrolled, and are its private keys for their owner's eyes alone?"""

import stat
from collections.abc import Iterator

from guardian.cli.doctor.finding import Finding, Subject, bad, doubtful, good, unseen
from guardian.common.files import OddFileError, read_plain

_MOST = 64 << 10
_PRIVATE = ("sign.key", "receive.key", "tls.key")


def check(subject: Subject) -> Iterator[Finding]:
    """Whether there is an identity; modes of the keys beside it, where a host has no store of credentials for them."""
    place = subject.place
    if place.state_dir is None or place.tier not in ("edge", "node"):
        return
    folder = place.state_dir / "identity"
    try:
        read_plain(folder / "identity.json", _MOST)
        enrolled = True
    except PermissionError:
        yield unseen("identity", f"{folder} is not for your eyes.")
        return
    except OddFileError as error:
        yield bad("identity_unreadable", f"{folder / 'identity.json'} cannot be read: {error.strerror}.")
        return
    except OSError:
        enrolled = False
    if not enrolled:
        yield doubtful("identity_absent", f"This {place.tier} has not been enrolled.")
        return
    wrong = False
    for name in _PRIVATE:
        path = folder / name
        try:
            mode = path.stat().st_mode
        except OSError:
            # A host's keys are in its store of credentials, which has a check of its own.
            if not subject.host and (name == "tls.key" or place.tier == "edge"):
                wrong = True
                yield bad("identity_key_missing", f"{path} is missing.")
            continue
        if mode & (stat.S_IRWXO | stat.S_IWGRP | stat.S_IXGRP):
            wrong = True
            sentence = f"{path} may be read or changed by others (mode {stat.S_IMODE(mode):04o})."
            yield bad("identity_key_exposed", sentence, f"chmod 600 {path}; if strangers use this host, enrol again.")
    if not wrong:
        said = "This host is enrolled" if subject.host else "The private keys are for their owner's eyes alone"
        yield good("identity", f"{said}.")
