"""Are the private keys for their owner's eyes alone?"""

import stat
from collections.abc import Iterator

from guardian.cli.doctor.finding import Finding, Subject

_PRIVATE = ("sign.key", "receive.key", "tls.key")


def check(subject: Subject) -> Iterator[Finding]:
    """Modes below `identity/`; whether the host was enrolled at all."""
    place = subject.place
    if place.state_dir is None or place.tier not in ("edge", "node"):
        return
    folder = place.state_dir / "identity"
    if not (folder / "identity.json").is_file():
        sentence = f"This {place.tier} has not been enrolled."
        yield Finding("identity", "doubtful", sentence, f"Get a token and run `guardian {place.tier} enroll`.")
        return
    wrong = False
    for name in _PRIVATE:
        path = folder / name
        try:
            mode = path.stat().st_mode
        except OSError:
            if name == "tls.key" or place.tier == "edge":
                wrong = True
                yield Finding(
                    "identity", "bad", f"{path} is missing.", "Restore identity/ from a backup, or enrol again."
                )
            continue
        if mode & (stat.S_IRWXO | stat.S_IWGRP | stat.S_IXGRP):
            wrong = True
            sentence = f"{path} may be read or changed by others (mode {stat.S_IMODE(mode):04o})."
            yield Finding("identity", "bad", sentence, f"chmod 600 {path}; if strangers use this host, enrol again.")
    if not wrong:
        yield Finding("identity", "good", "The private keys are for their owner's eyes alone.")
