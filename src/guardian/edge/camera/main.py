"""`guardian-camera ID`: one camera watched and recorded."""

from guardian.common.lifecycle import daemon
from guardian.edge.camera.watch import run
from guardian.edge.config import DEFAULT_CONFIG, EdgeConfig, load_camera


def _check(settings: EdgeConfig, camera: str) -> None:
    load_camera(settings, camera)


def main() -> None:
    """Entry point."""
    daemon(
        "camera",
        EdgeConfig,
        run,
        description="Watches one camera: pictures to the analyzer, sealed clips to the disk.",
        default_config=DEFAULT_CONFIG,
        instance="camera",
        check_instance=_check,
    )


if __name__ == "__main__":
    main()
