"""Failures of units: noted by `guardian-failure@UNIT`, read by whoever asks how this host is."""
