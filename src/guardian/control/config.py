"""The control plane's one configuration file."""

import re
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

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


def host_port(listen: str) -> tuple[str, int]:
    """`127.0.0.1:80` or `[::1]:80` as a pair."""
    host, _, port = listen.rpartition(":")
    return host.strip("[]"), int(port)


class DatabaseSection(Section):
    """Two roles of one PostgreSQL database."""

    dsn: str = Field(title="Daemons' role", description="postgresql://guardian_app@/guardian?host=/run/postgresql")
    owner_dsn: str = Field(default="", title="Owner's role", description="For guardian-migrate and operators alone.")
    pool_size: int = Field(default=10, ge=1, le=200)


class ApiSection(Section):
    """REST, live updates and the UI's files."""

    listen: Listen = "127.0.0.1:8080"
    public_url: PublicUrl = Field(default="http://localhost:8080", description="Where browsers reach it.")
    ui_dir: Path | None = Field(default=None, description="The built UI; without it only the API is served.")
    relay_origins: tuple[Origin, ...] = Field(
        default=(), description="Origins of nodes' relays, for the browser's CSP."
    )
    forwarded_allow_ips: tuple[str, ...] = Field(default=(), description="Proxies whose X-Forwarded-For is believed.")
    session_idle_hours: float = Field(default=12, gt=0, le=24 * 30)
    session_days: float = Field(default=14, gt=0, le=90)

    @property
    def secure_cookie(self) -> bool:
        """Plain HTTP is for this machine alone."""
        return self.public_url.startswith("https://")


class AgentsSection(Section):
    """gRPC for nodes."""

    listen: Listen = "127.0.0.1:8443"
    enrol_listen: Listen = "127.0.0.1:8444"
    advertise: Listen = Field(default="127.0.0.1:8443", description="host:port under which nodes reach `listen`.")
    enrol_advertise: Listen = Field(default="127.0.0.1:8444", description="host:port put into enrolment tokens.")


class Settings(Section):
    """control.yaml"""

    state_dir: Path = Path("/var/lib/guardian")
    run_dir: Path = Path("/run/guardian")
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    database: DatabaseSection
    api: ApiSection = ApiSection()
    agents: AgentsSection = AgentsSection()
