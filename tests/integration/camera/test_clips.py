"""Real RTSP in, real sealed clips out, opened with the owner's keys."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import av
from tests.integration.camera.support import (
    EdgeFolders,
    SimulatedCamera,
    await_for,
    movie,
    pictures,
    running,
    wait_for,
)

from guardian.edge.analyzer.intake import Intake, Link
from guardian.edge.analyzer.protocol import ClipNote, FrameHead, Message, MotionNote

Simulate = Callable[..., SimulatedCamera]
QUICK: dict[str, Any] = {"record": {"pre_capture": 2, "post_capture": 1}}


class Listener:
    """The analyzer's own socket with a notebook behind it: what the camera daemon said."""

    def __init__(self, run_dir: Path) -> None:
        self.notes: list[Message] = []
        self.names: list[str] = []
        self.intake = Intake(run_dir / "analyzer" / "frames.sock", on_hello=self._hello, on_note=self._note)
        self.frames: list[FrameHead] = []
        self.link: Link | None = None
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self.intake.start()
        self._task = asyncio.create_task(self._look())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
        await self.intake.stop()

    async def _hello(self, link: Link) -> None:
        self.names.append(link.name)
        self.link = link

    async def _note(self, link: Link, message: Message) -> None:
        self.notes.append(message)

    async def _look(self) -> None:
        while True:
            link, message, payload = await self.intake.next()
            if isinstance(message, FrameHead):
                assert len(payload) == message.width * message.height * 3
                self.frames.append(message)
                link.grant(1)

    def clips(self) -> list[ClipNote]:
        return [note for note in self.notes if isinstance(note, ClipNote)]

    def motions(self) -> list[MotionNote]:
        return [note for note in self.notes if isinstance(note, MotionNote)]


def closed(folders: EdgeFolders) -> list[dict[str, Any]]:
    return [row for row in folders.clips() if row["state"] == "closed"]


async def test_without_an_analyzer_motion_is_recorded_whole_and_told_when_it_comes_back(
    folders: EdgeFolders, simulate: Simulate, drawn: Path, film: Path
):
    camera = simulate("--start-on-connect", f"front={film}")
    folders.write_camera(f"rtsp://127.0.0.1:{camera.port}/front", **QUICK)
    with av.open(str(drawn)) as container:
        source = [frame.to_ndarray().tobytes() for frame in container.decode(video=0)]
    with running(folders):
        (row, *_) = await await_for(lambda: closed(folders))
        clip = folders.open(row)
        assert clip.state == "complete"
        metadata = clip.header.metadata
        assert (metadata.camera, metadata.width, metadata.height) == ("front", 320, 192)
        # B-frames: the very pictures of the source, in their order, none missing.
        shown = pictures(movie(clip))
        first = source.index(shown[0])
        assert shown == (source * 2)[first : first + len(shown)]
        # The visit's 20 pictures begin at number 40 and leave little by little: two seconds before it, one after.
        assert first <= 40 - 20
        assert first + len(shown) >= 55 + 10
        assert metadata.pre_capture_ms >= 2000
        # Every fragment begins with a key frame and lasts about a second, but for the last.
        assert all(part.key for part in clip.parts[1:])
        assert [round(part.start / 90_000, 1) for part in clip.parts[1:]] == [*range(len(clip.parts) - 1)]
        async with Listener(folders.run) as analyzer:
            await await_for(analyzer.motions)
            assert analyzer.names == ["Front door"]
            note = next(item for item in analyzer.clips() if item.id == row["object_id"])
            assert note.closed and not note.truncated
            motion = analyzer.motions()[0]
            assert note.end is not None and note.start <= motion.start < motion.end <= note.end


async def test_with_an_analyzer_it_alone_says_what_is_recorded(folders: EdgeFolders, simulate: Simulate, film: Path):
    camera = simulate("--start-on-connect", f"front={film}")
    folders.write_camera(f"rtsp://127.0.0.1:{camera.port}/front", **QUICK)
    async with Listener(folders.run) as analyzer:
        with running(folders):
            await await_for(lambda: any(frame.motion for frame in analyzer.frames))
            assert {(frame.width, frame.height) for frame in analyzer.frames} == {(320, 192)}
            assert folders.clips() == []
            assert analyzer.link is not None
            moment = analyzer.frames[-1].time
            analyzer.link.record(moment + 3)
            (row,) = await await_for(lambda: closed(folders))
            # From before the word was given until when it was asked for.
            assert row["start"] <= moment - 1.5
            assert row["end"] >= moment + 2.8
            await await_for(lambda: analyzer.clips()[-1].closed)
            notes = [note for note in analyzer.clips() if note.id == row["object_id"]]
            assert [note.closed for note in notes] == [False] * (len(notes) - 1) + [True]
            assert notes[0].end is None and len(notes) >= 4
            assert analyzer.motions() == []


