"""Signed orders on their way to edges, and their results."""
