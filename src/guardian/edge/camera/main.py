"""`guardian-camera ID`: one camera watched and recorded."""

from guardian.common.lifecycle import daemon
from guardian.edge.camera.watch import run
from guardian.edge.config import DEFAULT_CONFIG, EdgeConfig


def main() -> None:
    """Entry point."""
    daemon(
        "camera",
        EdgeConfig,
        run,
        description="Watches one camera: pictures to the analyzer, sealed clips to the disk.",
        default_config=DEFAULT_CONFIG,
        instance="camera",
    )


if __name__ == "__main__":
    main()
