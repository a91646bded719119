"""Into a machine by SSH, through QEMU's own network, which needs no root and is 10.0.2.0/24 to the machine: a home."""

import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Self

# This machine's loopback, as the other one sees it.
HERE = "10.0.2.2"
_OPTIONS = (
    *("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "BatchMode=yes", "IdentitiesOnly=yes"),
    "ConnectTimeout=60",
)


def key(path: Path) -> str:
    """A new key; its public half in a line."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
    return path.with_suffix(".pub").read_text("ascii").strip()


@dataclass(frozen=True)
class Line:
    """A port of this machine's loopback that is the other one's sshd."""

    port: int

    @classmethod
    def free(cls) -> Self:
        """One that nobody has now."""
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            return cls(found.getsockname()[1])

    @property
    def network(self) -> list[str]:
        """QEMU's words for it."""
        return ["-nic", f"user,model=virtio-net-pci,hostfwd=tcp:127.0.0.1:{self.port}-:22"]

    def run(
        self, known: Path, command: str, seconds: float = 300, given: str = ""
    ) -> "subprocess.CompletedProcess[str]":
        """A command as root, who has this key, with `given` as its standard input; 255 when nobody is let in."""
        options = [word for option in (*_OPTIONS, "LogLevel=ERROR") for word in ("-o", option)]
        words = ["ssh", "-p", str(self.port), "-i", str(known), *options, "root@127.0.0.1", command]
        return subprocess.run(words, input=given, capture_output=True, text=True, timeout=seconds, check=False)
