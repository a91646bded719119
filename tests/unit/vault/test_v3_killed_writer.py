"""V3: an object whose writer died opens up to its last whole part, as truncated, never as complete."""

import errno
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.unit.vault.opening import CLIP_ID, Opener, refusal, write_edge_state
from tests.unit.vault.recorder_process import fragment
from tests.vectors.household import Home, MemorySink

from guardian.vault import parts, reader
from guardian.vault.errors import VaultError
from guardian.vault.writer import FileSink, SealedWriter

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("after", [1, 7, 23])
def test_v3_a_recorder_killed_while_writing_leaves_every_part_it_called_durable(
    after: int, tmp_path: Path, opener: Opener
) -> None:
    path = tmp_path / "clip.sealed"
    write_edge_state(opener.home, tmp_path)
    command = [sys.executable, "-m", "tests.unit.vault.recorder_process", str(tmp_path), str(path)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(["src", "."])}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, env=environment)
    assert process.stdout is not None
    told = [process.stdout.readline() for _ in range(after)]
    process.send_signal(signal.SIGKILL)
    told += process.stdout.readlines()
    process.stdout.close()
    assert process.wait() == -signal.SIGKILL
    durable = sum(line.endswith(b"\n") for line in told)

    with reader.FileSource(path) as source:
        opened = reader.open_object(source, opener.home.roster, opener.epochs, edge=opener.home.edge.id)
        assert opened.state == "truncated"
        assert len(opened.parts) >= durable + 1
        for counter in range(len(opened.parts)):
            assert opened.read_part(counter) == parts.pad_clip(fragment(counter))


def test_v3_an_edge_without_keys_finds_where_the_last_whole_part_ends(
    tmp_path: Path, home: Home, opener: Opener
) -> None:
    path = tmp_path / "clip.sealed"
    with SealedWriter.create(path, home.roster.epoch, home.edge_keys, home.metadata(), object_id=CLIP_ID) as writer:
        writer.init(b"init")
        writer.media(b"one", 0, 1, key=True)
        whole = writer.size
        writer.media(b"two", 1, 1, key=True)
    cut = path.read_bytes()[:-700]
    seen = reader.scan(reader.BytesSource(cut))
    assert (seen.end, len(seen.parts), seen.closed) == (whole, 2, False)
    assert opener.read(cut[: seen.end]) == opener.read(cut)
    after_power_cut = cut[: seen.end] + bytes(8000)
    assert opener.refused(after_power_cut) == "damaged"
    assert reader.scan(reader.BytesSource(after_power_cut)).end == whole


def test_v3_leaving_without_close_is_truncated_and_close_makes_it_complete(home: Home, opener: Opener) -> None:
    sink = MemorySink()
    writer = SealedWriter(sink, home.roster.epoch, home.edge_keys, home.metadata(), object_id=CLIP_ID)
    states = [opener.open(sink.data).state]
    writer.init(b"init")
    writer.media(b"one", 0, 1, key=True)
    states.append(opener.open(sink.data).state)
    writer.close()
    states.append(opener.open(sink.data).state)
    assert states == ["truncated", "truncated", "complete"]
    assert sink.synced == len(sink.data) == writer.size


