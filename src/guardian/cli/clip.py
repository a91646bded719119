"""`guardian clip`: open a sealed object without node, control plane or browser."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from guardian.cli.household import read_roster
from guardian.cli.slotfile import read_slots, unlock
from guardian.cli.terminal import ask_secret
from guardian.common.errors import GuardianError
from guardian.vault import owner
from guardian.vault.encoding import format_time
from guardian.vault.errors import VaultError
from guardian.vault.reader import FileSource, SealedObject, open_of_any_edge
from guardian.vault.roster import Roster
from guardian.vault.roster_author import open_epochs

app = typer.Typer(
    help="Open a sealed clip or picture with its owner's secret.",
    add_completion=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_SUFFIX = {"video/mp4": ".mp4", "image/jpeg": ".jpg"}


@app.callback()
def _group() -> None:
    return None


@app.command("open")
def open_clip(
    file: Annotated[Path, typer.Argument(help="A .sealed file.")],
    roster: Annotated[Path, typer.Option(help="The household's roster.json.")],
    slots: Annotated[Path, typer.Option(help="The member's key slots.")],
    out: Annotated[
        Path | None, typer.Option(help="Where the clear file goes; default: beside it, .mp4 or .jpg.")
    ] = None,
    recovery: Annotated[bool, typer.Option("--recovery", help="Use the printed recovery code.")] = False,
    secret_fd: Annotated[int | None, typer.Option(help="Read the secret from this descriptor, one line.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Check a sealed object whole and write its clear content; nothing is written when it is damaged.

    A truncated object (its recorder died) is written up to its last whole part. An existing file is never replaced.
    """
    chain = _need_roster(roster)
    found = read_slots(slots)
    with _source(file) as source:
        secret = ask_secret("Recovery code" if recovery else "The vault's secret", secret_fd)
        author = unlock(found, secret, chain, recovery=recovery)
        try:
            opened = open_of_any_edge(source, chain, open_epochs(chain, author))
            target = out or file.with_suffix(_SUFFIX[opened.header.metadata.media])
            size = write_new(opened, target)
        except VaultError as error:
            error.hint = error.hint or "The file is damaged or not this household's; nothing was written."
            raise
    _tell(opened, target, size, as_json=as_json)


def write_new(opened: SealedObject, path: Path) -> int:
    """Write the clear content to a file that must not exist; returns its size."""
    try:
        owner.write_content(opened, path)
        return path.stat().st_size
    except FileExistsError:
        raise GuardianError(
            f"{path} is there already and is not replaced.", reason="file_exists", hint="Name another with --out."
        ) from None
    except OSError as error:
        raise GuardianError(f"{path} cannot be written: {error.strerror}.", reason="file_unwritable") from error


def _need_roster(path: Path) -> Roster:
    chain = read_roster(path)
    if chain is None:
        raise GuardianError(f"There is no roster {path}.", reason="roster_missing")
    return chain


def _source(path: Path) -> FileSource:
    try:
        return FileSource(path)
    except OSError as error:
        raise GuardianError(f"{path} cannot be read: {error.strerror}.", reason="file_unreadable") from error


def _tell(opened: SealedObject, target: Path, size: int, *, as_json: bool) -> None:
    facts = opened.header.metadata
    if as_json:
        answer = {"state": opened.state, "kind": facts.kind, "camera": facts.camera, "edge": facts.edge}
        answer |= {"object": opened.header.prefix.object_id, "start": format_time(facts.start), "out": str(target)}
        typer.echo(json.dumps({**answer, "bytes": size, "parts": len(opened.parts)}))
        return
    console = Console(highlight=False, markup=False)
    console.print(f"{facts.kind} of camera {facts.camera}, {facts.start:%Y-%m-%d %H:%M:%S} UTC: {opened.state}")
    if opened.state == "truncated":
        console.print("Its recorder died; what follows the last whole part is lost.")
    console.print(f"{target}: {size} bytes, in the clear. Whoever reads it sees the picture.", soft_wrap=True)
