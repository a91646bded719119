"""The analyzer: frames in from the cameras, events out to the store; health and detection on a Unix socket."""
