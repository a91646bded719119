"""What goes wrong around the analyzer: it says so, loses nothing it had stored, and goes on."""

import asyncio
import struct
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from tests.analyzing.camera import CameraEnd
from tests.analyzing.daemon import inside, process
from tests.analyzing.home import Home, short_folder
from tests.analyzing.scenes import RED, Figure, background, draw, shapes_model

from guardian.contracts.edge.v1.edge_pb2 import OBJECT_KIND_CLIP

CLIP = "ab" * 16
SMALL = np.zeros((32, 32, 3), np.uint8)


def head(**changes: Any) -> dict[str, Any]:
    return {"type": "frame", "seq": 1, "time": time.time(), "width": 32, "height": 32, "motion": True, **changes}


async def test_killed_in_the_middle_of_a_visit_it_closes_that_event_once_and_the_clip_comes_back(
    home: Home, tmp_path: Path
) -> None:
    home.configure(model=shapes_model(tmp_path))
    start = time.time() - 8
    async with process(home) as analyzer:
        camera = await CameraEnd.dial(analyzer.socket)
        await camera.clip(CLIP, start, start + 3)
        for moment, frame in draw([Figure(RED, 0.4, 60.0)], 5):
            await camera.frame(start + moment, frame)
        before = await analyzer.until_events(bool)
        await analyzer.kill()
        await camera.closed()
    assert not before[0].HasField("end")
    acknowledged = len(analyzer.outbox())
    async with process(home) as again:
        events = await again.until_events(lambda found: found[0].HasField("end"))
        camera = await CameraEnd.dial(again.socket)
        await camera.clip(CLIP, start, start + 6, closed=True)
        events = await again.until_events(
            lambda found: any(item.kind == OBJECT_KIND_CLIP and item.HasField("end") for item in found[0].objects)
        )
        await camera.close()
    assert [event.id for event in events] == [before[0].id]
    assert before[0].start == events[0].start
    assert start < events[0].end.ToSeconds() <= start + 6
    revisions = [event.revision for _, event, _, _ in again.outbox()]
    assert revisions == list(range(1, len(revisions) + 1))
    assert len(revisions) >= acknowledged + 2


async def test_a_corrupt_model_is_refused_on_reload_and_the_old_one_goes_on(home: Home, tmp_path: Path) -> None:
    good = shapes_model(tmp_path)
    home.configure(model=good)
    bad = tmp_path / "bad.onnx"
    bad.write_bytes(Path(good["path"]).read_bytes()[:3000] + b"\0" * 500)
    async with inside(home) as analyzer:
        assert (await analyzer.dependency("detector"))["state"] == "ok"
        home.configure(model={"path": str(bad)})
        await analyzer.service.reload()
        told = await analyzer.dependency("detector")
        assert (told["state"], told["reason"]) == ("degraded", "model_corrupt")
        assert "shapes goes on" in told["sentence"]
        jpeg = cv2.imencode(".jpg", next(frame for _, frame in draw([Figure(RED, 0, 9, enter=200)], 1)))[1].tobytes()
        answer = (await analyzer.http("POST", "/detect", content=jpeg)).json()
        assert [item["label"] for item in answer["detections"]] == ["person"]
        home.configure(model=good)
        await analyzer.service.reload()
        assert (await analyzer.dependency("detector"))["state"] == "ok"


async def test_a_model_swapped_while_frames_arrive_costs_no_frame_and_no_event(home: Home, tmp_path: Path) -> None:
    home.configure(model=shapes_model(tmp_path))
    start = time.time() - 8
    async with inside(home) as analyzer:
        camera = await CameraEnd.dial(analyzer.socket)
        for number, (moment, frame) in enumerate(draw([Figure(RED, 0.4, 5.0)], 8)):
            await camera.frame(start + moment, frame)
            if number in {8, 14}:
                await analyzer.service.reload()
        events = await analyzer.until_events(lambda found: bool(found) and found[0].HasField("end"))
        await camera.settled()
        metrics = (await analyzer.http("GET", "/metrics")).text
        await camera.close()
    assert len(events) == 1
    assert 'guardian_frames_total{camera="front"} 40.0' in metrics


