"""A daemon's life: read its configuration, say READY, say what it is doing, pet the watchdog, stop cleanly."""

import argparse
import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any, Generic, NoReturn, TypeVar

import sdnotify
from pydantic import BaseModel

from guardian.common import config, log
from guardian.common.errors import GuardianError
from guardian.common.health import Health, HealthServer
from guardian.common.sockets import health_socket

STOP_SECONDS = 5.0
# A new start mends neither a wrong configuration nor a dead token: units are not restarted after this status.
FOR_GOOD = 78
_FOR_GOOD = ("config_", "token_")
C = TypeVar("C", bound=BaseModel)
_log = log.get(__name__)


class Service(Generic[C]):
    """What a running daemon holds on to.

    `progressed()` pets the watchdog: call it when work was done, or while waiting for a named outside cause that is
    re-checked by a deadline; never merely because the loop turns.
    """

    def __init__(self, name: str, settings: C, run_dir: Path, reload: Callable[[], C]) -> None:
        self.name = name
        self.settings = settings
        self.run_dir = run_dir
        self.health = Health(name)
        self.stopping = asyncio.Event()
        # The value of the positional argument, e.g. the camera of `guardian-camera front`.
        self.instance = ""
        # An ASGI app to serve instead of the plain health routes (it must contain them).
        self.app: Any = None
        self.on_reload: Callable[[C], Awaitable[None]] | None = None
        # Settings, as dotted names or sections, that are read at start alone.
        self.fixed: tuple[str, ...] = ("state_dir", "run_dir")
        self._started_with = settings
        self._note = ""
        self._reload = reload
        # Without systemd the client would leave a socket open.
        self._notifier = sdnotify.SystemdNotifier() if "NOTIFY_SOCKET" in os.environ else None
        self._health_open = False
        self._said_ready = False
        self._petted = 0.0
        self._status = self._text = ""

    def ready(self) -> None:
        """Configuration is valid, sockets are open; READY follows as soon as the health socket is open too."""
        self.health.ready = True
        self._say_ready()

    def health_opened(self) -> None:
        """The health socket takes connections."""
        self._health_open = True
        self._say_ready()

    def _say_ready(self) -> None:
        if self.health.ready and self._health_open and not self._said_ready:
            self._said_ready = True
            self._notify("READY=1")
            _log.info("ready")

    def status(self, text: str) -> None:
        """One line for `systemctl status` and `guardian status`."""
        self._text = text
        # A line that ends would begin an assignment of its own.
        text = (text + self._note).replace("\n", " ")
        self.health.status = text
        if text != self._status:
            self._status = text
            self._notify(f"STATUS={text}")

    def progressed(self) -> None:
        """Pet the watchdog, at most once a second."""
        moment = time.monotonic()
        if moment - self._petted >= 1.0:
            self._petted = moment
            self._notify("WATCHDOG=1")

    async def reload(self) -> None:
        """SIGHUP: a wrong configuration is reported and the old one goes on; so is what only a restart takes over."""
        self._notify(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")
        try:
            settings = self._reload()
            if self.on_reload is not None:
                await self.on_reload(settings)
            self.settings = settings
            log.set_level(getattr(settings, "log_level", "info"))
            late = changed(self._started_with, settings, self.fixed)
            self._note = f"; restart it to apply {', '.join(late)}" if late else ""
            _log.info("config_reloaded", needs_restart=late)
        except GuardianError as error:
            self._note = f"; the changed configuration was refused: {error.sentence}"
            _log.error("config_refused", reason=error.reason, sentence=str(error))
        finally:
            self.status(self._text)
            self._notify("READY=1")

    def _notify(self, message: str) -> None:
        if self._notifier is not None:
            self._notifier.notify(message)

    def stop(self) -> None:
        """Begin a clean stop."""
        if not self.stopping.is_set():
            self._notify("STOPPING=1")
            self.stopping.set()


Run = Callable[[Service[C]], Awaitable[None]]


def changed(before: BaseModel, after: BaseModel, names: Iterable[str]) -> list[str]:
    """Which of the settings named, or of those in the sections named, differ; each by its dotted name."""
    old, new = _flat(before), _flat(after)
    return sorted(
        key
        for key in old.keys() | new.keys()
        if old.get(key) != new.get(key) and any(key == name or key.startswith(f"{name}.") for name in names)
    )


def _flat(settings: BaseModel, prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        found |= _flat(value, f"{prefix}{name}.") if isinstance(value, BaseModel) else {f"{prefix}{name}": value}
    return found


def daemon(
    name: str,
    model: type[C],
    run: Run[C],
    *,
    description: str,
    default_config: str,
    check: Callable[[C], None] | None = None,
    instance: str = "",
    check_instance: Callable[[C, str], None] | None = None,
    fixed: tuple[str, ...] = (),
) -> NoReturn:
    """Entry point of a console script; never returns.

    Args:
        name: service name, also the name of its folder of sockets; `NAME@INSTANCE` when `instance` is given.
        model: the tier's configuration; must have `state_dir`, `run_dir` and `log_level`.
        run: the daemon; must return soon after `service.stopping` is set.
        check: deeper validation for `--check` and start (files that must exist); raises GuardianError.
        fixed: settings, or whole sections, that the daemon reads at start alone; a reload says which of them changed.
        instance: name of a positional argument, e.g. "camera", whose value is put into `service.instance`.
        check_instance: the same for what belongs to that value alone.
    """
    parser = argparse.ArgumentParser(prog=f"guardian-{name}", description=description)
    parser.add_argument(
        "--config", type=Path, default=Path(default_config), metavar="FILE", help="default: %(default)s"
    )
    parser.add_argument("--check", action="store_true", help="check the configuration and exit")
    parser.add_argument("--version", action="version", version=version("guardian"))
    if instance:
        parser.add_argument("instance", metavar=instance.upper(), help=f"which {instance}")
    arguments = parser.parse_args()
    label = f"{name}@{arguments.instance}" if instance else name
    log.setup(label)

    def reload() -> C:
        settings = config.load(model, arguments.config)
        if check is not None:
            check(settings)
        if check_instance is not None:
            check_instance(settings, arguments.instance)
        return settings

    try:
        settings = reload()
        if arguments.check:
            print(f"{arguments.config}: good")
            sys.exit(0)
        log.setup(label, settings.log_level)  # type: ignore[attr-defined]
        os.umask(0o027)
        run_dir: Path = settings.run_dir  # type: ignore[attr-defined]
        service = Service(label, settings, run_dir, reload)
        service.fixed += fixed
        service.instance = getattr(arguments, "instance", "")
        asyncio.run(_main(service, run))
    except GuardianError as error:
        _log.critical(
            "config_refused" if arguments.check else "stopped_by_error" if "service" in locals() else "cannot_start",
            reason=error.reason,
            sentence=str(error),
        )
        print(f"guardian-{label}: {error}", file=sys.stderr)
        sys.exit(FOR_GOOD if error.reason.startswith(_FOR_GOOD) else 1)
    sys.exit(0)


async def _main(service: Service[C], run: Run[C]) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, service.stop)
    reloads: set[asyncio.Task[None]] = set()

    def on_hangup() -> None:
        task = loop.create_task(service.reload())
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    loop.add_signal_handler(signal.SIGHUP, on_hangup)
    work = asyncio.create_task(_run(service, run))
    stopping = asyncio.create_task(service.stopping.wait())
    await asyncio.wait({work, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not work.done():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(work), STOP_SECONDS)
        if not work.done():
            _log.warning("stop_forced", seconds=STOP_SECONDS)
            work.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await work
    if work.done() and not work.cancelled():
        work.result()
    _log.info("stopped")


async def _run(service: Service[C], run: Run[C]) -> None:
    """The daemon beside its health socket: when one ends, so does the other."""
    server: HealthServer | None = None

    async def serve() -> None:
        nonlocal server
        # Daemons with routes of their own set `service.app` before their first await.
        await asyncio.sleep(0)
        path = health_socket(service.run_dir, service.name)
        server = HealthServer(service.health, path, service.app)
        announcing = asyncio.create_task(announce(server))
        try:
            await server.serve()
        except OSError as error:
            raise GuardianError(
                f"The health socket {path} cannot be opened: {error.strerror or error}.",
                reason="run_dir_unusable",
                hint="Make run_dir for the daemon's user, or name a shorter one: a socket's path ends at 107 bytes.",
            ) from error
        finally:
            announcing.cancel()

    async def announce(opening: HealthServer) -> None:
        await opening.open.wait()
        service.health_opened()

    serving = asyncio.create_task(serve())
    # A daemon that cannot be asked how it is must not run on unseen.
    serving.add_done_callback(lambda _: service.stop())
    try:
        await run(service)
    finally:
        if server is not None:
            server.stop()
        with contextlib.suppress(asyncio.CancelledError, TimeoutError):
            await asyncio.wait_for(serving, 2)
