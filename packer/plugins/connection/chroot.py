"""Ansible's way into a root file system that is being baked: nothing of it runs but what Ansible asks for."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from ansible.plugins.connection import ConnectionBase

DOCUMENTATION = """
name: chroot
short_description: run in a folder that is a root file system
description: The folder has proc, sys, dev, run and tmp of its own already (tools/image/baking.py).
options:
  remote_addr:
    description: the folder
    vars: [{name: ansible_host}]
"""
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LC_ALL": "C.UTF-8",
    "DEBIAN_FRONTEND": "noninteractive",
}


class Connection(ConnectionBase):  # type: ignore[misc]
    """One root file system."""

    transport = "chroot"
    has_pipelining = True

    def _connect(self) -> Connection:
        self._connected = True
        return self

    def _run(self, argv: list[str], data: bytes = b"") -> tuple[int, bytes, bytes]:
        command = ["chroot", str(self.get_option("remote_addr")), *argv]
        result = subprocess.run(command, input=data, capture_output=True, check=False, env=ENVIRONMENT)
        return result.returncode, result.stdout, result.stderr

    def exec_command(self, cmd: str, in_data: bytes | None = None, sudoable: bool = True) -> Any:
        """Run it in a shell, as Ansible asks."""
        super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        return self._run(["/bin/sh", "-c", cmd], in_data or b"")

    def _inside(self, path: str) -> Path:
        return Path(str(self.get_option("remote_addr"))) / path.lstrip("/")

    def put_file(self, in_path: str, out_path: str) -> None:
        """Copy in."""
        self._inside(out_path).write_bytes(Path(in_path).read_bytes())

    def fetch_file(self, in_path: str, out_path: str) -> None:
        """Copy out."""
        Path(out_path).write_bytes(self._inside(in_path).read_bytes())

    def close(self) -> None:
        """Nothing is kept open."""
        self._connected = False
