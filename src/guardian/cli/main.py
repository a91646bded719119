"""`guardian`: imports a verb's file only when that verb is called, so that a host needs its own tier alone."""

import importlib
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version

import typer

from guardian.common.errors import GuardianError


@dataclass(frozen=True)
class Verb:
    """What a verb is for, and the extra of pyproject.toml that its file needs."""

    summary: str
    panel: str
    tier: str = ""
    # Below guardian.cli; the verb's own name when empty.
    module: str = ""


PRODUCT, HOST, TIERS = "Try it", "Look after a host", "Set up a tier"
VERBS: dict[str, Verb] = {
    "demo": Verb("Run the whole product on this machine.", PRODUCT, "demo", "demo.command"),
    "status": Verb("What every daemon on this host is doing.", HOST),
    "console": Verb("The page on a Mini PC's own screen: where it is, whose it is, what it waits for.", HOST),
    "doctor": Verb("Look for what is wrong and say how to mend it.", HOST, module="doctor.command"),
    "selfcheck": Verb("Would this installation's daemons start here? Asked before a release is put in force.", HOST),
    "settle": Verb("Wait until all is as well as before another release was put in force.", HOST),
    "update": Verb("The system of a machine made from an image: take a new one, go back.", HOST),
    "disk": Verb("The data partition of a machine made from an image: is it encrypted, its recovery key.", HOST),
    "backup": Verb(
        "All this host needs to be made again, in one file sealed to who may open it.", HOST, module="backup.making"
    ),
    "restore": Verb("Put a backup back.", HOST, module="backup.restoring"),
    "vault": Verb("A household's vault without a control plane; what a roster says.", HOST),
    "clip": Verb("Open a sealed clip or picture with its owner's secret.", HOST),
    "image": Verb("The seed in an image for a Mini PC: make keys, write one, show it.", TIERS),
    "edge": Verb("Enrol an edge with its node; tokens for edges.", TIERS, "edge"),
    "camera": Verb("Check a camera's file before it is put in place.", TIERS, "edge"),
    "model": Verb("Detection models: list, fetch, verify.", TIERS, "edge"),
    "node": Verb("Enrol this node with its control plane; updates for its edges.", TIERS, "node"),
    "control": Verb("The control plane's operator: tokens for nodes, nodes revoked.", TIERS, "control"),
    "tenant": Verb("Make tenants with their owner; list them.", TIERS, "control"),
}


def main() -> None:
    """Entry point of the console script."""
    # A traceback in colours prints local variables, and a secret may be one.
    os.environ.setdefault("TYPER_STANDARD_TRACEBACK", "1")
    arguments = sys.argv[1:]
    try:
        if arguments and arguments[0] in VERBS:
            load(arguments[0])(arguments[1:], prog_name=f"guardian {arguments[0]}")
        else:
            overview()(arguments, prog_name="guardian")
    except GuardianError as error:
        sys.exit(f"guardian: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


def load(name: str) -> Callable[..., object]:
    """A verb's command, imported now; GuardianError when its tier is not installed here."""
    verb = VERBS[name]
    module = f"guardian.cli.{verb.module or name}"
    try:
        app: Callable[..., object] = importlib.import_module(module).app
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if missing == module:
            raise GuardianError(
                f"This installation has no verb {name}.", reason="verb_absent", hint="Install a newer release."
            ) from error
        if missing.partition(".")[0] == "guardian":
            # A fault of ours, not of the installation: let it be seen.
            raise
        tier = f"[{verb.tier}]" if verb.tier else ""
        raise GuardianError(
            f"This verb needs {f'the {verb.tier} tier' if verb.tier else 'a package'}, "
            f"which is not installed here ({missing} is missing):",
            reason="tier_absent",
            hint=f"pip install 'guardian{tier}'",
        ) from error
    return app


def overview() -> typer.Typer:
    """What `guardian --help` shows; also answers `--version` and an unknown verb."""
    app = typer.Typer(
        help="Private AI Guardian: video security in which the pictures never leave their owner's hands.",
        epilog="`guardian VERB --help` says more of each.",
        add_completion=False,
        no_args_is_help=True,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_options)
    for name, verb in VERBS.items():
        app.command(name, help=verb.summary, rich_help_panel=verb.panel)(_never)
    return app


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"guardian {version('guardian')}")
        raise typer.Exit


def _options(
    version: bool = typer.Option(
        False, "--version", help="Print the version and exit.", is_eager=True, callback=_show_version
    ),
) -> None:
    return None


def _never() -> None:
    raise AssertionError("a verb is loaded before the overview is asked")


if __name__ == "__main__":
    main()
