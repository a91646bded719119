"""A role's templates as ansible itself writes them, on this machine."""

import json
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[3]


def render(
    folder: Path,
    role: str,
    templates: list[str],
    cases: dict[str, dict[str, object]],
    first: tuple[dict[str, object], ...] = (),
) -> dict[str, Path]:
    """One folder a case, with each template in it; a case's variables are stronger than the role's defaults.

    Args:
        first: tasks that find out what the templates are made of.

    All cases are written by one run, for ansible takes seconds to start.
    """
    place = ROOT / "roles" / role
    shared = yaml.safe_load((ROOT / "roles" / "guardian" / "vars" / "main.yml").read_text(encoding="utf-8"))
    defaults = yaml.safe_load((place / "defaults" / "main.yml").read_text(encoding="utf-8"))
    (folder / "templates").symlink_to(place / "templates")
    for case in cases:
        (folder / case).mkdir()
    tasks = [
        *first,
        *(
            {
                "ansible.builtin.template": {
                    "src": f"{name}.j2",
                    "dest": f"{folder}/{{{{ inventory_hostname }}}}/{name}",
                    "mode": "0600",
                }
            }
            for name in templates
        ),
    ]
    play = {
        "hosts": "all",
        "connection": "local",
        "gather_facts": False,
        "vars_files": [str(place / "vars" / "main.yml")],
        "tasks": tasks,
    }
    common = {"ansible_python_interpreter": sys.executable, "guardian_baking": False, **shared, **defaults}
    inventory = {"all": {"vars": common, "hosts": cases}}
    (folder / "play.yml").write_text(yaml.safe_dump([play]), encoding="utf-8")
    (folder / "hosts.yml").write_text(json.dumps(inventory), encoding="utf-8")
    command = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", "hosts.yml", "play.yml"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return {case: folder / case for case in cases}
