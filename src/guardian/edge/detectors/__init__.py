"""Detectors: a frame in, labelled boxes out. One module a head; `loading` chooses among them."""