class FailingSink(MemorySink):
    """Writes half of what it is given, then says the disk is full."""

    fail = False

    def write(self, *pieces: bytes | memoryview) -> None:
        if self.fail:
            whole = b"".join(pieces)
            super().write(whole[: len(whole) // 2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        super().write(*pieces)


class UnsyncedSink(MemorySink):
    """Writes all, but cannot make it durable."""

    fail = False

    def sync(self) -> None:
        if self.fail:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        super().sync()


@pytest.mark.parametrize("sink", [FailingSink(), UnsyncedSink()])
def test_v3_a_failed_write_ends_the_object_for_good(
    sink: FailingSink | UnsyncedSink, home: Home, opener: Opener
) -> None:
    writer = SealedWriter(sink, home.roster.epoch, home.edge_keys, home.metadata(), object_id=CLIP_ID)
    writer.init(b"init")
    writer.media(b"one", 0, 1, key=True)
    size = writer.size
    sink.fail = True
    with pytest.raises(VaultError) as caught:
        writer.media(b"two", 1, 1, key=True)
    assert caught.value.reason == "write_failed"
    assert isinstance(caught.value.__cause__, OSError)
    sink.fail = False
    written = sink.data
    assert refusal(lambda: writer.media(b"two again", 1, 1, key=True)) == "writer_ended"
    assert refusal(writer.close) == "writer_ended"
    assert sink.data == written, "no counter is used twice"
    assert (writer.size, writer.count) == (size, 2)
    assert opener.read(sink.data)[0] == "truncated"


def test_v3_a_real_file_that_cannot_grow_ends_the_object(tmp_path: Path, home: Home, opener: Opener) -> None:
    path = tmp_path / "clip.sealed"
    writer = SealedWriter.create(path, home.roster.epoch, home.edge_keys, home.metadata(), object_id=CLIP_ID)
    writer.init(b"init")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (writer.size + 1000, limits[1]))
    try:
        assert refusal(lambda: writer.media(bytes(9000), 0, 1, key=True)) == "write_failed"
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.stat().st_size == writer.size + 1000
    state, content = opener.read(path.read_bytes())
    assert (state, content) == ("truncated", parts.pad_clip(b"init"))


def test_v3_an_interrupt_inside_a_write_ends_the_object(home: Home) -> None:
    class Interrupted(MemorySink):
        armed = False

        def sync(self) -> None:
            if self.armed:
                raise KeyboardInterrupt

    sink = Interrupted()
    writer = SealedWriter(sink, home.roster.epoch, home.edge_keys, home.metadata())
    sink.armed = True
    with pytest.raises(KeyboardInterrupt):
        writer.init(b"init")
    sink.armed = False
    assert refusal(lambda: writer.init(b"init")) == "writer_ended"


def test_v3_a_file_is_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "clip.sealed"
    path.write_bytes(b"older")
    with pytest.raises(FileExistsError):
        FileSink(path)
    assert path.read_bytes() == b"older"


def test_v3_parts_out_of_order_or_size_are_refused_before_they_are_sealed(home: Home, opener: Opener) -> None:
    sink = MemorySink()
    clip = SealedWriter(sink, home.roster.epoch, home.edge_keys, home.metadata(), object_id=CLIP_ID)
    assert refusal(clip.close) == "writer_misused"
    assert refusal(lambda: clip.media(b"early", 0, 1, key=True)) == "writer_misused"
    assert refusal(lambda: clip.data(b"no picture")) == "writer_misused"
    clip.init(b"init")
    assert refusal(lambda: clip.init(b"twice")) == "writer_misused"
    assert refusal(lambda: clip.media(bytes(parts.MAX_PLAIN + 1), 0, 1, key=True)) == "writer_misused"
    assert refusal(lambda: clip.media(b"backwards", -1, 1, key=True)) == "writer_misused"
    clip.media(b"goes on", 0, 1, key=True)
    clip.close()
    assert opener.open(sink.data).state == "complete"
    picture = SealedWriter(MemorySink(), home.roster.epoch, home.edge_keys, home.picture())
    assert refusal(lambda: picture.init(b"init")) == "writer_misused"
    assert refusal(lambda: picture.data(b"")) == "writer_misused"


@pytest.mark.parametrize("size", [1, 4087, 4088, 4089, 4090, 4095, 4096, 4097, 8191])
def test_v3_padding_is_a_free_box_that_a_player_skips(size: int) -> None:
    padded = parts.pad_clip(b"x" * size)
    assert len(padded) % parts.STEP == 0
    box = padded[size:]
    if box:
        assert int.from_bytes(box[:4], "big") == len(box) >= 8
        assert box[4:8] == b"free"
        assert not box[8:].strip(b"\0")