async def test_without_a_model_motion_makes_the_events_and_health_says_how_to_get_one(
    home: Home, tmp_path: Path
) -> None:
    home.configure(model={"path": str(tmp_path / "missing.onnx")})
    start = time.time() - 12
    async with inside(home) as analyzer:
        told = await analyzer.dependency("detector")
        assert (told["state"], told["reason"]) == ("degraded", "model_missing")
        assert "guardian model fetch" in told["sentence"]
        camera = await CameraEnd.dial(analyzer.socket)
        for moment, frame in draw([Figure(RED, 1.0, 4.0)], 5):
            await camera.frame(start + moment, frame, motion=1.0 <= moment < 4.0)
        await camera.send({"type": "idle", "time": start + 10})
        events = await analyzer.until_events(lambda found: bool(found) and found[0].HasField("end"))
        assert (await analyzer.http("POST", "/detect", content=b"\xff\xd8")).status_code == 422
        Path(shapes_model(tmp_path)["path"]).rename(tmp_path / "missing.onnx")
        await analyzer.until("detector", lambda found: found["state"] == "ok")
        asked = camera.asked
        await camera.close()
    assert [event.label for event in events] == ["motion"]
    assert asked
    assert len(events[0].objects) == 2
    assert not events[0].HasField("best")
    assert events[0].end.ToSeconds() - events[0].start.ToSeconds() == pytest.approx(3, abs=1)


async def test_motion_recorded_while_it_was_away_becomes_one_event_however_often_it_is_told(
    home: Home, tmp_path: Path
) -> None:
    home.configure(model=shapes_model(tmp_path))
    start = time.time() - 300
    async with inside(home) as analyzer:
        camera = await CameraEnd.dial(analyzer.socket)
        await camera.clip(CLIP, start - 5, start + 20, closed=True)
        for _ in range(3):
            await camera.send({"type": "motion", "start": start, "end": start + 12})
        await camera.send({"type": "motion", "start": start + 60, "end": start + 61})
        events = await analyzer.until_events(lambda found: len(found) >= 2)
        await camera.close()
    assert [event.label for event in events] == ["motion", "motion"]
    assert [len(event.objects) for event in events] == [1, 0]


async def test_before_the_owner_has_a_vault_nothing_is_stored_and_then_it_is(tmp_path: Path) -> None:
    with short_folder() as run:
        home = Home.make(tmp_path, run)
        home.configure(model=shapes_model(tmp_path))
        start = time.time() - 12
        async with inside(home) as analyzer:
            told = await analyzer.dependency("vault")
            assert (told["state"], told["reason"]) == ("waiting", "no_roster")
            camera = await CameraEnd.dial(analyzer.socket)
            for moment, frame in draw([Figure(RED, 0.4, 3.0)], 6):
                await camera.frame(start + moment, frame)
            await camera.settled()
            assert not analyzer.outbox()
            assert not camera.asked
            home.deliver_roster()
            await analyzer.until("vault", lambda found: found["state"] == "ok")
            for moment, frame in draw([Figure(RED, 0.4, 3.0)], 6):
                await camera.frame(start + 6 + moment, frame)
            events = await analyzer.until_events(lambda found: bool(found) and found[0].HasField("end"))
            await camera.close()
    assert len(events) == 1
    assert events[0].start.ToSeconds() >= int(start + 6)


HOSTILE: dict[str, list[tuple[dict[str, Any], bytes]]] = {
    "no hello": [(head(), SMALL.tobytes())],
    "a camera name that is a path": [({"type": "hello", "camera": "../front"}, b"")],
    "an unknown type": [({"type": "hello", "camera": "back"}, b""), ({"type": "shutdown"}, b"")],
    "two hellos": [({"type": "hello", "camera": "back"}, b"")] * 2,
    "a short picture": [({"type": "hello", "camera": "back"}, b""), (head(), SMALL.tobytes()[:-1])],
    "an endless picture": [({"type": "hello", "camera": "back"}, b""), (head(width=9000, height=9000), b"")],
    "a time that is no number": [
        ({"type": "hello", "camera": "back"}, b""),
        (head(time=float("nan")), SMALL.tobytes()),
    ],
    "more frames than credit": [({"type": "hello", "camera": "back"}, b""), *[(head(), SMALL.tobytes())] * 400],
    "a clip that ends before it begins": [
        ({"type": "hello", "camera": "back"}, b""),
        ({"type": "clip", "id": CLIP, "start": 9, "end": 1, "closed": True, "truncated": False}, b""),
    ],
    "a clip with a path for an id": [
        ({"type": "hello", "camera": "back"}, b""),
        ({"type": "clip", "id": "../../x", "start": 1, "end": 2, "closed": True, "truncated": False}, b""),
    ],
}
RAW = {
    "noise": b"\xff" * 64,
    "a header of 4 GiB": struct.pack(">I", 0xFFFFFFFF),
    "a header that is not JSON": struct.pack(">I", 3) + b"{{{" + struct.pack(">I", 0),
    "a cut message": struct.pack(">I", 30) + b'{"type"',
}


