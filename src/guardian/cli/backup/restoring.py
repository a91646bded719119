"""`guardian restore`: puts back what `guardian backup` took, on this machine or on one that takes its place."""

import grp
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from guardian.cli.backup import archive, revocations
from guardian.cli.backup.archive import Item, Manifest
from guardian.cli.backup.contents import DUMPS, Layout
from guardian.common import credstore
from guardian.common.errors import GuardianError
from guardian.common.files import folder_below, remove, replacing

app = typer.Typer(add_completion=False, context_settings={"help_option_names": ["-h", "--help"]})
_IDENTITY_BYTES = 64 << 10


@app.command()
def restore(
    source: Annotated[Path, typer.Argument(help="What `guardian backup` wrote.")],
    tier: Annotated[str, typer.Option("--tier", help="edge, node or control: what this host is.")],
    look: Annotated[bool, typer.Option("--look", help="Open and check it; change nothing.")] = False,
    root: Annotated[Path, typer.Option("--root", hidden=True)] = Path("/"),
) -> None:
    """Open a backup with the private key on stdin and put all of it back. The daemons must be stopped.

    Nothing is put back before all was opened and checked. What happened since is not lost where the other side still
    has it: edges and nodes ask how far a restored one got, and send the rest again. Which edges are live again is said:
    one that was revoked since is to be revoked again.
    """
    identity = sys.stdin.buffer.read(_IDENTITY_BYTES)
    layout = Layout(root)
    layout.state.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=layout.state, prefix=".restore-") as scratch:
        opened = Path(scratch)
        manifest = archive.read(source, identity, opened)
        if manifest.tier != tier:
            raise GuardianError(
                f"This is a backup of a host of tier {manifest.tier}, and this host is of tier {tier}.",
                reason="backup_tier",
                hint="Nothing was changed.",
            )
        told = [f"{manifest.host}, {manifest.made}, release {manifest.version}: {len(manifest.items)} files."]
        store = opened / (layout.state / revocations.STORE).relative_to(layout.root)
        if tier == "node" and store.exists():
            live = revocations.settle(store, layout.state / revocations.STORE)
            told.append(revocations.words(live, manifest.made))
        if not look:
            put_back(manifest, opened, layout)
    typer.echo("\n".join(told))


def put_back(manifest: Manifest, opened: Path, layout: Layout) -> None:
    """Every item to its place, by its kind."""
    unknown = {item.owner for item in manifest.items if not _known(pwd.getpwnam, item.owner)}
    unknown |= {item.group for item in manifest.items if not _known(grp.getgrnam, item.group)}
    if unknown:
        raise GuardianError(
            f"This host has no {', '.join(sorted(unknown))}.",
            reason="backup_users",
            hint="Make the host with its tier's playbook first. Nothing was changed.",
        )
    for item in manifest.items:
        kind, _, rest = item.name.partition("/")
        if kind == "secrets":
            layout.credentials.mkdir(parents=True, exist_ok=True, mode=0o700)
            credstore.put(rest, (opened / item.name).read_bytes(), layout.credentials)
        elif kind == "dump":
            _put_file(opened / item.name, Path("/"), DUMPS.relative_to("/") / rest, item)
        else:
            _put_file(opened / item.name, layout.root, Path(item.name), item)
    for item in manifest.items:
        if item.name.startswith("dump/") and item.name.endswith(".dump"):
            _database(DUMPS / item.name.removeprefix("dump/"))


def _known(look_up: object, name: str) -> bool:
    try:
        look_up(name)  # type: ignore[operator]
    except KeyError:
        return False
    return True


def _put_file(source: Path, root: Path, inside: Path, item: Item) -> None:
    # By descriptors all the way: the folder is a daemon's, and it may have laid links in it that lead elsewhere.
    owner = (pwd.getpwnam(item.owner).pw_uid, grp.getgrnam(item.group).gr_gid) if os.geteuid() == 0 else (-1, -1)
    try:
        with (
            folder_below(root, inside.parent, make_for=owner) as folder,
            source.open("rb") as kept,
            replacing(folder, inside.name, mode=item.mode, owner=owner) as file,
        ):
            shutil.copyfileobj(kept, file, 1 << 20)
            # What SQLite had not yet put into the old store belongs to it alone.
            for beside in ("-wal", "-shm"):
                remove(folder, inside.name + beside)
    except OSError as error:
        raise GuardianError(
            f"{root / inside} was not put back: {error.strerror}.",
            reason="restore_failed",
            hint="Take away what lies there and restore again; what was put back before it stays as it is.",
        ) from error


def _database(dump: Path) -> None:
    result = subprocess.run(["guardian-database", "restore", str(dump)], capture_output=True, text=True, check=False)
    if result.returncode:
        raise GuardianError(
            f"The database was not restored: {result.stderr.strip()[-500:]}",
            reason="restore_failed",
            hint=f"Everything else is back; the dump is {dump}.",
        )
