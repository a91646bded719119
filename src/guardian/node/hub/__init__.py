"""The node's end of its edges' WireGuard tunnels."""
