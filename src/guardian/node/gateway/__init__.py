"""gRPC for edges and the node's store: the one daemon that writes `gateway/`."""
