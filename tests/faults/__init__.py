"""Faults put into the running product: what was acknowledged stays, nothing shows twice."""
