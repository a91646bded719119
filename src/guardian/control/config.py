"""The control plane's one configuration file."""

import re
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import quote, urlsplit

from pydantic import AfterValidator, Field

from guardian.common import secrets
from guardian.common.config import Section

_LISTEN = re.compile(r"(?P<host>\[[0-9a-f:]+\]|[A-Za-z0-9.-]{1,253}):(?P<port>[0-9]{1,5})")
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.*-]{1,253}(:([0-9]{1,5}|\*))?")
LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})


def _listen(value: str) -> str:
    match = _LISTEN.fullmatch(value)
    if match is None or int(match["port"]) > 65535:
        raise ValueError("must be host:port")
    return value


def _origin(value: str) -> str:
    if not _ORIGIN.fullmatch(value):
        raise ValueError("must be an origin such as https://node.example:8443, without a path")
    return value


def _public_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/") or parts.query:
        raise ValueError("must be an address such as https://guardian.example, without a path")
    if parts.scheme == "http" and parts.hostname not in LOCAL_HOSTS:
        raise ValueError("must be https, except on localhost")
    return value.rstrip("/")


Listen = Annotated[str, AfterValidator(_listen)]
Origin = Annotated[str, AfterValidator(_origin)]
PublicUrl = Annotated[str, AfterValidator(_public_url)]


def _with_password(dsn: str, credential: str) -> str:
    folder = secrets.credentials()
    # An empty one stands for none: PostgreSQL knows the daemon's user by its name.
    if not dsn or folder is None or not (folder / credential).is_file():
        return dsn
    password = secrets.read(credential, folder).decode("utf-8", "strict").strip()
    if not password:
        return dsn
    user, found, rest = dsn.partition("://")[2].partition("@")
    if not found or ":" in user:
        return dsn
    return f"{dsn.partition('://')[0]}://{user}:{quote(password, safe='')}@{rest}"


def host_port(listen: str) -> tuple[str, int]:
    """`127.0.0.1:80` or `[::1]:80` as a pair."""
    host, _, port = listen.rpartition(":")
    return host.strip("[]"), int(port)


class DatabaseSection(Section):
    """Two roles of one PostgreSQL database."""

    dsn: str = Field(
        title="Daemons' role",
        description="Address of the daemons' own role, e.g. postgresql://guardian_app@/guardian?host=/run/postgresql; "
        "row-level security binds it.",
    )
    owner_dsn: str = Field(
        default="", title="Owner's role", description="The same for the tables' owner; guardian-migrate and operators."
    )
    pool_size: int = Field(
        default=10, ge=1, le=200, title="Connections", description="How many a daemon holds open at most."
    )

    @property
    def app(self) -> str:
        """`dsn` with its password, where that is a credential of the unit: `database-app`."""
        return _with_password(self.dsn, "database-app")

    @property
    def owner(self) -> str:
        """`owner_dsn` with its password, where that is a credential of the unit: `database-owner`."""
        return _with_password(self.owner_dsn, "database-owner")


class ApiSection(Section):
    """REST, live updates and the UI's files."""

    listen: Listen = Field(default="127.0.0.1:8080", title="Listen", description="Address of the HTTP port.")
    public_url: PublicUrl = Field(
        default="http://localhost:8080",
        title="Public URL",
        description="How browsers reach it; https but on localhost.",
    )
    ui_dir: Path | None = Field(
        default=None, title="UI", description="The built UI; without it only the API is served."
    )
    relay_origins: tuple[Origin, ...] = Field(
        default=(), title="Relays", description="Origins of nodes' relays, for the browser's CSP."
    )
    forwarded_allow_ips: tuple[str, ...] = Field(
        default=(), title="Proxies", description="Proxies whose X-Forwarded-For is believed."
    )
    session_idle_hours: float = Field(
        default=12, gt=0, le=24 * 30, title="Idle session", description="Hours without a request that end a session."
    )
    session_days: float = Field(
        default=14, gt=0, le=90, title="Longest session", description="Days after which one logs in again."
    )

    @property
    def secure_cookie(self) -> bool:
        """Plain HTTP is for this machine alone."""
        return self.public_url.startswith("https://")


class AgentsSection(Section):
    """gRPC for nodes."""

    listen: Listen = Field(
        default="127.0.0.1:8443", title="Listen", description="Address of the port enrolled nodes dial (mTLS)."
    )
    enrol_listen: Listen = Field(
        default="127.0.0.1:8444",
        title="Listen for enrolment",
        description="Address of the port strangers with a token dial.",
    )
    advertise: Listen = Field(
        default="127.0.0.1:8443", title="Advertise", description="host:port under which nodes reach `listen`."
    )
    enrol_advertise: Listen = Field(
        default="127.0.0.1:8444", title="Advertise for enrolment", description="host:port put into enrolment tokens."
    )


class ImagesSection(Section):
    """Images for Mini PCs, handed out with a tenant's seed in them."""

    folder: Path | None = Field(
        default=None,
        title="Folder",
        description="Where the operator lays generic images: FILE.iso, and FILE.iso.json with version, sha256 and "
        "size. Seeds are signed with the secret images.key; without a folder no image is offered.",
    )


class Settings(Section):
    """`control.yaml`."""

    state_dir: Path = Field(
        default=Path("/var/lib/guardian"), title="State", description="Where the daemons keep their keys."
    )
    run_dir: Path = Field(default=Path("/run/guardian"), title="Run", description="Where the daemons' sockets are.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", title="Log level", description="How much is logged."
    )
    database: DatabaseSection
    api: ApiSection = ApiSection()
    agents: AgentsSection = AgentsSection()
    images: ImagesSection = ImagesSection()
