"""CPU of one 1080p 15 fps camera recorded and sealed, beside PyAV remuxing the same stream to a plain file."""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import av
import numpy as np
from tools.camera.prepare import prepare

from guardian.common import kept, log
from guardian.edge import identity as identities
from guardian.edge.camera.recorder import Recorder
from guardian.edge.camera.source import Source
from guardian.edge.camera.stream import Unit
from guardian.edge.config import EdgeConfig, RecordConfig, load_camera
from guardian.edge.identity import IdentityFile
from guardian.edge.roster import RosterFile, path_of
from guardian.vault import roster as vault_roster
from guardian.vault import roster_author
from guardian.vault.encoding import new_id
from guardian.vault.identity import Keys
from guardian.vault.roster import Roster
from guardian.vault.roster_form import Edge

GOAL_RATIO, GOAL_CORE = 1.5, 0.02
_WIDTH, _HEIGHT, _FPS, _FILM_SECONDS = 1920, 1080, 15, 12
_ROUNDS, _SECONDS = 3, 15.0
# Connecting and the first clip's beginning happen once, not every second.
_WARM = 6.0
_SERVE = Path(__file__).resolve().parents[2] / "tools" / "camera" / "serve.py"


def run(rounds: int = _ROUNDS, seconds: float = _SECONDS) -> dict[str, Any]:
    """CPU seconds a second of both, in pairs that run at the same time on the same stream."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        film = prepare(_draw(folder / "film.mp4"), folder / "films")
        size = film.stat().st_size
        with subprocess.Popen(
            ["/usr/bin/python3", str(_SERVE), "--stdin", f"cam={film}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as camera:
            if camera.stdout is None or camera.stdin is None:
                raise RuntimeError("no pipes to the simulated camera")
            url = f"rtsp://127.0.0.1:{camera.stdout.readline().split()[1]}/cam"
            pairs = [_pair(url, folder / str(number), seconds) for number in range(rounds)]
            camera.stdin.close()
    ratios = sorted(ours / plain for ours, plain in pairs)
    core = statistics.median(ours for ours, _ in pairs)
    return {
        "what": "one 1080p15 camera recorded and sealed",
        "ratio": round(statistics.median(ratios), 2),
        "ratio_worst": round(ratios[-1], 2),
        "goal_ratio": GOAL_RATIO,
        "core": round(core, 4),
        "goal_core": GOAL_CORE,
        "baseline": "PyAV remux of the same stream to a plain MP4",
        "baseline_core": round(statistics.median(plain for _, plain in pairs), 4),
        "mbit_s": round(size * 8 / 1e6 / _FILM_SECONDS, 1),
        "rounds": rounds,
        "good": statistics.median(ratios) <= GOAL_RATIO and core <= GOAL_CORE,
    }


def _draw(path: Path) -> Path:
    """A restless 1080p picture at a camera's usual rate, without B-frames."""
    random = np.random.default_rng(3)
    base = random.integers(40, 200, (_HEIGHT // 8, _WIDTH // 8, 3), np.uint8).repeat(8, 0).repeat(8, 1)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=_FPS)
        stream.width, stream.height, stream.pix_fmt = _WIDTH, _HEIGHT, "yuv420p"
        stream.bit_rate = 4_000_000
        stream.options = {"preset": "ultrafast", "bf": "0", "g": str(_FPS), "sc_threshold": "0", "threads": "1"}
        for number in range(_FPS * _FILM_SECONDS):
            picture = np.ascontiguousarray(np.roll(base, number * 6, axis=1))
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def _pair(url: str, folder: Path, seconds: float) -> tuple[float, float]:
    folder.mkdir()
    command = [sys.executable, "-m", "tests.bench.recording", url, str(folder), str(seconds)]
    started = [
        subprocess.Popen([*command, kind], stdout=subprocess.PIPE, text=True, env=os.environ)
        for kind in ("ours", "plain")
    ]
    ours, plain = (json.loads(process.communicate(timeout=120)[0]) for process in started)
    return float(ours), float(plain)


def _ours(url: str, folder: Path, seconds: float) -> float:
    """Capture, ring, fragments, seals, fdatasync, index: the daemon's parts without the sampler."""
    settings, state = _edge(url, folder), folder / "state"
    recorder = Recorder(
        state / "cameras" / "bench",
        "bench",
        RecordConfig(),
        identities.load(state),
        RosterFile(state),
        changed=lambda _: None,
        faulted=lambda _: None,
    )
    first = threading.Event()

    def take(unit: Unit) -> None:
        recorder.offer(unit)
        first.set()

    source = Source(load_camera(settings, "bench"), unit=take, gap=recorder.gap)
    recorder.start()
    recorder.need(time.time() + 3600)
    source.start()
    first.wait(30)
    time.sleep(_WARM)
    spent = _cpu(seconds)
    source.stop()
    recorder.stop()
    if recorder.durable <= 0:
        raise RuntimeError("nothing was recorded")
    return spent


def _plain(url: str, folder: Path, seconds: float) -> float:
    """What anyone would write with PyAV."""
    options = {"rtsp_transport": "tcp"}
    with av.open(url, options=options) as source, av.open(str(folder / "plain.mp4"), "w") as out:
        stream = source.streams.video[0]
        copy = out.add_stream_from_template(stream)
        connected = time.monotonic()
        begun: tuple[float, float] | None = None
        for packet in source.demux(stream):
            if packet.dts is None:
                continue
            packet.stream = copy
            out.mux(packet)
            moment = time.monotonic()
            if begun is None and moment - connected >= _WARM:
                begun = (moment, time.process_time())
            elif begun is not None and moment - begun[0] >= seconds:
                return (time.process_time() - begun[1]) / (moment - begun[0])
    raise RuntimeError("the camera ended")


def _cpu(seconds: float) -> float:
    begun, spent = time.monotonic(), time.process_time()
    time.sleep(seconds)
    return (time.process_time() - spent) / (time.monotonic() - begun)


def _edge(url: str, folder: Path) -> EdgeConfig:
    """An enrolled edge of a household of its own."""
    keys, edge = Keys.generate(), new_id()
    author, first = roster_author.genesis("Bench", Keys.generate())
    roster = Roster.verify([first])
    entry = Edge(id=edge, name="Bench", sign=keys.sign_public, receive=keys.receive_public)
    roster = roster.extend([roster_author.add_edge(roster, author, entry)])
    state = folder / "state"
    path_of(state).parent.mkdir(parents=True)
    path_of(state).write_bytes(vault_roster.to_json(roster.entries))
    file = IdentityFile(tenant="bench", edge=edge, name="Bench", gateway="127.0.0.1:1")
    kept.put(state, identities.parts(state, file, keys, tls_key=b"", tls_certificate=b"", ca=b""))
    cameras = folder / "cameras"
    cameras.mkdir()
    (cameras / "bench.yaml").write_text(f"name: Bench\npath: {url}\n")
    return EdgeConfig(state_dir=state, cameras_dir=cameras)


def main() -> None:
    """One side of a pair, or the whole."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("side", nargs="*", metavar="URL FOLDER SECONDS ours|plain")
    side = parser.parse_args().side
    if not side:
        print(json.dumps(run(), indent=1))
        return
    log.setup("bench", "warning")
    url, folder, seconds, kind = side
    work = _ours if kind == "ours" else _plain
    print(json.dumps(work(url, Path(folder), float(seconds))))


if __name__ == "__main__":
    main()
