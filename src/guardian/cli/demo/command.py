"""The `guardian demo` verb: progress, the closing screen, and a clean end."""

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from guardian.cli.demo.home import CHECKOUT, Home, become_ordinary_user, prepare
from guardian.cli.demo.story import EMAIL, Options, Story
from guardian.cli.demo.supervisor import DemoError, Supervisor, die_with_parent
from guardian.cli.places import DEMO, TIERS
from guardian.common import log
from guardian.common.errors import GuardianError

app = typer.Typer(help="Run the whole product on this machine: camera, edge, node, control plane, UI.")
_console = Console(highlight=False)


@app.callback(invoke_without_command=True)
def demo(
    camera: Annotated[str, typer.Option(help="Watch this camera (rtsp://…) instead of a simulated one.")] = "",
    video: Annotated[str, typer.Option(help="Footage for the simulated camera to play.")] = "",
    state_dir: Annotated[Path, typer.Option(help="Where the demo keeps everything.")] = CHECKOUT / ".demo",
    once: Annotated[bool, typer.Option(help="Play the footage once instead of for ever.")] = False,
    camera_after_vault: Annotated[bool, typer.Option(help="Plug the camera in when the vault is set up.")] = False,
    announce: Annotated[int, typer.Option(help="Write what became of the start to this descriptor, as JSON.")] = -1,
) -> None:
    """Start everything, show where to look, and stop it all on Ctrl-C."""
    log.setup("demo", "warning")
    try:
        user, home = _settle(state_dir.resolve())
        options = Options(camera=camera, video=video, once=once, camera_after_vault=camera_after_vault)
        clean = asyncio.run(_demo(home, options, user, announce))
    except GuardianError as error:
        _console.print(f"\n[bold red]The demo stopped:[/] {error}", soft_wrap=True)
        sys.exit(1)
    sys.exit(0 if clean else 1)


def _settle(folder: Path) -> tuple[str, Home]:
    """Become an ordinary user and make the demo's folder."""
    try:
        user = become_ordinary_user(folder)
        die_with_parent(signal.SIGTERM)
        return user, prepare(folder)
    except OSError as error:
        raise DemoError(
            f"The demo cannot keep its state in {folder}: {error.strerror}.",
            reason="demo_state_unwritable",
            hint="Look at the disk and the folder's owner, or name another one: guardian demo --state-dir FOLDER.",
        ) from error


async def _demo(home: Home, options: Options, user: str, announce: int) -> bool:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    started = time.monotonic()

    def say(text: str) -> None:
        _console.print(f"[dim]{time.monotonic() - started:6.1f} s[/]  {text}")

    supervisor = Supervisor(say)
    story = Story(home, options, supervisor, say)
    try:
        raising = asyncio.create_task(story.up())
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({raising, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if raising.done():
            raising.result()
            _closing_screen(home, story, user)
            _announce(announce, home, story)
            follow = asyncio.create_task(_follow(story, say))
            await asyncio.wait({follow, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if follow.done():
                follow.result()
            follow.cancel()
            await stopping
        else:
            raising.cancel()
            with contextlib.suppress(asyncio.CancelledError, DemoError):
                await raising
    finally:
        _console.print("[dim]stopping …[/]")
        clean = await story.down()
        home.tidy()
    _console.print("Stopped. Everything is kept; the next start takes seconds. `make clean` forgets it all.")
    return clean


async def _follow(story: Story, say: Callable[[str], None]) -> None:
    """After the start: plug the camera in late when asked, and show the words to compare once there are any."""
    while not story.roster_known():
        await asyncio.sleep(0.2)
    if story.options.camera_after_vault:
        await story.camera()
    words = ""
    while not words:
        await asyncio.sleep(0.5)
        with contextlib.suppress(DemoError):
            words = await story.words()
    say(f"the edge's words, to compare in the browser: [bold]{words}[/]")


def _announce(descriptor: int, home: Home, story: Story) -> None:
    if descriptor >= 0:
        facts = {"ui": home.url("ui"), "email": EMAIL, "password": story.password, "ports": home.ports}
        os.write(descriptor, json.dumps(facts).encode() + b"\n")


def _closing_screen(home: Home, story: Story, user: str) -> None:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", justify="right")
    table.add_column()
    table.add_row("open", f"[bold]{home.url('ui')}[/]")
    table.add_row("e-mail", EMAIL)
    table.add_row("password", f"[bold]{story.password}[/]")
    table.add_row("", "")
    table.add_row("1", "Log in and choose your vault's secret; keep the recovery code it shows.")
    table.add_row("2", "Under Devices compare the edge's words with those printed here, and confirm it.")
    who = "what moves appears by itself" if story.motion_only else "people appear by themselves"
    table.add_row("3", f"Events: {who}. Open one, play it, lock the vault.")
    table.add_row("", "")
    table.add_row("camera", story.footage.description if story.footage else "your own")
    table.add_row("detector", story.detector)
    table.add_row("logs", str(home.logs))
    table.add_row("status", _status_command(home))
    table.add_row("stop", f"Ctrl-C (running as {user})")
    _console.print(Panel(table, title="Private AI Guardian", border_style="cyan", expand=False))


def _status_command(home: Home) -> str:
    """To be typed into another terminal, whose PATH does not know the checkout."""
    program = Path(sys.executable).with_name("guardian")
    if home.folder == CHECKOUT / DEMO:
        return f"cd {CHECKOUT}; {program.relative_to(CHECKOUT)} status"
    return " ".join([f"{program} status", *(f"--config {home.config(tier)}" for tier in TIERS)])
