"""Steps of the index's schema."""
