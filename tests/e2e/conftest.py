"""What the product's tests in a browser borrow from those of the control plane."""

from tests.integration.control.conftest import cluster

__all__ = ["cluster"]
