"""V7: Python keeps to the vectors that TypeScript is held to as well."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from tests.vectors.make import FILE
from tests.vectors.run import outcomes

from guardian.vault.errors import SENTENCES

PAGE = Path(__file__).parents[3] / "docs" / "vault-format.md"


@pytest.fixture(scope="module")
def vectors() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(FILE.read_text("utf-8"))
    return loaded


def test_v7_every_vector_comes_out_as_written(vectors: dict[str, Any]) -> None:
    run = list(outcomes(vectors))
    assert [row for row in run if row[2] != row[3]] == []
    listed = [(kind, row["name"]) for kind, rows in vectors.items() if isinstance(rows, list) and kind != "about"
              for row in rows]  # fmt: skip
    assert Counter((kind, name) for kind, name, _, _ in run) == Counter(listed)
    assert max(Counter(listed).values()) == 1, "every vector has a name of its own"


def test_v7_at_least_as_many_are_hostile_as_good(vectors: dict[str, Any]) -> None:
    for kind in ("roster", "slots", "objects", "recovery", "commands", "challenges"):
        hostile = sum("reason" in row["outcome"] for row in vectors[kind])
        assert hostile >= len(vectors[kind]) - hostile


def test_v7_the_format_page_lists_every_reason_the_code_gives(vectors: dict[str, Any]) -> None:
    section = PAGE.read_text("utf-8").split("## Reasons")[1]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    listed = {reason for row in rows for reason in re.findall(r"`(\w+)`", row)}
    own = {"writer_ended", "write_failed", "writer_misused", "seed_unreadable"}
    assert listed == SENTENCES.keys() - own
    used = {row["outcome"]["reason"] for kind in vectors.values() if isinstance(kind, list) for row in kind
            if isinstance(row, dict) and "reason" in row["outcome"]}  # fmt: skip
    assert used == listed, "every reason has a vector"


def test_v7_the_vectors_are_small_enough_to_be_read_by_a_browser_test() -> None:
    assert FILE.stat().st_size < 1_500_000
