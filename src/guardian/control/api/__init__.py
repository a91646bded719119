"""The daemon browsers talk to: REST, SSE, the UI's files."""
