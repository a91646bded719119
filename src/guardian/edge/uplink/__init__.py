"""To the node: events, telemetry and object ranges up, roster and commands down. The edge dials, never the node."""
