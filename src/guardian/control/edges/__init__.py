"""Edges as their node reported them."""
