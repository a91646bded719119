"""A simulated RTSP camera: plays prepared films at wall-clock pace, with faults on demand.

    serve.py [--port 0] [--user U --password P] [--once] [--start-on-connect] [--stdin] MOUNT=FILM ...

Run by Debian's /usr/bin/python3. It prints `ready PORT`; with --start-on-connect also `playing EPOCH` (standard error,
wall-clock seconds) when its film begins. With --stdin it takes one command a line, answers `ok` or `error …`, and ends
when its input does: freeze, resume, drop (all clients), end (every stream, cleanly), switch MOUNT FILM, password TEXT,
quit.
"""

import argparse
import sys
import threading
import time
from pathlib import Path
from typing import Any

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from tools.camera.container import Film, Unit, read  # noqa: E402

LAUNCH = (
    "( appsrc name=src is-live=true format=time block=true max-bytes=4000000 "
    "caps=video/x-h264,stream-format=byte-stream,alignment=au "
    "! h264parse ! rtph264pay name=pay0 pt=96 config-interval=-1 )"
)
SECOND = 1_000_000_000
# A pipeline's clock cannot begin below zero, and the first picture may decode before it is shown.
SHIFT = SECOND // 5


class Player:
    """One mount's film and where it is: time passes whether or not anybody watches."""

    def __init__(self, film: Film, *, once: bool, wait: bool) -> None:
        self.film = film
        self.once = once
        self.running = threading.Event()
        self.running.set()
        self.ended = threading.Event()
        self._started: float | None = None if wait else time.monotonic()
        # Counts switches: a feeder that sees another number starts over with the new film.
        self.generation = 0

    def position(self) -> int:
        """Nanoseconds since the film began; the first call begins it if it waited for a client."""
        if self._started is None:
            self._started = time.monotonic()
            # The pipeline sends each picture at its own time, from this moment on: whoever measures delays needs it.
            print(f"playing {time.time() + SHIFT / SECOND:.3f}", file=sys.stderr, flush=True)
        return int((time.monotonic() - self._started) * SECOND)

    def switch(self, film: Film) -> None:
        """Another film from its start, on the same mount."""
        self.film, self._started = film, time.monotonic()
        self.generation += 1

    def unit(self, number: int) -> tuple[Unit, int]:
        """The unit of a running number, and the time its loop began: looped times only rise."""
        units, last = self.film.units, self.film.keys[-1]
        if number < len(units):
            return units[number], 0
        if not self.once:
            loop, index = divmod(number, len(units))
            return units[index], loop * self.film.duration
        # Played once: the last group of pictures goes on, as a camera does when nothing happens.
        group = len(units) - last
        loop, index = divmod(number - len(units), group)
        return units[last + index], (loop + 1) * (self.film.duration - units[last].pts)

    def next_key(self, position: int) -> int:
        """Running number of the first key frame at or after a position."""
        units = self.film.units
        length, base = self.film.duration, 0
        if position > length and not self.once:
            loops = position // length
            base, position = loops * len(units), position % length
        elif position > length:
            last = self.film.keys[-1]
            group = self.film.duration - units[last].pts
            return len(units) + (len(units) - last) * -(-(position - length) // group)
        for index in self.film.keys:
            if units[index].dts >= position:
                return base + index
        return base + len(units)


def feed(source: Any, player: Player) -> None:
    """Push units into one pipeline until its clients are gone."""
    epoch, generation = player.position(), player.generation
    number, shift = player.next_key(epoch if epoch > SECOND // 2 else 0), SHIFT - epoch
    while not player.ended.is_set():
        if generation != player.generation:
            # The pipeline's clock goes on where it was.
            generation, shift, number = player.generation, shift + epoch_of(player, epoch), 0
            epoch = 0
        if not player.running.is_set():
            player.running.wait(0.2)
            number = player.next_key(player.position())
            continue
        unit, begun = player.unit(number)
        delay = unit.dts + begun - player.position()
        if delay > 0:
            time.sleep(min(delay / SECOND, 0.1))
            continue
        if source.emit("push-buffer", buffer(unit, begun + shift)) != Gst.FlowReturn.OK:
            return
        epoch = unit.dts + begun
        number += 1
    source.emit("end-of-stream")


def epoch_of(player: Player, played: int) -> int:
    """How far the pipeline's clock moves on at a switch."""
    return played + int(player.film.info["frame"])


def buffer(unit: Unit, base: int) -> Any:
    """A GStreamer buffer of one unit; negative clock times are not allowed."""
    made = Gst.Buffer.new_wrapped(unit.data)
    made.pts, made.dts = max(0, unit.pts + base), max(0, unit.dts + base)
    if not unit.key:
        made.set_flags(Gst.BufferFlags.DELTA_UNIT)
    return made


class Factory(GstRtspServer.RTSPMediaFactory):  # type: ignore[misc]
    """Pipelines of one mount: all its clients share one."""

    def __init__(self, player: Player) -> None:
        super().__init__()
        self.player = player
        self.set_shared(True)
        self.set_launch(LAUNCH)
        self.connect("media-configure", self._configure)

    def _configure(self, _: Any, media: Any) -> None:
        source = media.get_element().get_child_by_name("src")
        threading.Thread(target=feed, args=(source, self.player), daemon=True).start()


class Camera:
    """The server, its mounts and its commands."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.server = GstRtspServer.RTSPServer()
        self.server.set_address(arguments.address)
        self.server.set_service(str(arguments.port))
        self.players: dict[str, Player] = {}
        self.user = arguments.user
        if self.user:
            self.protect(arguments.password)
        for mount in arguments.mounts:
            name, _, film = mount.partition("=")
            self.players[name] = Player(read(Path(film)), once=arguments.once, wait=arguments.start_on_connect)
            factory = Factory(self.players[name])
            if self.user:
                role = "user,media.factory.access=(boolean)true,media.factory.construct=(boolean)true"
                factory.add_role_from_structure(Gst.Structure.new_from_string(role))
            self.server.get_mount_points().add_factory(f"/{name}", factory)

    def protect(self, password: str) -> None:
        """Ask for the password from now on, by digest."""
        guard = GstRtspServer.RTSPAuth()
        guard.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        token = GstRtspServer.RTSPToken()
        token.set_string("media.factory.role", "user")
        guard.add_digest(self.user, password, token)
        self.server.set_auth(guard)

    def attach(self) -> int:
        """Listen; the port."""
        if self.server.attach(None) == 0:
            sys.exit("serve.py: the port is taken")
        return int(self.server.get_bound_port())

    def command(self, line: str) -> None:
        """Carry out one line; ValueError or OSError when it cannot be done."""
        word, *rest = line.split()
        if word == "freeze":
            for player in self.players.values():
                player.running.clear()
        elif word == "resume":
            for player in self.players.values():
                player.running.set()
        elif word == "drop":
            self.server.client_filter(lambda *_: GstRtspServer.RTSPFilterResult.REMOVE)
        elif word == "end":
            for player in self.players.values():
                player.ended.set()
        elif word == "switch" and len(rest) == 2 and rest[0] in self.players:
            self.players[rest[0]].switch(read(Path(rest[1])))
        elif word == "password" and len(rest) == 1 and self.user:
            self.protect(rest[0])
        else:
            raise ValueError(f"unknown command {word}")


def listen(camera: Camera, loop: Any) -> None:
    """Commands on standard input."""
    for line in sys.stdin:
        if line.strip() == "quit":
            break
        try:
            camera.command(line)
            print("ok", flush=True)
        except (ValueError, OSError) as error:
            print(f"error {error}", flush=True)
    loop.quit()


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--user", default="")
    parser.add_argument("--password", default="")
    parser.add_argument("--once", action="store_true", help="play once, then repeat the last group of pictures")
    parser.add_argument("--start-on-connect", action="store_true", help="begin when the first client comes")
    parser.add_argument("--stdin", action="store_true", help="take commands; the end of input ends the camera")
    parser.add_argument("mounts", nargs="+", metavar="MOUNT=FILM")
    arguments = parser.parse_args()
    Gst.init(None)
    camera = Camera(arguments)
    port = camera.attach()
    loop = GLib.MainLoop()
    print(f"ready {port}", flush=True)
    if arguments.stdin:
        threading.Thread(target=listen, args=(camera, loop), daemon=True).start()
    # Sessions of clients that went away without a word.
    GLib.timeout_add_seconds(2, lambda: camera.server.get_session_pool().cleanup() >= 0)
    loop.run()


if __name__ == "__main__":
    main()
