"""Schema forwards and backwards."""
