"""The lab itself, from outside (HOST=lab)."""

import os
from typing import Any

import pytest


def pytest_ignore_collect(collection_path: Any, config: pytest.Config) -> bool | None:
    """These boot hosts of their own, and kill them."""
    return None if os.environ.get("HOST") == "lab" else True
