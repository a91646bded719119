"""Ansible's way into a host of the lab: no network, no SSH, root already."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.connection import ConnectionBase

DOCUMENTATION = """
name: lab
short_description: run on a host of the lab
description: Enters the namespaces of a host that `python -m tools.lab up` booted.
options:
  remote_addr:
    description: the host's name in the lab
    default: inventory_hostname
    vars: [{name: inventory_hostname}, {name: ansible_host}]
"""
ROOT = Path(__file__).resolve().parents[4]
CLI = [sys.executable, "-m", "tools.lab"]
sys.path.insert(0, str(ROOT))
from tools.lab import hosts, module_client  # noqa: E402
from tools.lab.places import Refused, is_inside  # noqa: E402


class Connection(ConnectionBase):  # type: ignore[misc]
    """One host."""

    transport = "lab"
    has_pipelining = True

    def _connect(self) -> Connection:
        self._connected = True
        return self

    def _run(self, argv: list[str], data: bytes = b"") -> tuple[int, bytes, bytes]:
        host = self.get_option("remote_addr")
        try:
            # Where Ansible runs among the hosts, as in `make molecule`, no Python need start in between.
            command = hosts.inside(host, argv) if is_inside() else [*CLI, "exec", host, *argv]
        except Refused as refusal:
            raise AnsibleConnectionFailure(str(refusal)) from refusal
        result = subprocess.run(command, input=data, capture_output=True, check=False, cwd=ROOT)
        if result.returncode == 1 and result.stderr.startswith(b"lab: "):
            raise AnsibleConnectionFailure(result.stderr.decode(errors="replace").removeprefix("lab: ").strip())
        return result.returncode, result.stdout, result.stderr

    def exec_command(self, cmd: str, in_data: bytes | None = None, sudoable: bool = True) -> Any:
        """Run it in a shell, as Ansible asks."""
        super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        if in_data and cmd == module_client.COMMAND and is_inside():
            try:
                return module_client.call(self.get_option("remote_addr"), in_data)
            except (Refused, OSError) as fault:
                raise AnsibleConnectionFailure(str(fault)) from fault
        return self._run(["/bin/sh", "-c", cmd], in_data or b"")

    def put_file(self, in_path: str, out_path: str) -> None:
        """Copy to the host."""
        code, _, err = self._run(["/bin/sh", "-c", 'cat > "$0"', out_path], Path(in_path).read_bytes())
        if code:
            raise AnsibleConnectionFailure(err.decode(errors="replace"))

    def fetch_file(self, in_path: str, out_path: str) -> None:
        """Copy from the host."""
        code, out, err = self._run(["cat", in_path])
        if code:
            raise AnsibleConnectionFailure(err.decode(errors="replace"))
        Path(out_path).write_bytes(out)

    def close(self) -> None:
        """Nothing is kept open."""
        self._connected = False
