"""Snapshot and thumbnail of an event: encoded, sealed, and unlinked when a better one has taken their place."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from guardian.common.clock import from_seconds
from guardian.common.files import private_folder, sync_directory
from guardian.common.ids import random_id
from guardian.edge.detectors.base import Box, Frame
from guardian.edge.events.store import StoredPicture
from guardian.edge.events.visit import Picture, VisitState
from guardian.edge.identity import Identity
from guardian.edge.roster import Recipient
from guardian.vault.header import Kind, Metadata
from guardian.vault.writer import SealedWriter

_THUMBNAIL_QUALITY = 80
# Room around the object, as a share of its box; the shape of a crop (width over height), that of a card in a list.
_ROOM = 0.2
_SHAPE = 16 / 9
# Even of something far away a third of the picture is shown: where it is matters too.
_LEAST = 1 / 3


@dataclass(frozen=True)
class Sealing:
    """Who seals, and to whom."""

    identity: Identity
    recipient: Recipient


class PictureFolder:
    """`analyzer/objects/YYYY-MM-DD/ID.sealed`."""

    def __init__(self, folder: Path, *, quality: int, thumbnail_height: int) -> None:
        self._folder = folder
        self._quality, self._thumbnail_height = quality, thumbnail_height

    def like(self, *, quality: int, thumbnail_height: int) -> None:
        """From now on: how pictures are made."""
        self._quality, self._thumbnail_height = quality, thumbnail_height

    def seal(self, visit: VisitState, picture: Picture, sealing: Sealing) -> list[StoredPicture]:
        """Write snapshot and thumbnail; durable when this returns. VaultError `write_failed` when the disk will not."""
        frame = picture.frame
        small = thumbnail(frame, picture.point.box if picture.point else None, self._thumbnail_height)
        return [
            self._write(visit, picture, sealing, "snapshot", encode(frame, self._quality), frame),
            self._write(visit, picture, sealing, "thumbnail", encode(small, _THUMBNAIL_QUALITY), small),
        ]

    def unlink(self, doomed: list[StoredPicture]) -> list[str]:
        """Remove files whose rows are marked; returns the ids that are gone for good."""
        folders = set()
        for item in doomed:
            path = self._folder / item.path
            path.unlink(missing_ok=True)
            folders.add(path.parent)
        for folder in folders:
            if folder.is_dir():
                sync_directory(folder)
                # Not empty: other events' pictures of that day.
                with suppress(OSError):
                    folder.rmdir()
        return [item.object_id for item in doomed]

    def _write(
        self, visit: VisitState, picture: Picture, sealing: Sealing, kind: Kind, jpeg: bytes, shown: Frame
    ) -> StoredPicture:
        moment = from_seconds(picture.time)
        day = moment.strftime("%Y-%m-%d")
        metadata = Metadata(
            household=sealing.recipient.household,
            edge=sealing.identity.edge,
            camera=visit.camera,
            kind=kind,
            start=moment,
            media="image/jpeg",
            width=shown.shape[1],
            height=shown.shape[0],
        )
        folder = private_folder(self._folder / day, mode=0o750)
        sync_directory(self._folder)
        object_id = random_id().hex()
        path = folder / f"{object_id}.sealed"
        try:
            with SealedWriter.create(
                path, sealing.recipient.epoch, sealing.identity.keys, metadata, object_id=object_id
            ) as writer:
                writer.data(jpeg)
                writer.close()
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return StoredPicture(object_id, visit.id, kind, f"{day}/{object_id}.sealed", picture.time)


def encode(frame: Frame, quality: int) -> bytes:
    """JPEG."""
    good, data = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not good:
        raise ValueError("a frame that cannot be encoded as JPEG")
    encoded: NDArray[np.uint8] = data
    return encoded.tobytes()


def thumbnail(frame: Frame, box: Box | None, height: int) -> Frame:
    """The object with some room around it (or the whole frame), `height` pixels high at most."""
    left, top, right, bottom = _crop(frame, box) if box else (0, 0, frame.shape[1], frame.shape[0])
    crop = frame[top:bottom, left:right]
    scale = min(height / crop.shape[0], 1.0)
    size = (max(round(crop.shape[1] * scale), 1), max(round(crop.shape[0] * scale), 1))
    small: Frame = np.asarray(cv2.resize(crop, size, interpolation=cv2.INTER_AREA), np.uint8)
    return small


def _crop(frame: Frame, box: Box) -> tuple[int, int, int, int]:
    """Left, top, right, bottom in pixels: the object in the middle, in the shape of a card.

    Where the frame is too small for that, the crop is moved and then made smaller, never bent; what is taller than it
    loses its feet, not its head.
    """
    height, width = frame.shape[:2]
    room = 1 + 2 * _ROOM
    high = max(box.height * height * room, box.width * width * room / _SHAPE, height * _LEAST)
    high = min(high, height, width / _SHAPE)
    wide = high * _SHAPE
    centre_x, centre_y = box.centre
    left = _within(centre_x * width - wide / 2, wide, width)
    head = box.y * height - high * _ROOM / 4
    top = _within(min(centre_y * height - high / 2, head), high, height)
    return round(left), round(top), max(round(left + wide), round(left) + 1), max(round(top + high), round(top) + 1)


def _within(start: float, length: float, whole: float) -> float:
    """Where a stretch begins when it must not leave the whole."""
    return min(max(start, 0), whole - length)
