"""Make a film for the simulated camera from any footage: H.264 as it is, the rest transcoded once."""

import argparse
import hashlib
import os
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.bitstream import BitStreamFilterContext

if __package__ in {None, ""}:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from tools.camera.container import Unit, write

# Raise it when what is written changes: films in a cache are found by content and version.
VERSION = 2
NANO = 1_000_000_000


def prepare(source: Path, cache: Path) -> Path:
    """The film of `source` in `cache`, made unless it is there."""
    with source.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    film = cache / f"{digest[:32]}-{VERSION}.film"
    if film.exists():
        return film
    cache.mkdir(parents=True, exist_ok=True)
    temporary = film.with_suffix(f".{os.getpid()}.new")
    try:
        with av.open(str(source)) as container:
            stream = next(iter(container.streams.video), None)
            if stream is None:
                raise ValueError(f"{source} holds no pictures")
            copied = stream.codec_context.name == "h264"
            units = list(_copy(container, stream) if copied else _transcode(container, stream))
        if not units or not units[0].key:
            raise ValueError(f"{source} holds no picture that can be played from its start")
        first = units[0].pts
        units = [Unit(unit.data, unit.pts - first, unit.dts - first, unit.key) for unit in units]
        shown = sorted(unit.pts for unit in units)
        frame = shown[-1] // max(1, len(shown) - 1) if len(shown) > 1 else NANO // 10
        info = {"source": source.name, "duration": shown[-1] + frame, "frame": frame, "copied": copied}
        with temporary.open("wb") as file:
            write(file, info, units)
        temporary.replace(film)
    finally:
        temporary.unlink(missing_ok=True)
    return film


def _nano(value: int, base: Fraction) -> int:
    return int(value * base * NANO)


def _copy(container: av.container.InputContainer, stream: av.video.stream.VideoStream) -> Iterator[Unit]:
    annex_b = BitStreamFilterContext("h264_mp4toannexb", stream)
    base = stream.time_base or Fraction(1, 90_000)
    for packet in container.demux(stream):
        if packet.size == 0:
            continue
        pts, dts, key = packet.pts, packet.dts, packet.is_keyframe
        if dts is None or pts is None:
            raise ValueError("footage without time stamps")
        data = b"".join(bytes(item) for item in annex_b.filter(packet))
        yield Unit(data, _nano(pts, base), _nano(dts, base), key)


def _transcode(container: av.container.InputContainer, stream: av.video.stream.VideoStream) -> Iterator[Unit]:
    rate = stream.average_rate or Fraction(10)
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = stream.width, stream.height, "yuv420p"
    encoder.framerate, encoder.time_base = rate, 1 / rate
    gop = str(max(1, round(rate)))
    encoder.options = {"preset": "veryfast", "crf": "20", "bf": "0", "g": gop, "keyint_min": gop, "sc_threshold": "0"}
    # Threads would cut each picture into slices.
    encoder.thread_type = "FRAME"
    for count, frame in enumerate(container.decode(stream)):
        picture = frame.reformat(format="yuv420p")
        picture.pts, picture.time_base = count, 1 / rate
        # The decoder's picture types would be taken for orders.
        picture.pict_type = 0
        yield from _units(encoder.encode(picture), 1 / rate)
    yield from _units(encoder.encode(None), 1 / rate)


def _units(packets: "list[av.Packet[Any]]", base: Fraction) -> Iterator[Unit]:
    for packet in packets:
        if packet.pts is None or packet.dts is None:
            raise ValueError("the encoder gave a packet without time stamps")
        yield Unit(bytes(packet), _nano(packet.pts, base), _nano(packet.dts, base), packet.is_keyframe)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("--cache", type=Path, default=Path(".cache/films"))
    arguments = parser.parse_args()
    try:
        print(prepare(arguments.source, arguments.cache))
    except (av.FFmpegError, ValueError) as error:
        cause = error.strerror if isinstance(error, av.FFmpegError) else error
        sys.exit(f"{arguments.source.name} cannot be played as a camera's film: {cause}.")


if __name__ == "__main__":
    main()
