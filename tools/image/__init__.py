"""Bakes the edge's image natively: a root file system, the roles, a disk with two slots, an installer."""
