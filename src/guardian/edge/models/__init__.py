"""Detector models: the catalogue of those known, and the folders they are found in."""