async def test_someone_who_stands_still_goes_on_being_looked_at(folders: EdgeFolders, simulate: Simulate, film: Path):
    camera = simulate("--start-on-connect", "--once", f"front={film}")
    folders.write_camera(f"rtsp://127.0.0.1:{camera.port}/front", motion={"refresh": 0.5}, **QUICK)
    async with Listener(folders.run) as analyzer:
        with running(folders):
            await await_for(lambda: sum(not frame.motion for frame in analyzer.frames) >= 4)
            assert not any(frame.motion for frame in analyzer.frames[:2])


def test_a_killed_recorder_loses_at_most_a_second_and_says_that_the_clip_is_cut(
    folders: EdgeFolders, simulate: Simulate, other_film: Path
):
    camera = simulate(f"front={other_film}")
    folders.write_camera(f"rtsp://127.0.0.1:{camera.port}/front", **QUICK)
    with running(folders) as daemon:
        wait_for(lambda: [row for row in folders.clips() if row["end"] - row["start"] > 0.5])
        row = folders.clips()[-1]
        path = folders.camera / row["path"]
        size = path.stat().st_size
        wait_for(lambda: path.stat().st_size > size + 4096)
        daemon.kill()
    cut = folders.open(row)
    assert cut.state == "truncated"
    shown = pictures(movie(cut))
    ticks = sum(part.duration for part in cut.parts)
    assert len(shown) >= 10 and ticks == 0
    # The last write was the last second: nothing older than that can be missing.
    written = path.stat().st_mtime
    assert written - row["start"] - len(shown) / 10 < 1.5
    with running(folders) as daemon:
        again = wait_for(lambda: [item for item in folders.clips() if item["state"] == "truncated"])
        assert again[0]["object_id"] == row["object_id"]
        assert wait_for(lambda: [line for line in daemon.log_lines() if line["event"] == "clip_truncated"])
        assert daemon.stop() == 0


async def test_nothing_is_recorded_before_the_owners_vault_is_known_and_a_new_epoch_takes_the_next_clip(
    folders: EdgeFolders, simulate: Simulate, other_film: Path
):
    camera = simulate(f"front={other_film}")
    folders.write_camera(f"rtsp://127.0.0.1:{camera.port}/front", **QUICK)
    roster = folders.base / "state" / "uplink" / "roster.json"
    roster.unlink()
    with running(folders) as daemon:
        await await_for(lambda: daemon.dependency("camera").get("state") == "ok")
        vault = daemon.dependency("vault")
        assert (vault["state"], vault["reason"]) == ("waiting", "no_roster")
        await asyncio.sleep(2)
        assert list(folders.camera.glob("clips/*/*")) == []
        folders.write_roster()
        async with Listener(folders.run) as analyzer:
            (first, *_) = await await_for(folders.clips)
            await await_for(lambda: analyzer.link)
            # With the analyzer there, the clip made for motion alone comes to its end.
            await await_for(lambda: closed(folders))
            folders.household.new_epoch()
            folders.write_roster()
            assert analyzer.link is not None
            analyzer.link.record(analyzer.frames[-1].time + 2)
            rows = await await_for(lambda: len(closed(folders)) > 1 and closed(folders))
    assert folders.open(first).header.prefix.epoch == 1
    assert folders.open(rows[-1]).header.prefix.epoch == 2


def test_the_picture_size_changes_in_the_stream_and_a_second_clip_begins(
    folders: EdgeFolders, simulate: Simulate, film: Path, other_film: Path
):
    camera = simulate(f"front={other_film}")
    folders.write_camera(f"rtsp://127.0.0.1:{camera.port}/front", record={"pre_capture": 2, "post_capture": 5})
    with running(folders) as daemon:
        wait_for(lambda: [row for row in folders.clips() if row["end"] - row["start"] > 0.5])
        camera.command(f"switch front {film}")
        rows = wait_for(lambda: len(folders.clips()) > 1 and folders.clips())
        wait_for(lambda: daemon.dependency("camera").get("detail", {}).get("width") == 320)
        assert daemon.stop() == 0
    before, after = (folders.open(row) for row in folders.clips()[:2])
    assert rows[0]["state"] == "closed"
    assert (before.header.metadata.width, after.header.metadata.width) == (480, 320)
    assert before.state == after.state == "complete"
    assert pictures(movie(before)) and pictures(movie(after))
    assert "resolution_changed" in daemon.log_text()
