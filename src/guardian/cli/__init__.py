"""The `guardian` command: one file a verb, mounted lazily by `main`."""
