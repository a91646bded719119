"""What role hardening refuses of a host that is reached by ssh, with an ssh that goes nowhere and an id that lies."""

import re
from pathlib import Path

from tests.unit.roles.playing import ROOT, play, said

LOOK = {"ansible.builtin.include_role": {"name": "hardening", "tasks_from": "validate"}}
# connection, who logs in, settings, and what is said of it.
CASES: dict[str, tuple[str, str, dict[str, object], str]] = {
    "a": ("ssh", "root", {"hardening_ssh_root": "no"}, 'logs in to a as root, and hardening_ssh_root is "no"'),
    "b": ("ssh", "root", {"hardening_ssh_root": "prohibit-password"}, ""),
    "c": ("ssh", "operator", {"hardening_ssh_root": "no"}, ""),
    "d": (
        "ssh",
        "operator",
        {"hardening_ssh_groups": ["admins", "staff"]},
        "operator, as whom ansible logs in to d, is in none of hardening_ssh_groups (admins, staff)",
    ),
    "e": ("ssh", "operator", {"hardening_ssh_groups": ["sudo"]}, ""),
    "f": ("local", "root", {"hardening_ssh_root": "no", "hardening_ssh_groups": ["admins"]}, ""),
}


def program(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_who_logs_in_now_is_not_locked_out(tmp_path: Path) -> None:
    hosts = {}
    for name, (connection, user, settings, _) in CASES.items():
        lies = tmp_path / name
        lies.mkdir()
        program(lies / "id", f'case "$1" in -un) echo {user};; *) echo {user} sudo;; esac')
        ssh = program(lies / "ssh", f'for last; do :; done; PATH="{lies}:$PATH" exec sh -c "$last"')
        hosts[name] = {"ansible_connection": connection, "ansible_ssh_executable": str(ssh)} | settings
    done = play(tmp_path, [{"hosts": "all", "tasks": [LOOK]}], {"all": {"hosts": hosts}})
    (reached,) = [part for part in done.stdout.split("TASK [") if part.startswith("hardening : Look for keys")]
    for name, (*_, sentence) in CASES.items():
        assert (f"[{name}]" in reached) is (sentence == ""), done.stdout
        assert sentence in said(done)


def test_a_host_of_machines_routes_although_hardening_routes_nothing() -> None:
    """systemd-sysctl reads the files by their names; the last one wins."""
    files = {
        name: set(re.findall(r"/etc/sysctl[.]d/([0-9a-z-]+[.]conf)", path.read_text(encoding="utf-8")))
        for name in ("hardening", "kvm_host")
        for path in [ROOT / "roles" / name / "tasks" / "configure.yml"]
    }
    assert files["hardening"] and files["kvm_host"]
    assert min(files["kvm_host"]) > max(files["hardening"])
