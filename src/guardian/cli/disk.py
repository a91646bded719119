"""`guardian disk`: is this machine's data encrypted, its recovery key, and another binding to its TPM."""

import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from guardian.appliance import luks
from guardian.cli.terminal import ask_secret
from guardian.common import bundle
from guardian.common.errors import GuardianError

app = typer.Typer(
    help="The data partition of a machine that was made from an image: encryption, TPM, recovery key.",
    add_completion=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
DATA = Path("/run/image/data")
_SECONDS = 30


@dataclass(frozen=True)
class Told:
    """What is known of it. `pcrs` are those that the TPM compares, None where it opens nothing."""

    mounted: bool
    encrypted: bool
    tpm: bool
    pcrs: tuple[int, ...] | None
    slots: int
    written_down: bool


@app.command()
def status(as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False) -> None:
    """Is the data partition encrypted, what opens it, and is its recovery key written down."""
    if not bundle.SLOT.exists():
        raise GuardianError(
            "This machine was not made from an image of ours: its disks are its operator's.",
            reason="no_slots",
            hint="Run this on a Mini PC of ours.",
        )
    told = gather()
    typer.echo(json.dumps(asdict(told)) if as_json else "\n".join(lines(told)))


@app.command("recovery-key")
def recovery_key(
    written_down: Annotated[
        bool, typer.Option("--written-down", help="It is: this machine forgets it. Nothing is shown.")
    ] = False,
) -> None:
    """Show the key that opens the data partition when the TPM does not."""
    _need_root()
    _encrypted_device()
    key = luks.kept_key(DATA)
    if not key:
        raise GuardianError(
            "This machine does not know its recovery key any more: somebody has it written down.",
            reason="key_forgotten",
            hint="Is it lost, install the machine anew before firmware or Secure Boot change.",
        )
    if written_down:
        luks.forget_key(DATA)
        typer.echo("This machine does not know its recovery key any more.")
        return
    typer.echo(luks.shown(key))


@app.command()
def rebind(
    key_stdin: Annotated[bool, typer.Option("--key-stdin", help="Read the recovery key's line from stdin.")] = False,
) -> None:
    """Have the TPM open the data partition as the machine is started now: after a change of firmware or Secure Boot."""
    _need_root()
    device = _encrypted_device()
    if not luks.has_tpm():
        raise GuardianError(
            "This machine has no TPM 2.0.", reason="tpm_missing", hint="Switch it on in the firmware (fTPM, PTT)."
        )
    # Also where the machine knows it: whoever does this has it in hand, whatever happens meanwhile.
    luks.rebind(device, luks.typed(sys.stdin.readline(256) if key_stdin else ask_secret("Recovery key")))
    typer.echo("The TPM opens the data partition from the next start on.")


def gather() -> Told:
    """Asked of what is mounted, its header and the machine."""
    source = _source()
    if source is None:
        return Told(False, False, luks.has_tpm(), None, 0, False)
    device = _partition(source)
    if device is None:
        return Told(True, False, luks.has_tpm(), None, 0, False)
    _need_root()
    found = luks.binding(device)
    return Told(True, True, luks.has_tpm(), found.pcrs, found.slots, not luks.kept_key(DATA))


def lines(told: Told) -> list[str]:
    """The same for people."""
    tpm = f"{'TPM 2.0':<16}{'yes' if told.tpm else 'no'}"
    if not told.mounted:
        return [f"{'Data partition':<16}not there, or not opened: nothing is kept", tpm]
    if not told.encrypted:
        return [f"{'Data partition':<16}not encrypted", tpm]
    by = "the recovery key alone" if told.pcrs is None else f"the TPM, by PCR {', '.join(map(str, told.pcrs))}"
    key = "written down" if told.written_down else "not written down yet: guardian disk recovery-key"
    return [
        f"{'Data partition':<16}encrypted (LUKS2)",
        tpm,
        f"{'Opened by':<16}{by}; {told.slots} key slots",
        f"{'Recovery key':<16}{key}",
    ]


def _source() -> Path | None:
    """What is mounted as the data partition; None where nothing is, or this machine has none."""
    command = ["findmnt", "--noheadings", "--output=SOURCE", "--mountpoint", str(DATA)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, timeout=_SECONDS)
    return Path(done.stdout.strip()) if done.returncode == 0 and done.stdout.strip() else None


def _partition(source: Path) -> Path | None:
    """What is encrypted; None where the file system lies on the partition itself."""
    device = luks.below(source)
    return None if device.name == Path(os.path.realpath(source)).name else device


def _encrypted_device() -> Path:
    source = _source()
    device = _partition(source) if source else None
    if device is None:
        raise GuardianError(
            "The data partition of this machine is not encrypted, or not there.",
            reason="not_encrypted",
            hint="Encryption is chosen when a machine is installed: `guardian image seed --encrypt`.",
        )
    return device


def _need_root() -> None:
    if os.geteuid() != 0:
        raise GuardianError("This is for root alone.", reason="not_root", hint="Say it with sudo.")
