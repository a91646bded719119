"""Where daemons' Unix sockets are: each in its daemon's own folder of the run directory, which says who may come in."""

from pathlib import Path

from guardian.common.files import private_folder

HEALTH = "health.sock"
# Whoever may enter the folder may ask. A daemon in a user namespace of its own cannot give a file to a group, so the
# folders' owners and modes, which systemd sets, are the only gate.
MODE = 0o666


def health_socket(run_dir: Path, name: str) -> Path:
    """`RUN_DIR/NAME/health.sock` of a daemon, e.g. `camera@front`."""
    return run_dir / name / HEALTH


def make_way(socket: Path) -> None:
    """Before a socket is bound: its folder is there, for owner and group alone, and what a dead daemon left is not."""
    private_folder(socket.parent, mode=0o750)
    socket.unlink(missing_ok=True)
