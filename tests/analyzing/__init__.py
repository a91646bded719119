"""What the analyzer's tests share: an enrolled edge with a vault, scenes to look at, a camera's end of the socket."""
