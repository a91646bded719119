"""The control plane on a real PostgreSQL, spoken to over HTTP and gRPC."""
