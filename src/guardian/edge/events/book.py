"""Keeps the events: each revision composed, its pictures sealed, signed, stored and announced to the uplink.

Written in this order: pictures (durable), then the revision that names them (durable), then the superseded pictures'
files go. A crash between any two leaves at most a file no event names.
"""

import socket
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from guardian.common import log
from guardian.contracts.edge.v1.edge_pb2 import Event
from guardian.edge.events.message import Belongings, compose, revise, sign
from guardian.edge.events.pictures import PictureFolder, Sealing
from guardian.edge.events.store import EventStore, StoredClip, StoredEvent, StoredPicture
from guardian.edge.events.visit import VisitState
from guardian.vault.errors import VaultError

# Seconds of a visit a clip must show to belong to it, when another shows more.
_BRUSH = 1.5
_log = log.get(__name__)


class EventBook:
    """All that is written about events. Call from one thread."""

    def __init__(
        self, store: EventStore, folder: PictureFolder, *, ring: Path, pre_capture: float, post_capture: float
    ) -> None:
        self._store, self._folder, self._ring = store, folder, ring
        self._pre, self._post = pre_capture, post_capture
        # Live visits by id: the picture that is sealed for each, so that the same one is not sealed twice.
        self._live: dict[str, VisitState] = {}

    def reach(self, pre_capture: float, post_capture: float) -> None:
        """From now on: how far recordings reach beyond what they show."""
        self._pre, self._post = pre_capture, post_capture

    def note(self, visit: VisitState, sealing: Sealing) -> int:
        """Store a visit as it is now: its first revision or its next. The outbox position."""
        stored = self._store.event(visit.id)
        before = self._live.get(visit.id)
        new = [] if visit.best is None or (before and before.best is visit.best) else self._seal(visit, sealing)
        pictures = new or self._store.pictures_of(visit.id)
        clips = self._clips_of(visit.camera, visit.start, visit.end or visit.last_seen)
        revision = stored.revision + 1 if stored else 1
        message = compose(
            visit, sealing.recipient.household, sealing.identity.edge, Belongings(pictures, clips), revision
        )
        row = StoredEvent(
            visit.id,
            visit.camera,
            visit.label,
            visit.start,
            visit.last_seen,
            visit.end,
            visit.top_score,
            revision,
            b"",
        )
        position = self._commit(row, message, sealing, clips, new)
        if visit.end is None:
            self._live[visit.id] = visit
        else:
            self._live.pop(visit.id, None)
        return position

    def touch(self, event_id: str, last_seen: float) -> None:
        """The object is still there."""
        self._store.touch(event_id, last_seen)

    def note_clip(self, clip: StoredClip, sealing: Sealing) -> int:
        """Store a camera's clip; events it belongs to get a revision when it is new, closed or cut. How many did."""
        changed = self._store.note_clip(clip)
        if not changed:
            return 0
        touched = self._store.overlapping(clip.camera, clip.start - self._post, clip.reach + self._pre)
        return sum(self._revise(event, sealing, end=None) for event in touched)

    def note_past_motion(self, visit: VisitState, sealing: Sealing) -> bool:
        """Motion recorded while the analyzer was away: an event, unless one of that time is there already."""
        end = visit.end or visit.last_seen
        if self._store.overlapping(visit.camera, visit.start, end):
            return False
        self.note(visit, sealing)
        return True

    def close_left_open(self, sealing: Sealing) -> int:
        """After a crash: events left open end when their object was last seen. How many there were."""
        left = [event for event in self._store.open_events() if event.id not in self._live]
        for event in left:
            self._revise(event, sealing, end=event.last_seen)
        return len(left)

    def sweep(self, before: float, acknowledged: int) -> int:
        """Expire events that ended before a time, unlink what is doomed, trim the outbox. How many events went."""
        self._store.expire(before)
        self._unlink_doomed()
        gone = self._store.expire(before)
        if acknowledged:
            self._store.trim_outbox(acknowledged)
        return gone

    def _revise(self, event: StoredEvent, sealing: Sealing, *, end: float | None) -> bool:
        """Store the next revision, if it would differ from the one before."""
        known_end = end if end is not None else event.end
        clips = self._clips_of(event.camera, event.start, known_end or event.last_seen)
        belongings = Belongings(self._store.pictures_of(event.id), clips)
        message = revise(event.message, belongings, event.revision + 1, end)
        if end is None and list(message.objects) == list(Event.FromString(event.message).objects):
            return False
        self._commit(replace(event, end=known_end, revision=event.revision + 1), message, sealing, clips, [])
        return True

    def _commit(
        self,
        row: StoredEvent,
        message: Event,
        sealing: Sealing,
        clips: list[StoredClip],
        new: list[StoredPicture],
    ) -> int:
        data, signature = sign(message, sealing.identity)
        position = self._store.save(replace(row, message=data), signature, [clip.id for clip in clips], new)
        self._announce()
        if new:
            self._unlink_doomed()
        return position

    def _clips_of(self, camera: str, start: float, end: float) -> list[StoredClip]:
        """Clips that show the visit, in order; one that only brushes it (its neighbour's) when there is no better."""
        found = self._store.clips_between(camera, start - self._pre, end + self._post)
        shared = {clip.id: min(clip.reach, end) - max(clip.start, start) for clip in found}
        enough = min(_BRUSH, max(shared.values(), default=0.0))
        return [clip for clip in found if shared[clip.id] >= enough]

    def _seal(self, visit: VisitState, sealing: Sealing) -> list[StoredPicture]:
        if visit.best is None:
            return []
        try:
            return self._folder.seal(visit, visit.best, sealing)
        except (VaultError, OSError) as error:
            # An event without a picture is worth more than no event.
            _log.error("snapshot_failed", camera=visit.camera, sentence=str(error))
            return []

    def _unlink_doomed(self) -> None:
        doomed = self._store.doomed_pictures()
        if doomed:
            self._store.forget_pictures(self._folder.unlink(doomed))

    def _announce(self) -> None:
        """One datagram: the uplink looks into the outbox. It looks by itself too, so a lost one costs only time."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as ring, suppress(OSError):
            ring.sendto(b"\x01", str(self._ring))
