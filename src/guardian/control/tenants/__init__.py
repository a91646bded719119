"""Households that share nothing with each other."""
