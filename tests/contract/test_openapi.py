"""The document the UI's client is generated from is the one the API gives, and its examples hold."""

import importlib
import json
from pathlib import Path

import pytest
from pydantic import BaseModel

from guardian.control.api.openapi import render

STORED = Path(__file__).parents[2] / "frontend" / "openapi.json"
FEATURES = ("accounts", "cameras", "commands", "edges", "events", "images", "nodes", "tickets", "vault")


def messages() -> dict[str, type[BaseModel]]:
    """Every message of the API by its name in the document."""
    modules = [importlib.import_module(f"guardian.control.{name}.schemas") for name in FEATURES]
    modules.append(importlib.import_module("guardian.control.schemas"))
    found = [item for module in modules for item in vars(module).values()]
    return {item.__name__: item for item in found if isinstance(item, type) and issubclass(item, BaseModel)}


def test_the_stored_document_is_the_one_the_code_makes() -> None:
    assert STORED.read_text("utf-8") == render(), "python -m guardian.control.api.openapi > frontend/openapi.json"


def test_every_answer_may_be_a_problem() -> None:
    for path, methods in json.loads(render())["paths"].items():
        for method, operation in methods.items():
            assert operation["responses"]["default"] == {"$ref": "#/components/responses/Problem"}, (method, path)
            assert operation.get("description") or operation.get("summary")


@pytest.mark.parametrize("name", sorted(json.loads(render())["components"]["schemas"]))
def test_every_example_is_one(name: str) -> None:
    schema = json.loads(render())["components"]["schemas"][name]
    for example in schema.get("examples", []):
        messages()[name].model_validate(example)
