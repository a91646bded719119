"""What stands beside the whole line: a loop that only detects, a bare notification, a file served without a relay."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import av
import numpy as np
import psycopg

from guardian.edge.detectors.base import Detector

ROOT = Path(__file__).resolve().parents[2]


class BareLoop:
    """PyAV and the detector on every picture of a stream, in this process: when something came into view."""

    def __init__(self, url: str, detector: Detector, *, score: float = 0.4) -> None:
        self._url, self._detector, self._score = url, detector, score
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.moments: list[float] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join(10)

    def _run(self) -> None:
        with av.open(self._url, options={"rtsp_transport": "tcp"}, timeout=(10, 10)) as source:
            for frame in source.decode(video=0):
                if self._stopping.is_set():
                    return
                picture = np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)
                if any(item.score >= self._score for item in self._detector.detect(picture)):
                    self.moments.append(time.time())


class Notifier:
    """NOTIFY and LISTEN on two connections, in a process of the user whom the database lets in."""

    def __init__(self, dsn: str, user: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench._bare", dsn],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            cwd=ROOT,
            user=user if os.geteuid() == 0 else None,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def once(self) -> float:
        """Seconds from a committed NOTIFY to whoever listens."""
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("no pipes to the notifying process")
        self._process.stdin.write("once\n")
        return float(self._process.stdout.readline())


def _notify(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as listening, psycopg.connect(dsn, autocommit=True) as telling:
        listening.execute("LISTEN guardian_bench")
        for _ in sys.stdin:
            began = time.perf_counter()
            telling.execute("NOTIFY guardian_bench, 'x'")
            for _ in listening.notifies(timeout=10, stop_after=1):
                print(time.perf_counter() - began, flush=True)


@contextmanager
def served(path: Path) -> Iterator[str]:
    """A page's address; below it `clip` is the file, by range."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body, status = b"<!doctype html><title>bare</title>", 200
            wanted = self.headers.get("Range", "")
            if self.path == "/clip" and wanted:
                first, _, last = wanted.removeprefix("bytes=").partition("-")
                with path.open("rb") as file:
                    file.seek(int(first))
                    body, status = file.read(int(last) - int(first) + 1), 206
            self.send_response(status)
            self.send_header("Content-Type", "text/html" if status == 200 else "application/octet-stream")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """The table is printed while it serves."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


async def ranges(context: Any, path: Path, count: int) -> list[float]:
    """Seconds from fetch to first byte for ranges of a file, asked by a page of the same browser."""
    with served(path) as address:
        page = await context.new_page()
        try:
            await page.goto(address)
            script = """async (count) => { const took = [];
              for (let i = 0; i < count; i++) { const began = performance.now();
                const answer = await fetch('/clip', {headers: {Range: 'bytes=0-65535'}, cache: 'no-store'});
                await answer.body.getReader().read(); took.push((performance.now() - began) / 1000); }
              return took; }"""
            found: list[float] = await page.evaluate(script, count)
            return found
        finally:
            await page.close()


if __name__ == "__main__":
    _notify(sys.argv[1])
