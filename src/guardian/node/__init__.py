"""The node: one tenant's gateway for edges, relay for browsers and agent to the control plane."""
