"""A socket that systemd has opened and keeps open while this daemon restarts (sd_listen_fds(3))."""

import os
import socket
import stat
from collections.abc import MutableMapping

from guardian.common.errors import GuardianError

_FIRST = 3


def inherited(environ: MutableMapping[str, str] | None = None) -> socket.socket | None:
    """The one listening socket handed over; None when there is none. What said so is forgotten: children have none."""
    variables = os.environ if environ is None else environ
    count, process = variables.pop("LISTEN_FDS", ""), variables.pop("LISTEN_PID", "")
    variables.pop("LISTEN_FDNAMES", None)
    if process != str(os.getpid()) or not count.isdigit() or count == "0":
        return None
    if count != "1" or not stat.S_ISSOCK(os.fstat(_FIRST).st_mode):
        raise GuardianError(
            "What the service manager handed over is not one socket.",
            reason="activation_sockets",
            hint="The .socket unit has one ListenStream= and no other is named in the service.",
        )
    handed = socket.socket(fileno=_FIRST)
    handed.set_inheritable(False)
    handed.setblocking(False)
    return handed
