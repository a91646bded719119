"""`make check`: lint, format, types, imports, contracts, UI, docs, locks. All run, then the faults are shown."""

import argparse
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
PYTHON_PATHS = ["src", "tests", "tools", "roles"]
PLAYBOOKS = sorted(str(path.relative_to(ROOT)) for path in [*ROOT.glob("site.yml"), *ROOT.glob("playbooks/*.yml")])
ANSIBLE = [name for name in ["roles", "inventories", "molecule"] if (ROOT / name).is_dir()] + PLAYBOOKS


@dataclass(frozen=True)
class Check:
    """One command; `name` is what `--only` takes."""

    name: str
    command: list[str]


CHECKS = [
    Check("ruff", [str(BIN / "ruff"), "check", "--quiet", *PYTHON_PATHS]),
    Check("format", [str(BIN / "ruff"), "format", "--check", "--quiet", *PYTHON_PATHS]),
    Check("types", [str(BIN / "mypy"), "--no-error-summary"]),
    Check("imports", [str(BIN / "lint-imports"), "--no-logo"]),
    Check("proto-lint", [str(BIN / "buf"), "lint", "proto"]),
    Check("proto-breaking", [str(BIN / "buf"), "breaking", "proto", "--against", "proto/baseline.binpb"]),
    Check("ui-types", ["npm", "--prefix", "frontend", "run", "--silent", "typecheck"]),
    Check("ui-lint", ["npm", "--prefix", "frontend", "run", "--silent", "lint"]),
    Check("docs", [sys.executable, "tools/docs.py", "--check"]),
    Check("roles", [sys.executable, "tools/roles.py", "--check"]),
    Check("inventories", [sys.executable, "tools/inventories.py"]),
    # It has playbooks' syntax checked with the checkout's inventory, which is the operator's and may not be there.
    Check(
        "ansible-lint",
        ["env", "ANSIBLE_INVENTORY_UNPARSED_FAILED=false", str(BIN / "ansible-lint"), "-q", "--nocolor", *ANSIBLE],
    ),
    *(
        [Check("playbooks", [str(BIN / "ansible-playbook"), "--syntax-check", "-i", "inventories/example", *PLAYBOOKS])]
        if PLAYBOOKS
        else []
    ),
    Check("packer", [sys.executable, "-m", "tools.image.template"]),
    Check("locks", [sys.executable, "tools/lock.py", "--check"]),
    Check("committed", [sys.executable, "tools/committed.py"]),
    Check("shell", ["bash", "-n", "tools/setup.sh", ".ci/run"]),
]


def main() -> int:
    """Exit status 1 when any check fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=[item.name for item in CHECKS], default=[])
    only = parser.parse_args().only
    failed: list[tuple[Check, str]] = []
    for check in CHECKS:
        if only and check.name not in only:
            continue
        began = time.monotonic()
        result = subprocess.run(
            check.command,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        good = result.returncode == 0
        print(f"  {'ok    ' if good else 'FAILED'} {check.name} ({time.monotonic() - began:.0f} s)", flush=True)
        if not good:
            failed.append((check, result.stdout))
    for check, output in failed:
        print(f"\n== {check.name}: {' '.join(check.command)}\n{output.strip()}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
