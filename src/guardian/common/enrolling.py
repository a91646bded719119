"""What `guardian-enroll` does on every tier: loads the seed, tries, waits, tries; says when the token is dead."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from guardian.common import kept, log, seed
from guardian.common.errors import GuardianError
from guardian.common.handover import offer
from guardian.common.lifecycle import Service
from guardian.common.retry import Backoff

# Waiting may mend these; everything else needs a person.
_PASSING = frozenset({"enrol_unreachable", "peer_away", "peer_failed", "hub_away", "store_unwritable"})
_log = log.get(__name__)


async def spend(service: Service[Any], state_dir: Path, once: Callable[[seed.Seed], Awaitable[str]]) -> None:
    """Try until it worked; GuardianError when it never will. The seed is taken out of the store in both cases."""
    service.ready()
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


def _drop_seed(state_dir: Path) -> None:
    """A dead token is of no use to anybody: root takes the seed away. Keys that were laid before stay in the offer."""
    kept.forget(state_dir)
    if offer.is_wanted(state_dir, kept.WRITER):
        offer.close(state_dir, kept.WRITER, [seed.SECRET])
