"""Short-lived signed tickets a browser shows to a node."""
