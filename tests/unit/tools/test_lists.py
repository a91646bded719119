"""What a tier's list installs is enough to run that tier: development tools must not be what makes it work."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]

# Run apart: what is installed but not on the list cannot be imported; then all of the tier's modules are.
PROGRAM = """
import importlib, importlib.metadata, pkgutil, re, sys
requirements, *packages = sys.argv[1:]

def plain(name):
    return re.sub("[-_.]+", "-", name).lower()

listed = {plain(line.split("==")[0]) for line in open(requirements) if re.match("[a-z]", line)} | {"guardian"}
homes = importlib.metadata.packages_distributions()
foreign = {module for module, names in homes.items() if not {plain(name) for name in names} & listed}

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in foreign:
            raise ModuleNotFoundError(f"{name} is not on the list", name=name)

sys.meta_path.insert(0, Absent())
# Only who keeps a tunnel has what speaks netlink.
left_out = "guardian.common.wireguard." if "guardian.control" in packages else "none"
for package in packages:
    for module in pkgutil.walk_packages(getattr(importlib.import_module(package), "__path__", []), package + "."):
        if ".migrations." not in module.name and not module.name.startswith(left_out):  # Alembic runs those
            importlib.import_module(module.name)
if "guardian.control" in packages:
    from sqlalchemy.ext.asyncio import create_async_engine
    create_async_engine("postgresql+psycopg://")
"""

SHARED = ["guardian.common", "guardian.vault", "guardian.contracts"]


@pytest.mark.parametrize(
    ("name", "packages"),
    [
        ("edge", [*SHARED, "guardian.edge"]),
        ("node", [*SHARED, "guardian.node"]),
        ("control", [*SHARED, "guardian.control"]),
        ("demo", ["guardian", "tools.camera.footage", "tools.camera.prepare", "tools.detector.build"]),
    ],
)
def test_the_list_of_a_tier_holds_all_that_the_tier_imports(name: str, packages: list[str]) -> None:
    command = [sys.executable, "-c", PROGRAM, str(ROOT / "requirements" / f"{name}.txt"), *packages]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
