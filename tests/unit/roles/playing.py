"""A play on this machine, with the repository's roles and without a host under test."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[3]
# Whatever runs the tests is a host that the roles support.
RELEASES = "[ansible_facts.distribution_version, ansible_facts.distribution_major_version]"
SUPPORTED = f"{{{{ {{ansible_facts.distribution: {RELEASES}}} }}}}"


def play(
    folder: Path, plays: list[dict[str, Any]] | Path, inventory: dict[str, Any], **extra: object
) -> subprocess.CompletedProcess[str]:
    """`plays`, written into `folder`, or a playbook's file, from the folder of the operator: `folder`."""
    if isinstance(plays, Path):
        file = plays
    else:
        file = folder / "play.yml"
        file.write_text(yaml.safe_dump(plays, sort_keys=False), encoding="utf-8")
    hosts = folder / "hosts.yml"
    common = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    all_hosts = inventory.get("all", {})
    whole = {"all": {**all_hosts, "vars": common | all_hosts.get("vars", {})}}
    hosts.write_text(yaml.safe_dump(whole), encoding="utf-8")
    told = {"guardian_supported": SUPPORTED} | extra
    command = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", str(hosts), "-e", json.dumps(told)]
    own = {"ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "PWD": str(folder), "ANSIBLE_NOCOLOR": "1"}
    return subprocess.run(
        [*command, str(file)], cwd=folder, env=os.environ | own, capture_output=True, text=True, check=False
    )


def said(done: subprocess.CompletedProcess[str]) -> str:
    """All of it on one line, for sentences are folded."""
    return " ".join((done.stdout + done.stderr).split())
