"""Tells systemd how this daemon is, over the datagram socket named in `NOTIFY_SOCKET` (sd_notify(3))."""

import contextlib
import os
import socket


class Notifier:
    """One socket, kept; silent where systemd does not listen."""

    def __init__(self) -> None:
        address = os.environ.get("NOTIFY_SOCKET", "")
        self._socket: socket.socket | None = None
        if not address.startswith(("/", "@")):
            return
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        # Its queue is full for moments at most; a lost READY would cost the whole start.
        self._socket.settimeout(1)
        # A name that begins with @ is an abstract one.
        target = "\0" + address[1:] if address.startswith("@") else address
        try:
            self._socket.connect(target)
        except OSError:
            self.close()

    def tell(self, message: str) -> None:
        """Assignments, one a line; lost when systemd does not read them for a second."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.send(message.encode())

    def close(self) -> None:
        """Let go of the socket."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
