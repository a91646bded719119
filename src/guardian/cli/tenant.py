"""`guardian tenant`: make and list tenants."""

import asyncio
import json
import secrets
import sys
from pathlib import Path

import typer

from guardian.common import config
from guardian.common.clock import to_text
from guardian.common.errors import ConfigError, GuardianError
from guardian.control.accounts.passwords import Passwords
from guardian.control.accounts.service import AccountService, check_email
from guardian.control.config import Settings
from guardian.control.database.engine import Database
from guardian.control.tenants.service import TenantInfo, TenantService

DEFAULT = Path("/etc/guardian/control.yaml")
MIN_PASSWORD = 8
app = typer.Typer(
    help="Tenants and their people.",
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
Config = typer.Option(DEFAULT, "--config", help="The control plane's configuration.")
Json = typer.Option(False, "--json", help="For programs.")


@app.command()
def create(
    name: str = typer.Option(..., "--name", help="What the household is called."),
    email: str = typer.Option(..., "--email", help="Its owner's address, with which they log in."),
    person: str = typer.Option("", "--person", help="The owner's name."),
    password_stdin: bool = typer.Option(False, "--password-stdin", help="Read the password's one line from stdin."),
    path: Path = Config,
    as_json: bool = Json,
) -> None:
    """Make a tenant and its owner. Without --password-stdin a password is made and shown, once."""
    settings = config.load(Settings, path)
    address = check_email(email)
    made = "" if password_stdin else "-".join(secrets.token_hex(3) for _ in range(4))
    password = made or sys.stdin.readline().rstrip("\r\n")
    if len(password) < MIN_PASSWORD:
        raise GuardianError(f"A password has at least {MIN_PASSWORD} characters.", reason="password_short")
    tenant_id = asyncio.run(_create(settings, name, address, password, person))
    shown = {"tenant": tenant_id, "name": name, "email": address} | ({"password": made} if made else {})
    if as_json:
        typer.echo(json.dumps(shown))
        return
    typer.echo(f"Tenant    {tenant_id}  {name}")
    typer.echo(f"Login     {address}")
    if made:
        typer.echo(f"Password  {made}   (shown this once)")


@app.command("list")
def show(path: Path = Config, as_json: bool = Json) -> None:
    """All tenants."""
    settings = config.load(Settings, path)
    if not settings.database.owner_dsn:
        raise ConfigError(f"{path}: listing tenants needs database.owner_dsn.", reason="config_invalid")
    found = asyncio.run(_list(settings))
    if as_json:
        rows = [{"id": item.id, "name": item.name, "created_at": to_text(item.created_at)} for item in found]
        typer.echo(json.dumps(rows))
        return
    for item in found:
        typer.echo(f"{item.id}  {item.created_at:%Y-%m-%d}  {item.name}")
    if not found:
        typer.echo("There are no tenants yet: guardian tenant create")


async def _create(settings: Settings, name: str, email: str, password: str, person: str) -> str:
    database = Database(settings.database.app)
    try:
        accounts = AccountService(database, Passwords(), settings.api)
        return await TenantService(database).create(accounts, name, email, password, person)
    finally:
        await database.close()


async def _list(settings: Settings) -> list[TenantInfo]:
    database = Database(settings.database.owner)
    try:
        return list(await TenantService(database).list_all())
    finally:
        await database.close()
