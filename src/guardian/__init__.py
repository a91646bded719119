"""Private AI Guardian: video security in which the pictures never leave their owner's hands."""
