"""Live updates to browsers over Server-Sent Events."""
