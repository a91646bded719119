"""Run a host's own tool for an answer: fixed arguments, a deadline, a bound on what is read."""

import shutil
import subprocess
from dataclasses import dataclass

SECONDS = 2.0
_MOST = 4 << 20
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# An environment of their own: their words are parsed, so they must not be a translation's, nor go through a pager.
_PLAIN = {"PATH": _PATH, "LC_ALL": "C.UTF-8", "SYSTEMD_PAGER": "", "SYSTEMD_COLORS": "0", "TZ": "UTC"}


@dataclass(frozen=True)
class Answer:
    """`text` is standard output; `status` -1 when the tool is missing or was too slow."""

    status: int
    text: str = ""
    complaint: str = ""

    @property
    def good(self) -> bool:
        """It ran to its end and says so."""
        return self.status == 0


def ask(*command: str, seconds: float = SECONDS) -> Answer:
    """Run `command`, which changes nothing; never raises for what the tool does."""
    path = shutil.which(command[0], path=_PATH)
    if path is None:
        return Answer(-1, complaint=f"{command[0]} is not installed")
    try:
        done = subprocess.run(
            [path, *command[1:]],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=seconds,
            check=False,
            env=_PLAIN,
        )
    except subprocess.TimeoutExpired:
        return Answer(-1, complaint=f"{command[0]} did not answer within {seconds:.0f} s")
    except OSError as error:
        return Answer(-1, complaint=f"{command[0]} cannot be run: {error.strerror}")
    return Answer(
        done.returncode,
        done.stdout[:_MOST].decode("utf-8", "replace"),
        done.stderr[:4096].decode("utf-8", "replace").strip(),
    )
