"""Where an edge's daemons meet: the sockets they make for each other."""

from pathlib import Path


def frames_socket(run_dir: Path) -> Path:
    """The analyzer's, which cameras dial."""
    return run_dir / "analyzer" / "frames.sock"


def ring_socket(run_dir: Path) -> Path:
    """The uplink's, which the analyzer rings after each commit."""
    return run_dir / "uplink" / "ring.sock"
