"""Entry point of `guardian-analyzer`."""

from guardian.common.lifecycle import daemon
from guardian.edge.analyzer.daemon import run
from guardian.edge.config import DEFAULT_CONFIG, EdgeConfig


def main() -> None:
    """Run the daemon."""
    daemon(
        "analyzer",
        EdgeConfig,
        run,
        description="Finds and follows objects in the cameras' frames and makes events of their visits.",
        default_config=DEFAULT_CONFIG,
    )


if __name__ == "__main__":
    main()
