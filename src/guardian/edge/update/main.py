"""`guardian-update`: one run, by a timer or by hand."""

import argparse
import asyncio
import os
import sys
from importlib.metadata import version
from pathlib import Path
from typing import NoReturn

from guardian.common import config, log
from guardian.common.errors import GuardianError
from guardian.edge.config import DEFAULT_CONFIG, EdgeConfig
from guardian.edge.update.run import Run

_log = log.get(__name__)


def main() -> NoReturn:
    """Console script; exits 0 when it did what could be done now, 1 when an update is refused."""
    parser = argparse.ArgumentParser(prog="guardian-update", description="Fetch what the node offers this machine.")
    parser.add_argument(
        "--config", type=Path, default=Path(DEFAULT_CONFIG), metavar="FILE", help="default: %(default)s"
    )
    parser.add_argument("--check", action="store_true", help="check the configuration and exit")
    parser.add_argument("--version", action="version", version=version("guardian"))
    arguments = parser.parse_args()
    log.setup("update")
    try:
        settings = config.load(EdgeConfig, arguments.config)
        if arguments.check:
            print(f"{arguments.config}: good")
            sys.exit(0)
        log.setup("update", settings.log_level)
        os.umask(0o027)
        status = asyncio.run(Run(settings).go())
    except GuardianError as error:
        _log.critical("cannot_start", reason=error.reason, sentence=str(error))
        print(f"guardian-update: {error}", file=sys.stderr)
        sys.exit(78 if error.reason.startswith("config_") else 0 if error.reason == "update_at_work" else 1)
    except OSError as error:
        sys.exit(f"guardian-update: {error.filename or 'The state folder'} cannot be used: {error.strerror}.")
    print(status.sentence)
    sys.exit(1 if status.state == "refused" else 0)
