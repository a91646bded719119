"""Does PostgreSQL take connections? Asked as any client begins: no role, no password, no query."""

import socket
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

from guardian.cli.doctor.finding import Finding, Subject, bad, good
from guardian.cli.doctor.settings import settings_of

# SSLRequest of the protocol: eight bytes; a server that lives answers one, S or N.
_ASK = bytes.fromhex("0000000804d2162f")
_SECONDS = 1.5


def check(subject: Subject) -> Iterator[Finding]:
    """The server that the daemons' own address names."""
    if subject.place.tier != "control":
        return
    settings = settings_of(subject)
    if settings is None:
        return
    folder, port = address_of(str(settings.database.dsn))
    refusal = answers(folder, port)
    where = f"{folder} port {port}"
    if refusal:
        yield bad("database_stopped", f"PostgreSQL at {where} does not answer: {refusal}.")
    else:
        yield good("database", f"PostgreSQL at {where} answers.")


def address_of(dsn: str) -> tuple[str, int]:
    """A host or a folder with its socket, and the port."""
    parts = urlsplit(dsn)
    query = parse_qs(parts.query)
    host = query.get("host", [parts.hostname or "/run/postgresql"])[0]
    try:
        port = int(query.get("port", [str(parts.port or 5432)])[0])
    except ValueError:
        port = 5432
    return host, port


def answers(host: str, port: int) -> str:
    """'' when a PostgreSQL server is there; otherwise why not."""
    local = host.startswith("/")
    family = socket.AF_UNIX if local else socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as asking:
            asking.settimeout(_SECONDS)
            asking.connect(f"{host}/.s.PGSQL.{port}" if local else (host, port))
            asking.sendall(_ASK)
            said = asking.recv(1)
    except TimeoutError:
        return "it hangs"
    except OSError as error:
        return error.strerror or str(error)
    return "" if said in (b"S", b"N") else "what listens there is no PostgreSQL"
