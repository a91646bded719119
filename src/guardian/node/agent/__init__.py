"""To the control plane: summaries and health up, roster and commands down."""
