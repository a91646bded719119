"""`guardian backup`: runs while everything goes on."""

import socket
import subprocess
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from guardian.cli.backup import archive
from guardian.cli.backup.archive import Member
from guardian.cli.backup.contents import DUMPS, Layout, copy_store, files, stores
from guardian.cli.places import TIERS
from guardian.common.clock import now, to_text
from guardian.common.errors import GuardianError

app = typer.Typer(add_completion=False, context_settings={"help_option_names": ["-h", "--help"]})
_PREFIX = "guardian."


@app.command()
def backup(
    into: Annotated[Path, typer.Argument(help="The file to write.")],
    tier: Annotated[str, typer.Option("--tier", help="edge, node or control.")],
    recipient: Annotated[list[str], typer.Option("--recipient", help="A public key of age, age1…; may be repeated.")],
    root: Annotated[Path, typer.Option("--root", hidden=True)] = Path("/"),
) -> None:
    """Copy stores, identity, configuration and secrets of this host into one file that only its recipients can open.

    Recordings are not in it: they stay on the edge, sealed to their household.
    """
    if tier not in TIERS:
        raise GuardianError(f"There is no tier {tier}.", reason="tier_unknown", hint=f"One of {', '.join(TIERS)}.")
    layout = Layout(root)
    # On the same disk as the file itself, and nobody else's to read; stores are copied here first.
    with tempfile.TemporaryDirectory(dir=into.parent, prefix=".guardian-backup-") as scratch:
        members = list(gather(layout, tier, Path(scratch)))
        facts = {"tier": tier, "host": socket.gethostname(), "version": version("guardian"), "made": to_text(now())}
        size = archive.write(into, recipient, facts, members)
    typer.echo(f"{into}: {len(members)} files, {size} bytes.")


def gather(layout: Layout, tier: str, scratch: Path) -> list[Member]:
    """Everything, with copies where a thing is in use or encrypted to this machine."""
    members: list[Member] = []
    for number, store in enumerate(stores(layout, tier)):
        inside, copy = store.relative_to(layout.root), Path(f"{number}.db")
        like = copy_store(layout.root, inside, scratch / copy)
        members.append(Member.of(inside.as_posix(), scratch, copy, like))
    for path in files(layout):
        inside = path.relative_to(layout.root)
        members.append(Member.of(inside.as_posix(), layout.root, inside))
    for path in sorted(layout.credentials.glob(f"{_PREFIX}*")):
        name = path.name.removeprefix(_PREFIX)
        clear = Path(f"secret-{name}")
        _run(["systemd-creds", "decrypt", f"--name={name}", str(path), str(scratch / clear)], f"The secret {name}")
        members.append(Member(f"secrets/{name}", scratch, clear, 0o600, "root", "root"))
    if tier == "control":
        _run(["guardian-database", "backup"], "The database")
        newest = max(DUMPS.glob("guardian-*.dump"))
        dump = (newest, newest.with_suffix(".json"))
        members += [Member.of(f"dump/{path.name}", Path("/"), path.relative_to("/")) for path in dump]
    return members


def _run(command: list[str], what: str) -> None:
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise GuardianError(f"{what}: there is no {command[0]} on this host.", reason="backup_failed") from None
    if result.returncode:
        said = result.stderr.strip().splitlines()[-1:] or ["it does not say why"]
        raise GuardianError(f"{what} cannot be read: {said[0]}", reason="backup_failed")
