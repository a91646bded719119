"""Log events are a closed list: the code writes no other, and the list names none that the code does not write."""

import ast
from collections.abc import Iterator
from pathlib import Path

import guardian
from guardian.common.log_events import EVENTS

LEVELS = {"debug", "info", "warning", "error", "critical", "exception"}


def words(node: ast.expr) -> Iterator[str | None]:
    """The texts an event's argument may be; None for what is not written out."""
    if isinstance(node, ast.IfExp):
        yield from words(node.body)
        yield from words(node.orelse)
    else:
        yield node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def written() -> dict[str, str]:
    """Every event the code logs, and a place where it does."""
    found = {}
    for path in Path(guardian.__path__[0]).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            if node.func.attr in LEVELS and isinstance(node.func.value, ast.Name) and node.func.value.id == "_log":
                for word in words(node.args[0]):
                    found[str(word)] = f"{path}:{node.lineno}"
    return found


def test_the_code_logs_what_the_list_names_and_nothing_else():
    found = written()
    assert {word: place for word, place in found.items() if word not in EVENTS} == {}
    assert EVENTS.keys() - found.keys() == set()


def test_each_event_is_a_word_and_its_meaning_a_sentence():
    for word, meaning in EVENTS.items():
        assert word.replace("_", "").isalpha() and word.islower()
        assert meaning.endswith(".") and "|" not in meaning