async def test_malformed_messages_end_their_own_connection_and_nobody_elses(home: Home, tmp_path: Path) -> None:
    home.configure(model=shapes_model(tmp_path))
    start = time.time() - 6
    async with inside(home) as analyzer:
        good = await CameraEnd.dial(analyzer.socket)
        film = draw([Figure(RED, 0.2, 4.0)], 6)
        for messages in HOSTILE.values():
            reader, writer = await asyncio.open_unix_connection(str(analyzer.socket))
            bad = CameraEnd(reader, writer)
            try:
                for header, payload in messages:
                    await bad.send(header, payload)
            except ConnectionError:
                pass
            await bad.closed()
            moment, frame = next(film)
            await good.frame(start + moment, frame)
        for data in RAW.values():
            reader, writer = await asyncio.open_unix_connection(str(analyzer.socket))
            writer.write(data)
            writer.write_eof()
            assert await reader.read() == b""
            writer.close()
        for moment, frame in film:
            await good.frame(start + moment, frame)
        events = await analyzer.until_events(lambda found: bool(found) and found[0].HasField("end"))
        assert (await analyzer.http("GET", "/live")).status_code == 200
        await good.close()
    assert [event.camera_id for event in events] == ["front"]


def jpeg_that_claims(width: int, height: int) -> bytes:
    return (
        b"\xff\xd8\xff\xc0\x00\x11\x08"
        + struct.pack(">HH", height, width)
        + b"\x03\x01\x22\x00\x02\x11\x01\x03\x11\x01"
    )


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        (b"", 422, "not_jpeg"),
        (b"GIF89a" * 10, 422, "not_jpeg"),
        (jpeg_that_claims(60000, 60000), 422, "image_size"),
        (jpeg_that_claims(640, 360), 422, "image_damaged"),
        (b"\xff\xd8" + b"\xff\xe0\xff\xff" * 9, 422, "not_jpeg"),
        (b"\xff\xd8" + bytes(9 << 20), 413, "too_large"),
    ],
    ids=["empty", "gif", "bomb", "cut", "endless marker", "9 MiB"],
)
async def test_a_picture_that_is_none_is_refused_with_a_sentence(
    home: Home, tmp_path: Path, body: bytes, status: int, reason: str
) -> None:
    home.configure(model=shapes_model(tmp_path))
    async with inside(home) as analyzer:
        answer = await analyzer.http("POST", "/detect", content=body)
    assert (answer.status_code, answer.json()["reason"]) == (status, reason)
    assert answer.json()["sentence"].endswith(".")


async def test_many_callers_at_once_are_all_answered_while_a_camera_is_watched(home: Home, tmp_path: Path) -> None:
    home.configure(model=shapes_model(tmp_path))
    jpeg = cv2.imencode(".jpg", background())[1].tobytes()
    async with inside(home) as analyzer:
        camera = await CameraEnd.dial(analyzer.socket)
        calls = [asyncio.create_task(analyzer.http("POST", "/detect", content=jpeg)) for _ in range(16)]
        for moment, frame in draw([], 4):
            await camera.frame(time.time() + moment, frame)
        answers = [await call for call in calls]
        await analyzer.until("detector", lambda found: found["detail"]["inferences"] >= 16 + 20)
        await camera.close()
    assert [answer.json()["detections"] for answer in answers] == [[]] * 16
