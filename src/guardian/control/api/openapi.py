"""Prints the OpenAPI document: `python -m guardian.control.api.openapi > frontend/openapi.json`."""

import json
import sys

from guardian.control.api.app import create_app, openapi
from guardian.control.config import ApiSection


def render() -> str:
    """The document as text, always the same for the same code."""
    return json.dumps(openapi(create_app(ApiSection())), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(render())
