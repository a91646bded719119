"""What `guardian-enroll` does on every tier: loads the seed, tries, waits, tries; says when the token is dead."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from guardian.common import log, seed
from guardian.common.errors import GuardianError
from guardian.common.handover import offer
from guardian.common.handover.table import TLS
from guardian.common.lifecycle import Service
from guardian.common.retry import Backoff

WRITER = "enroll"
# Waiting may mend these; everything else needs a person.
_PASSING = frozenset({"enrol_unreachable", "peer_away", "peer_failed", "hub_away", "store_unwritable"})
_log = log.get(__name__)


async def spend(service: Service[Any], state_dir: Path, once: Callable[[seed.Seed], Awaitable[str]]) -> None:
    """Try until it worked; GuardianError when it never will. The seed is taken out of the store in both cases."""
    service.ready()
    if offer.is_wanted(state_dir, WRITER) and _is_spent(state_dir):
        # Enrolled, and ended before root could take the keys over: it does so now.
        offer.close(state_dir, WRITER, [seed.SECRET])
        return
    found = seed.read(state_dir / "identity")
    backoff = Backoff(initial=1.0, maximum=20.0)
    while True:
        service.progressed()
        try:
            sentence = await once(found)
        except GuardianError as error:
            if error.reason not in _PASSING:
                service.health.set("enrolment", "failed", str(error), reason=error.reason)
                service.status(str(error))
                if error.reason.startswith("token_"):
                    _drop_seed(state_dir)
                raise
            if service.health.set("enrolment", "waiting", str(error), reason=error.reason):
                _log.warning("enrolment_waits", reason=error.reason, sentence=str(error))
            service.status(f"not enrolled yet: {error}")
        else:
            service.health.set("enrolment", "ok", f"This machine is {sentence}.")
            service.status(sentence)
            _log.info("enrolled")
            return
        if await backoff.wait(service.stopping):
            return


def _is_spent(state_dir: Path) -> bool:
    """Whether the keys that were laid down are those of the identity that was written after them."""
    laid, public = offer.folder_of(state_dir, WRITER) / TLS, state_dir / "identity"
    try:
        return (public / "identity.json").is_file() and (public / "tls.pem").read_bytes() in laid.read_bytes()
    except FileNotFoundError:
        return False


def _drop_seed(state_dir: Path) -> None:
    """A dead token is of no use to anybody: root takes the seed away."""
    if offer.is_wanted(state_dir, WRITER):
        offer.lay(state_dir, WRITER, {})
        offer.close(state_dir, WRITER, [seed.SECRET])
