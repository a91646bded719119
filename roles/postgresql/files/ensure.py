"""Make PostgreSQL's roles and database what standard input (JSON) says; print a line a change, `--check` makes none.

Run as the superuser by the Unix socket. A password is never sent to the server: it gets the SCRAM verifier.
"""

import base64
import hashlib
import hmac
import json
import os
import subprocess
import sys

ITERATIONS = 4096
ATTRIBUTES = "LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION"


def main() -> int:
    """Look, then do what is missing."""
    wanted = json.load(sys.stdin)
    for told, database, statement in changes(wanted):
        print(told)
        if "--check" not in sys.argv:
            ask(statement, database)
    return 0


def changes(wanted):
    """(sentence, database, SQL) for each difference, in an order in which they can be made."""
    name, owner = wanted["database"], wanted["owner"]
    rows = ask(
        "SELECT rolname, rolcanlogin AND NOT (rolsuper OR rolbypassrls OR rolcreatedb OR rolcreaterole "
        "OR rolreplication), coalesce(rolpassword, '') FROM pg_authid"
    )
    there = {row[0]: row for row in rows}
    for role, password in wanted["roles"].items():
        if role not in there:
            yield f"role {role} made", "postgres", f"CREATE ROLE {role} {ATTRIBUTES}"
        elif there[role][1] != "t":
            yield f"role {role} has no more rights than it needs", "postgres", f"ALTER ROLE {role} {ATTRIBUTES}"
        if password and not verifies(password, there[role][2] if role in there else ""):
            yield f"password of {role} set", "postgres", f"ALTER ROLE {role} PASSWORD '{verifier(password)}'"
    members = ask(
        "SELECT m.rolname, r.rolname FROM pg_auth_members a "
        "JOIN pg_roles m ON m.oid = a.member JOIN pg_roles r ON r.oid = a.roleid"
    )
    for member, of in members:
        if member in wanted["roles"]:
            yield f"{member} is no longer {of}", "postgres", f'REVOKE "{of}" FROM {member}'
    found = ask(
        "SELECT pg_get_userbyid(datdba), has_database_privilege('public', datname, 'CONNECT') "
        f"FROM pg_database WHERE datname = '{name}'"
    )
    if not found:
        yield (
            f"database {name} made",
            "postgres",
            f"CREATE DATABASE {name} OWNER {owner} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'",
        )
    elif found[0][0] != owner:
        yield f"database {name} belongs to {owner}", "postgres", f"ALTER DATABASE {name} OWNER TO {owner}"
    if not found or found[0][1] == "t":
        others = ", ".join(role for role in wanted["roles"] if role != owner)
        yield (
            f"database {name} is closed to others",
            "postgres",
            f"REVOKE ALL ON DATABASE {name} FROM PUBLIC; GRANT CONNECT ON DATABASE {name} TO {others}",
        )


def ask(statement, database="postgres"):
    """Rows of a statement, as lists of text."""
    done = subprocess.run(
        ["psql", "-X", "-q", "-A", "-t", "-F", "\x1f", "-v", "ON_ERROR_STOP=1", "-d", database],
        input=statement,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )
    return [line.split("\x1f") for line in done.stdout.splitlines()]


def verifier(password, salt=None, iterations=ITERATIONS):
    """`SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>` (RFC 5803)."""
    salt = salt or os.urandom(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    salt64, stored64, server64 = (base64.b64encode(part).decode() for part in (salt, stored, server))
    return f"SCRAM-SHA-256${iterations}:{salt64}${stored64}:{server64}"


def verifies(password, kept):
    """Whether a kept verifier is this password's."""
    if not kept.startswith("SCRAM-SHA-256$"):
        return False
    iterations, _, salt = kept.split("$")[1].partition(":")
    return hmac.compare_digest(kept, verifier(password, base64.b64decode(salt), int(iterations)))


if __name__ == "__main__":
    sys.exit(main())
