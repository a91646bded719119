"""Rules of the control plane's rooms that a reader of one file cannot see."""

import ast
from pathlib import Path

import pytest

import guardian.control

ROOT = Path(guardian.control.__file__).parent
MODULES = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*.py"))
# Where SQL may be written at all; the rest goes through repositories.
SQL_ROOMS = ("database/", "migrations/")
BUILDERS = {"select", "insert", "update", "delete", "exists", "union"}


def tree(module: str) -> ast.Module:
    return ast.parse((ROOT / module).read_text("utf-8"))


def imported(module: str) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {node.module or ""} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("module", [name for name in MODULES if not name.startswith(SQL_ROOMS)])
def test_queries_are_written_in_repositories_only(module: str) -> None:
    if Path(module).name == "repository.py":
        return
    foreign = {name for name in imported(module) if name.split(".")[0] in ("sqlalchemy", "psycopg", "alembic")}
    assert not foreign
    tables = {name for name in imported(module) if name.startswith("guardian.control.database.tables")}
    assert not tables


@pytest.mark.parametrize("module", [name for name in MODULES if name.endswith("/repository.py")])
def test_repositories_build_queries_from_their_scope(module: str) -> None:
    """`sa.select(table)` would be everyone's rows; `scope.select(table)` is the tenant's."""
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in BUILDERS:
            assert ast.unparse(node.func.value).endswith("_scope"), f"{module}:{node.lineno}"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in BUILDERS, f"{module}:{node.lineno}"
    assert "sqlalchemy.dialects.postgresql.insert" not in imported(module)


@pytest.mark.parametrize("module", [name for name in MODULES if name.endswith("/endpoints.py")])
def test_endpoints_know_no_repository(module: str) -> None:
    assert not {name for name in imported(module) if ".repository" in name or ".database" in name}
