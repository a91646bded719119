"""Cameras as their edge's node reported them."""
