"""Decision 0005 names every package this project takes."""

import json
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/decisions/0005-dependencies.md").read_text("utf-8").lower()


def python_packages() -> set[str]:
    """Asked for by pyproject.toml, in any list."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    lists = [project["project"]["dependencies"], *project["project"]["optional-dependencies"].values()]
    lists += project["dependency-groups"].values()
    names = {re.split(r"[\[<>=;~ ]", line, maxsplit=1)[0].lower() for asked in lists for line in asked}
    return {name for name in names if name != "guardian" and not name.startswith("types-")}


def ui_packages() -> set[str]:
    """Asked for by package.json."""
    package = json.loads((ROOT / "frontend/package.json").read_text("utf-8"))
    names = {*package["dependencies"], *package["devDependencies"]}
    return {re.sub(r"^(@types|@testing-library)/.*", r"\1/…", name) for name in names}


@pytest.mark.parametrize("name", sorted(python_packages() | ui_packages()))
def test_every_package_has_its_line(name: str) -> None:
    assert re.search(rf"(?<![\w/@-]){re.escape(name)}(?![\w-])", PAGE), f"{name} is missing in decision 0005"
