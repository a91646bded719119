"""What the vault needs published: key slots and the roster's chain."""
