"""Lock the dependencies: one hashed list a tier, the same versions in all; `--check` compares with pyproject.toml."""

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "requirements"
STAMP = FOLDER / "inputs.sha256"
# dev holds all the others: it is solved first and binds them to its versions.
LISTS: dict[str, list[str]] = {
    "dev": ["pyproject.toml", "--extra", "dev", "--group", "build"],
    "demo": ["pyproject.toml", "--extra", "demo"],
    "edge": ["pyproject.toml", "--extra", "edge"],
    "node": ["pyproject.toml", "--extra", "node"],
    "control": ["pyproject.toml", "--extra", "control"],
    # Installed first: what builds the project itself and the one dependency without a wheel.
    "build": ["--group", "build"],
    # Goes with a release: what unpacks it on a host.
    "install": ["--group", "install"],
}
LINE = re.compile(r"#.*|[a-z0-9.-]+==[^\s;]+( ; .+)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?|")


def main() -> int:
    """Exit status 1 when `--check` finds a fault."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="look, change nothing, use no network")
    parser.add_argument(
        "--upgrade", action="store_true", help="take the newest versions instead of keeping those locked"
    )
    arguments = parser.parse_args()
    if arguments.check:
        faults = list(find_faults())
        print("\n".join(faults), end="\n" if faults else "")
        return 1 if faults else 0
    FOLDER.mkdir(exist_ok=True)
    for name in LISTS:
        compile_list(name, upgrade=arguments.upgrade)
        print(f"requirements/{name}.txt")
    STAMP.write_text(fingerprint() + "\n", encoding="utf-8")
    return 0


def fingerprint() -> str:
    """Hash of what pyproject.toml asks for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    asked = {
        "python": project["project"]["requires-python"],
        "dependencies": project["project"]["dependencies"],
        "extras": project["project"]["optional-dependencies"],
        "groups": project["dependency-groups"],
    }
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def find_faults() -> list[str]:
    """Sentences; none when the lists fit and carry nothing but versions and hashes."""
    faults = []
    if not STAMP.exists() or STAMP.read_text(encoding="utf-8").strip() != fingerprint():
        faults.append("requirements/ does not fit pyproject.toml any more: run `make lock` and commit it.")
    for name in LISTS:
        path = FOLDER / f"{name}.txt"
        if not path.exists():
            faults.append(f"requirements/{name}.txt is missing: run `make lock`.")
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if not LINE.fullmatch(line):
                faults.append(f"requirements/{name}.txt:{number}: not a version or a hash: {line.strip()[:60]}")
    return faults


def compile_list(name: str, *, upgrade: bool) -> None:
    """Solve one list for Python 3.11 to 3.13 at once."""
    command = [
        *(sys.executable, "-m", "uv", "pip", "compile", *LISTS[name]),
        *("--universal", "--python-version", "3.11", "--generate-hashes", "--no-annotate", "--quiet"),
        *("--no-emit-index-url", "--no-emit-find-links", "--custom-compile-command", "make lock"),
        *("--output-file", f"requirements/{name}.txt"),
    ]
    if name != "dev":
        command += ["--constraint", "requirements/dev.txt"]
    if upgrade:
        command.append("--upgrade")
    # Whatever this machine adds for pip or uv must not decide what everybody gets.
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PIP_", "UV_"))}
    subprocess.run(command, cwd=ROOT, env=environment, check=True)


if __name__ == "__main__":
    sys.exit(main())
