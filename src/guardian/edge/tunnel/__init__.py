"""This edge's end of the WireGuard tunnel."""
