"""The parts of `tools/release.py`."""
