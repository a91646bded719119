"""`guardian vault`: make a household on an edge without a control plane; show and check rosters and key slots."""

import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from guardian.cli.household import read_roster, roster_path
from guardian.cli.slotfile import read_slots
from guardian.cli.terminal import ask_new_secret, ask_secret
from guardian.cli.vault_init import add_this_edge, begin_household
from guardian.common.errors import GuardianError
from guardian.vault.identity import Keys
from guardian.vault.roster import Roster, follow

app = typer.Typer(
    help="A household's vault without a control plane; what a roster says.",
    add_completion=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
StateDir = Annotated[Path, typer.Option("--state-dir", help="The edge's state directory.")]
RosterFile = Annotated[Path | None, typer.Option("--roster", help="A roster.json; default: the edge's own.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
DEFAULT_STATE = Path("/var/lib/guardian")


@app.command()
def init(
    state_dir: StateDir = DEFAULT_STATE,
    name: Annotated[str, typer.Option(help="Your name, as members of the household see it.")] = "Owner",
    secret_fd: Annotated[int | None, typer.Option(help="Read the secret from this descriptor, one line.")] = None,
    as_json: AsJson = False,
) -> None:
    """Begin a household on this edge: roster, key slots and a recovery code that is shown once.

    The secret is asked for twice, used and forgotten: this edge keeps public keys and locked slots only.
    """
    made = begin_household(state_dir, name, lambda: ask_new_secret(secret_fd))
    if as_json:
        answer = {"household": made.roster.household, "member": made.member, "recovery_code": made.recovery_code}
        typer.echo(json.dumps({**answer, "roster": str(made.roster_path), "slots": str(made.slots_path)}))
        return
    console = Console(highlight=False)
    console.print(f"The household begins. Roster: {made.roster_path}", soft_wrap=True)
    console.print(f"Key slots: {made.slots_path} (keep a copy: without slots no secret opens anything)", soft_wrap=True)
    console.print("\nRecovery code, shown this once; write it down and keep it away from here:")
    console.print(f"\n    [bold]{made.recovery_code}[/]\n")
    if made.roster.edges:
        console.print("This edge belongs to it and records from now on.")
    else:
        console.print("This edge has no keys yet: run `guardian edge enroll`, then `guardian vault add-edge`.")


@app.command("add-edge")
def add_edge(
    state_dir: StateDir = DEFAULT_STATE,
    secret_fd: Annotated[int | None, typer.Option(help="Read the secret from this descriptor, one line.")] = None,
) -> None:
    """Let this edge into the household that was begun here, with the vault's secret."""
    chain = add_this_edge(state_dir, lambda: ask_secret("The vault's secret", secret_fd))
    typer.echo(f"This edge belongs to the household now: {len(chain)} entries.")


@app.command()
def show(state_dir: StateDir = DEFAULT_STATE, roster: RosterFile = None, as_json: AsJson = False) -> None:
    """Who belongs to the household, as the checked roster says."""
    chain = _need(roster or roster_path(state_dir))
    if as_json:
        typer.echo(json.dumps(describe(chain), ensure_ascii=False))
        return
    console = Console(highlight=False)
    console.print(f"Household {chain.household}: {len(chain)} entries, epoch {chain.epoch.number}")
    console.print(f"Its words: [bold]{' '.join(chain.words())}[/]")
    table = Table("who", "name", "id")
    for member in chain.members.values():
        table.add_row("member", member.name.replace("[", "\\["), member.id)
    for edge in chain.edges.values():
        table.add_row("edge", edge.name.replace("[", "\\["), edge.id)
    console.print(table)


@app.command()
def words(state_dir: StateDir = DEFAULT_STATE, roster: RosterFile = None, as_json: AsJson = False) -> None:
    """The ten words that confirm this edge and its household to each other: compare them with the browser's."""
    chain = _need(roster or roster_path(state_dir))
    keys = Keys.load(state_dir / "identity")
    text = " ".join(chain.edge_words(keys.sign_public, keys.receive_public))
    typer.echo(json.dumps({"words": text, "genesis": chain.genesis_hash.hex()}) if as_json else text)


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="A roster.json to check.")],
    pinned: Annotated[Path | None, typer.Option(help="A roster seen before, with which it must begin.")] = None,
    as_json: AsJson = False,
) -> None:
    """Check a roster's whole chain, and that it continues one seen before."""
    chain = _need(file)
    if pinned is not None:
        chain = follow(_need(pinned), chain.entries)
    answer = {"entries": len(chain), "head": chain.head_hash.hex(), "household": chain.household}
    typer.echo(json.dumps(answer) if as_json else f"{file}: {len(chain)} entries, all of them hold.")


@app.command("slots")
def list_slots(
    file: Annotated[Path, typer.Argument(help="A file of key slots.")],
    as_json: AsJson = False,
) -> None:
    """Which key slots a file holds; opens none."""
    found = read_slots(file)
    rows = [{"id": slot.id, "kind": slot.kind, "member": slot.member, "kdf": slot.kdf.name} for slot in found]
    if as_json:
        typer.echo(json.dumps({"slots": rows}))
        return
    table = Table("kind", "id", "member", "key derivation")
    for row in rows:
        table.add_row(row["kind"], row["id"], row["member"], row["kdf"])
    Console(highlight=False).print(table)


def describe(chain: Roster) -> dict[str, Any]:
    """JSON form of a roster: no key, no wrap."""
    return {
        "household": chain.household,
        "words": " ".join(chain.words()),
        "entries": len(chain),
        "head": chain.head_hash.hex(),
        "epoch": chain.epoch.number,
        "members": [{"id": item.id, "name": item.name} for item in chain.members.values()],
        "edges": [{"id": item.id, "name": item.name} for item in chain.edges.values()],
    }


def _need(path: Path) -> Roster:
    chain = read_roster(path)
    if chain is None:
        raise GuardianError(
            f"There is no roster {os.fspath(path)}.",
            reason="roster_missing",
            hint="Set the vault's secret in the browser, or run `guardian vault init`.",
        )
    return chain
