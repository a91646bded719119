"""The REST API's description, from which the UI's types are made, is the one the API gives today."""

from pathlib import Path

from guardian.control.api import openapi

COMMITTED = Path(__file__).resolve().parents[2] / "frontend" / "openapi.json"


def test_the_committed_description_is_the_api_s_own() -> None:
    # When this fails: python -m guardian.control.api.openapi > frontend/openapi.json
    assert COMMITTED.read_text() == openapi.render()
