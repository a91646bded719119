"""What verifies a live host: `make host-test HOST=…`, and molecule's verify. runner.py says how a host is named."""
