"""What the control plane's operator has a node do: tokens for edges, edges let go."""
