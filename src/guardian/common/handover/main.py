"""`guardian-credential-write NAME`: root's oneshot without network for one writer's handover."""

import argparse
import pwd
import sys
from pathlib import Path
from typing import NoReturn

from guardian.common import credstore, log
from guardian.common.errors import GuardianError
from guardian.common.handover import table
from guardian.common.handover.take import restart, take

_log = log.get(__name__)


def main() -> NoReturn:
    """Console script."""
    parser = argparse.ArgumentParser(prog="guardian-credential-write", description="Take a daemon's secrets over.")
    parser.add_argument("writer", choices=sorted(table.WRITERS), help="whose handover")
    parser.add_argument("--state-dir", type=Path, default=Path("/var/lib/guardian"), metavar="FOLDER")
    parser.add_argument("--store", type=Path, default=credstore.STORE, metavar="FOLDER")
    parser.add_argument("--user", default="", help="the writer's user; default: guardian-WRITER")
    parser.add_argument("--no-restart", action="store_true", help="leave the units alone, as in an image being baked")
    arguments = parser.parse_args()
    log.setup("credential-write")
    user = arguments.user or f"guardian-{arguments.writer}"
    try:
        try:
            owner = pwd.getpwnam(user).pw_uid
        except KeyError:
            raise GuardianError(f"This host has no user {user}.", reason="handover_owner") from None
        offer = take(arguments.state_dir, arguments.writer, owner, arguments.store)
        if offer is None:
            print("Nothing was handed over.")
        elif not arguments.no_restart:
            restart(offer)
    except GuardianError as error:
        _log.error("handover_refused", reason=error.reason, sentence=str(error))
        print(f"guardian-credential-write: {error}", file=sys.stderr)
        sys.exit(1)
    sys.exit(0)
