"""The back end for kernels without WireGuard: wireguard-go, a process of its own, asked over its Unix socket."""

import socket
from pathlib import Path

from guardian.common.wireguard import uapi
from guardian.common.wireguard.device import Look, Peer, WireGuardError

# Where wireguard-go opens its sockets; the path is built into it.
FOLDER = Path("/run/wireguard")
_SECONDS = 5.0


class UserspaceDevice:
    """One interface of wireguard-go."""

    def __init__(self, name: str, folder: Path = FOLDER) -> None:
        self._path = folder / f"{name}.sock"

    def set_key(self, private: bytes, port: int) -> None:
        self._ask(uapi.set_key(private, port))

    def put(self, peer: Peer) -> None:
        self._ask(uapi.put(peer))

    def remove(self, public: bytes) -> None:
        self._ask(uapi.remove(public))

    def look(self) -> Look:
        return self._ask(uapi.GET)

    def _ask(self, text: str) -> Look:
        answer = bytearray()
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
                line.settimeout(_SECONDS)
                line.connect(str(self._path))
                line.sendall(text.encode("ascii"))
                # It keeps the connection open for more: an empty line ends the answer.
                while not answer.endswith(b"\n\n"):
                    piece = line.recv(1 << 16)
                    if not piece or len(answer) > uapi.MAX_ANSWER:
                        break
                    answer += piece
        except OSError as error:
            raise WireGuardError(
                f"wireguard-go does not answer at {self._path} ({error.strerror or error}).",
                reason="wireguard_away",
                hint="Look at its unit; it is asked again.",
            ) from error
        return uapi.parse(bytes(answer))
