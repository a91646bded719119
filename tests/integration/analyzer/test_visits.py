"""From a camera's frames to signed events with sealed pictures, in the running daemon."""

import asyncio
import socket
import time
from pathlib import Path

import pytest
from tests.analyzing.camera import CameraEnd
from tests.analyzing.daemon import inside
from tests.analyzing.home import Home
from tests.analyzing.scenes import BLUE, GREEN, RED, Figure, Scene, draw, scenes, shapes_model

from guardian.contracts.edge.v1.edge_pb2 import OBJECT_KIND_CLIP, OBJECT_KIND_SNAPSHOT, OBJECT_KIND_THUMBNAIL, Event
from guardian.edge.analyzer.app import decode
from guardian.vault import identity

CLIP = "ab" * 16


def start_of(film_seconds: float) -> float:
    """Wall clock such that the film ends about now."""
    return time.time() - film_seconds


def objects(event: Event, kind: int) -> list[str]:
    return [item.id for item in event.objects if item.kind == kind]


@pytest.mark.parametrize("scene", scenes(), ids=lambda scene: scene.name)
async def test_a_visit_becomes_one_signed_event_with_pictures_only_its_owner_can_open(
    home: Home, scene: Scene, tmp_path: Path
) -> None:
    home.configure(model=scene.model(tmp_path))
    ring = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    (home.run / "uplink").mkdir()
    ring.bind(str(home.run / "uplink" / "ring.sock"))
    start = start_of(scene.seconds)
    async with inside(home) as analyzer:
        camera = await CameraEnd.dial(analyzer.socket)
        for moment, frame in scene.film():
            await camera.frame(start + moment, frame)
        await camera.settled()
        await camera.clip(CLIP, start, start + scene.seconds - 1, closed=True)
        events = await analyzer.until_events(
            lambda found: bool(found) and found[0].HasField("end") and bool(objects(found[0], OBJECT_KIND_CLIP))
        )
        outbox = analyzer.outbox()
        asked = camera.asked
        await camera.close()
    assert len(events) == 1
    event = events[0]
    assert (event.label, event.camera_id, event.edge_id) == ("person", "front", home.edge)
    assert event.household_id == home.roster.household
    assert event.top_score > 0.7
    assert 5 < event.end.ToSeconds() - event.start.ToSeconds() < scene.seconds
    assert event.path
    assert asked
    assert asked[-1] > event.end.ToSeconds()
    assert ring.recv(16)
    ring.close()
    revisions = [item.revision for _, item, _, _ in outbox]
    assert revisions == list(range(1, len(revisions) + 1))
    for _, _, data, signature in outbox:
        identity.verify(home.keys.sign_public, b"guardian/event/v1\0" + data, signature)
    (snapshot,) = objects(event, OBJECT_KIND_SNAPSHOT)
    assert decode(home.open(snapshot, "snapshot")).shape[:2] == (event.frame_height, event.frame_width)
    (thumbnail,) = objects(event, OBJECT_KIND_THUMBNAIL)
    assert decode(home.open(thumbnail, "thumbnail")).shape[0] <= 320
    assert objects(event, OBJECT_KIND_CLIP) == [CLIP]
    assert len(list((home.state / "analyzer" / "objects").glob("*/*.sealed"))) == 2


async def test_two_people_at_once_are_two_events_and_a_car_is_none_of_them(home: Home, tmp_path: Path) -> None:
    home.configure(model=shapes_model(tmp_path))
    figures = [
        Figure(RED, 0.5, 7.0, top=100),
        Figure(GREEN, 0.9, 7.4, top=110),
        Figure(BLUE, 0.5, 7.0, top=300, size=(90, 40)),
    ]
    start = start_of(10)
    async with inside(home) as analyzer:
        camera = await CameraEnd.dial(analyzer.socket)
        for moment, frame in draw(figures, 10):
            await camera.frame(start + moment, frame)
        events = await analyzer.until_events(
            lambda found: len(found) >= 2 and all(item.HasField("end") for item in found)
        )
        await camera.close()
    assert [event.label for event in events] == ["person", "person"]


async def test_several_cameras_are_looked_at_in_turn(home: Home, tmp_path: Path) -> None:
    home.configure(model=shapes_model(tmp_path))
    names = ["front", "back", "side"]
    start = start_of(6)
    async with inside(home) as analyzer:
        cameras = [await CameraEnd.dial(analyzer.socket, name) for name in names]

        async def play(camera: CameraEnd) -> None:
            for moment, frame in draw([Figure(RED, 0.4, 4.0)], 6):
                await camera.frame(start + moment, frame)

        await asyncio.gather(*(play(camera) for camera in cameras))
        events = await analyzer.until_events(
            lambda found: len(found) == 3 and all(item.HasField("end") for item in found)
        )
        for camera in cameras:
            await camera.close()
    assert sorted(event.camera_id for event in events) == sorted(names)


async def test_a_clip_closed_after_its_event_ended_makes_one_more_revision_and_one_said_again_none(
    home: Home, tmp_path: Path
) -> None:
    home.configure(model=shapes_model(tmp_path))
    start = start_of(8)
    async with inside(home) as analyzer:
        camera = await CameraEnd.dial(analyzer.socket)
        await camera.clip(CLIP, start, start + 1)
        for moment, frame in draw([Figure(RED, 0.4, 4.0)], 8):
            await camera.frame(start + moment, frame)
            await camera.clip(CLIP, start, start + moment)
        events = await analyzer.until_events(lambda found: bool(found) and found[0].HasField("end"))
        assert [item.HasField("end") for item in events[0].objects if item.kind == OBJECT_KIND_CLIP] == [False]
        before = events[0].revision
        for _ in range(3):
            await camera.clip(CLIP, start, start + 9, closed=True)
        events = await analyzer.until_events(lambda found: found[0].revision > before)
        await camera.clip("cd" * 16, start, start + 9, closed=True)
        events = await analyzer.until_events(lambda found: len(objects(found[0], OBJECT_KIND_CLIP)) == 2)
        await camera.close()
    assert events[0].revision == before + 2
    assert all(item.HasField("end") for item in events[0].objects if item.kind == OBJECT_KIND_CLIP)
