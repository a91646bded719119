"""What a release says of its stores: the revisions its code knows, and the oldest code that may use what it makes."""

import ast
from pathlib import Path
from typing import Any

from tools.releasing.tree import Refused


def of_tier(source: Path, tier: str) -> dict[str, dict[str, Any]]:
    """`{"gateway": {"revisions": ["0001", …], "oldest_code": "0001"}}`, read without running anything.

    Args:
        source: the folder that holds the package `guardian`.
    """
    root = source / "guardian" / tier
    stores: dict[str, dict[str, Any]] = {}
    for versions in sorted(root.rglob("migrations/versions")):
        owner = versions.parent.parent
        name = tier if owner == root else owner.relative_to(root).as_posix()
        stores[name] = _chain(versions)
    return stores


def _chain(versions: Path) -> dict[str, Any]:
    """Revisions, oldest first; Refused unless they form one chain."""
    facts = [_facts(path) for path in sorted(versions.glob("*.py")) if path.name != "__init__.py"]
    by_before = {item["down_revision"]: item for item in facts}
    chain: list[dict[str, Any]] = []
    before = None
    while before in by_before:
        chain.append(by_before.pop(before))
        before = chain[-1]["revision"]
    if len(chain) != len(facts) or not chain:
        raise Refused(f"{versions}: these migrations are not one chain.")
    newest = chain[-1]
    return {
        "revisions": [item["revision"] for item in chain],
        # A migration that does not say so shuts out all code before it.
        "oldest_code": newest.get("oldest_code", newest["revision"]),
    }


def _facts(path: Path) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            facts |= {item.id: node.value.value for item in node.targets if isinstance(item, ast.Name)}
    if not {"revision", "down_revision"} <= facts.keys():
        raise Refused(f"{path}: a migration names its revision and the one before it.")
    return facts
