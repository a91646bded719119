"""Schema of the edge's event store, step by step."""
