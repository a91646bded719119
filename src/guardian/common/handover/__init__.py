"""How a daemon gets a secret into the credential store: a folder to put it in, and root's oneshot that takes it."""
