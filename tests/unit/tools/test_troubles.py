"""docs/troubleshooting.md explains what a machine made from an image says, in the words in which it says it."""

import ast
from pathlib import Path

from tools.lab.places import ROOT
from tools.troubles import TROUBLES


def said(path: Path) -> set[str]:
    """All texts in a module, with `…` for what is put in."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value)
        elif isinstance(node, ast.JoinedStr):
            found.add("".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values))
    return {text.strip() for text in found}


def test_each_sentence_is_one_that_the_code_says() -> None:
    folders = ("appliance", "common", "edge/update")
    modules = [path for folder in folders for path in (ROOT / "src/guardian" / folder).glob("*.py")]
    texts = {text for path in modules for text in said(path)}
    told = [trouble.sentence for troubles in TROUBLES.values() for trouble in troubles]
    # What is put in last may be a sentence of its own.
    unknown = [one for one in told if one not in texts and one.removesuffix("…").strip() not in texts]
    assert unknown == []
    assert len(told) == len(set(told))
