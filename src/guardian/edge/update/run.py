"""One run: ask, fetch what is missing, judge it, hand it over when its hour has come."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any

from guardian.common import bundle, log, seed_image
from guardian.common.clock import now
from guardian.common.errors import GuardianError, PeerError
from guardian.common.retry import Backoff
from guardian.edge.config import EdgeConfig
from guardian.edge.update.asking import Node, Offer, node, running
from guardian.edge.update.errors import WAITS, UpdateError
from guardian.edge.update.incoming import Incoming, clear
from guardian.edge.update.status import Asked, Last, Offered, Place, State, Status, Tries
from guardian.edge.update.window import is_open

# A version that could not be put in place or judged is tried so often; one that came damaged is fetched so often.
MAX_TRIALS = 3
MAX_DAMAGED = 3
# Calls in a row that brought nothing, before it is left to the next run.
FRUITLESS = 20
_SAY_SECONDS = 2.0
# What became of a trial or of putting it in place, and says nothing of the version.
_PASSING = frozenset({"not_judged", "not_applied"})
_AGAIN = frozenset({"peer_away", "peer_failed", "updates_busy", "updates_unavailable", "update_slow"})
_log = log.get(__name__)


@dataclass
class Run:
    """One run with these settings; `asked` is what an operator wants beyond the timer."""

    settings: EdgeConfig
    asked: Asked = field(init=False)
    place: Place = field(init=False)
    status: Status = field(init=False)

    def __post_init__(self) -> None:
        self.place = Place(self.settings.state_dir)

    async def go(self) -> Status:
        """What came of it; it is said in `state.json` too."""
        self.place.make()
        with self.place.alone():
            self.asked = self.place.take_asked()
            before = self.place.status()
            self.status = Status(running=running(), window=self.settings.update.window, tries=before.tries)
            try:
                await self._work()
            except GuardianError as error:
                waits = error.reason in WAITS
                _log.warning("update_waits" if waits else "update_refused", reason=error.reason, sentence=str(error))
                self._say("away" if waits else "refused", str(error), error.reason)
        return self.status

    async def _work(self) -> None:
        if not self.settings.update.enabled and not self.asked.now:
            self._say("off", "Updates are switched off by this machine's configuration.")
            return
        if self.place.bundle.exists():
            self._say("ready", "An update was handed over, and is being put in place.")
            return
        async with node(self.settings) as there:
            offer, reason = await there.ask(self.settings.update.channel)
            if offer is None:
                self._none(reason)
                return
            _log.info("update_offered", version=offer.version, size=offer.size)
            self.status = self.status.model_copy(
                update={"offered": Offered(version=offer.version, size=offer.size, sha256=offer.sha256.hex())}
            )
            last = None if self.asked.force else self.place.last(offer.version)
            if last is not None and last.outcome == "left":
                # Somebody's decision is no fault: who looks after the machine is not called for it each night.
                self._say(
                    "kept_back",
                    f"Version {offer.version} was left by hand, and is not taken again by itself: "
                    "`guardian update apply --force` takes it.",
                )
                return
            self._refuse_tried(offer, last)
            incoming = Incoming(self.place.incoming, offer)
            incoming.tidy()
            if not incoming.is_whole:
                await self._fetch(there, offer, incoming)
        self._hand_over(offer, incoming)

    def _none(self, reason: str) -> None:
        if reason == "not_yet":
            self._say("kept_back", "The node has a newer version and does not offer it to this machine yet.")
            return
        clear(self.place.incoming)
        self._say("none", f"The node has nothing newer than {running()} for this machine.")

    def _refuse_tried(self, offer: Offer, last: Last | None) -> None:
        """What was tried here is not tried again by itself: it would fail each night."""
        if self.asked.force:
            return
        tries = self.status.tries
        if tries.damaged_version == offer.version and tries.damaged >= MAX_DAMAGED:
            raise UpdateError(
                f"Version {offer.version} came damaged {tries.damaged} times, and is not fetched again.",
                reason="update_damaged",
                hint="Have the node's operator remove it and add it again.",
            )
        if last is None:
            return
        again = tries.version == offer.version and tries.handed_over < MAX_TRIALS
        if last.outcome in _PASSING and again:
            return
        words = last.sentence[:500] or f"Its outcome was {last.outcome[:40]}."
        raise UpdateError(
            f"Version {offer.version} was tried here and is not taken again by itself. {words}", reason="update_tried"
        )

    async def _fetch(self, there: Node, offer: Offer, incoming: Incoming) -> None:
        keys = seed_image.trusted(self.settings.update.keys)
        if not keys:
            raise UpdateError(
                f"There is no key in {self.settings.update.keys}: this machine trusts nobody's updates.",
                reason="update_keys_missing",
            )
        incoming.make_room()
        self._progress(incoming)
        head, said = False, time.monotonic()
        async with contextlib.aclosing(_pieces(there, offer, incoming)) as pieces:
            async for data in pieces:
                await asyncio.to_thread(incoming.append, data)
                if not head and incoming.have >= min(bundle.MAX_HEAD, offer.size):
                    await asyncio.to_thread(incoming.check_head, keys)
                    head = True
                if time.monotonic() - said > _SAY_SECONDS:
                    said = time.monotonic()
                    self._progress(incoming)
        try:
            await asyncio.to_thread(incoming.finish, keys)
        except bundle.BundleError as error:
            if error.reason == "bundle_damaged":
                # By version: what a bundle's SHA-256 is said to be is the node's own word.
                tries = self.status.tries
                count = tries.damaged + 1 if tries.damaged_version == offer.version else 1
                self._count(damaged_version=offer.version, damaged=count)
            raise
        _log.info("update_fetched", version=offer.version)

    def _hand_over(self, offer: Offer, incoming: Incoming) -> None:
        window = self.settings.update.window
        self.status = self.status.model_copy(update={"fetched": offer.size})
        if not self.asked.now and not is_open(window, now().astimezone()):
            self._say("waiting", f"Version {offer.version} is here, and is put in place between {_words(window)}.")
            return
        tries = self.status.tries
        count = tries.handed_over + 1 if tries.version == offer.version else 1
        # Counted first: who dies in between counts one too many, and never one too few.
        self._count(version=offer.version, handed_over=count)
        self._say("ready", f"Version {offer.version} was handed over, and is being put in place.")
        incoming.hand_over(self.place.bundle)
        _log.info("update_handed_over", version=offer.version)

    def _progress(self, incoming: Incoming) -> None:
        offered = self.status.offered
        if offered is not None:
            self.status = self.status.model_copy(update={"fetched": incoming.have})
            done = f"{incoming.have / 1e6:.0f} of {offered.size / 1e6:.0f} MB"
            self._say("fetching", f"Version {offered.version} is being fetched: {done}.")

    def _count(self, **changes: Any) -> None:
        tries = Tries.model_validate({**self.status.tries.model_dump(), **changes})
        self.status = self.status.model_copy(update={"tries": tries})

    def _say(self, state: State, sentence: str, reason: str = "") -> None:
        self.status = self.status.model_copy(update={"state": state, "sentence": sentence, "reason": reason})
        self.place.say(self.status)


async def _pieces(there: Node, offer: Offer, incoming: Incoming) -> AsyncGenerator[bytes, None]:
    """What is missing, over as many calls as it takes; PeerError when too many of them brought nothing."""
    backoff, fruitless = Backoff(initial=1.0, maximum=60.0), 0
    while (begin := incoming.have) < offer.size:
        fault = PeerError("The node sends nothing of the update; it is tried again.", reason="peer_away")
        try:
            async with contextlib.aclosing(there.read(offer, begin)) as pieces:
                async for data in pieces:
                    yield data
        except PeerError as error:
            if error.reason not in _AGAIN:
                raise
            fault = error
        if incoming.have > begin:
            backoff.reset()
            fruitless = 0
            continue
        fruitless += 1
        if fruitless > FRUITLESS:
            raise fault
        await asyncio.sleep(backoff.next())


def _words(window: str) -> str:
    begin, _, end = window.partition("-")
    return f"{begin} and {end}"
