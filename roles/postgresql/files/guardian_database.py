#!/usr/bin/python3
"""Dump the control plane's database, try a dump out, or put one in force: `guardian-database backup|check|restore`.

A dump's manifest (JSON beside it) holds the rows of every table, counted in the very snapshot that was dumped: a
restore is right when it counts the same. Uses PostgreSQL's own programs and the standard library.
"""

import argparse
import contextlib
import datetime as dt
import fcntl
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

DATABASE, OWNER, APP = "guardian", "guardian_owner", "guardian_app"
KEPT_ALWAYS = 3
TABLES = (
    "SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) FROM pg_class c "
    "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' "
    "AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_t%' ORDER BY 1;"
)


class Fault(Exception):
    """A sentence for whoever reads the journal."""


def main():
    """Exit status 1 and one sentence when something is wrong."""
    parser = argparse.ArgumentParser(prog="guardian-database", description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=Path("/var/backups/guardian/database"))
    parser.add_argument("--days", type=int, default=14, help="after which a dump is deleted")
    parser.add_argument("verb", choices=["backup", "check", "restore"])
    parser.add_argument("dump", type=Path, nargs="?", help="check, restore: a dump's file; the newest when not said")
    arguments = parser.parse_args()
    if os.geteuid() == 0:
        # PostgreSQL knows its superuser by the Unix user.
        os.chdir("/")
        os.execvp("runuser", ["runuser", "--user=postgres", "--", sys.executable, *sys.argv])
    os.umask(0o077)
    try:
        with locked(arguments.folder):
            if arguments.verb == "backup":
                told = backup(arguments.folder, arguments.days)
            elif arguments.verb == "check":
                told = check(arguments.folder, arguments.dump)
            else:
                told = restore(arguments.folder, arguments.dump)
            remember(arguments.folder, arguments.verb, told, good=True)
    except (Fault, OSError, ValueError, KeyError) as fault:
        with contextlib.suppress(OSError):
            remember(arguments.folder, arguments.verb, str(fault), good=False)
        print(f"guardian-database {arguments.verb}: {fault}", file=sys.stderr)
        return 1
    print(told)
    return 0


def backup(folder, days):
    """Dump, count, write the manifest last, delete what is too old."""
    stamp = now().strftime("%Y%m%dT%H%M%SZ")
    dump, part = folder / f"guardian-{stamp}.dump", folder / f".guardian-{stamp}.part"
    for left in folder.glob(".*.part"):
        left.unlink()
    with Session(DATABASE) as session:
        # The session only waits while pg_dump works: it must not be ended for that.
        session.ask("SET idle_in_transaction_session_timeout = 0;")
        session.ask("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;")
        snapshot = session.ask("SELECT pg_export_snapshot();")[0]
        run("pg_dump", "--format=custom", f"--snapshot={snapshot}", f"--file={part}", DATABASE)
        manifest = {"made": stamp, "revision": revision(session), "rows": rows(session)}
    manifest |= {"bytes": part.stat().st_size, "sha256": sha256(part)}
    settle(part)
    part.rename(dump)
    write(dump.with_suffix(".json"), manifest)
    gone = forget(folder, days)
    total = sum(manifest["rows"].values())
    deleted = f"; {gone} older deleted" if gone else ""
    return f"{dump.name}: {len(manifest['rows'])} tables, {total} rows, {manifest['bytes']} bytes{deleted}"


def check(folder, dump):
    """Restore into a database of its own, compare, drop it."""
    dump = dump or newest(folder)
    scratch = f"{DATABASE}_check"
    try:
        told = fill(scratch, dump)
    finally:
        sql("postgres", f"DROP DATABASE IF EXISTS {scratch} WITH (FORCE)")
    return told


def restore(folder, dump):
    """Restore beside the database in force, compare, then change their names; the old one is kept."""
    dump = dump or newest(folder)
    fresh, old = f"{DATABASE}_restored", f"{DATABASE}_before_{now().strftime('%Y%m%d%H%M%S')}"
    try:
        told = fill(fresh, dump)
    except Fault:
        sql("postgres", f"DROP DATABASE IF EXISTS {fresh} WITH (FORCE)")
        raise
    sql("postgres", f"REVOKE ALL ON DATABASE {fresh} FROM PUBLIC; GRANT CONNECT ON DATABASE {fresh} TO {APP}")
    if sql("postgres", f"SELECT 1 FROM pg_database WHERE datname = '{DATABASE}'"):
        sql(
            "postgres",
            f"ALTER DATABASE {DATABASE} WITH ALLOW_CONNECTIONS false; "
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{DATABASE}'; "
            f"ALTER DATABASE {DATABASE} RENAME TO {old}; ALTER DATABASE {fresh} RENAME TO {DATABASE}",
        )
        return f"{told}; what was there is kept as database {old}, drop it when you are sure"
    sql("postgres", f"ALTER DATABASE {fresh} RENAME TO {DATABASE}")
    return told


def fill(database, dump):
    """A new database from a dump, held against its manifest."""
    manifest = json.loads(dump.with_suffix(".json").read_text(encoding="utf-8"))
    if sha256(dump) != manifest["sha256"]:
        raise Fault(f"{dump.name} is not the file that was written (its checksum differs). Take an older one.")
    sql("postgres", f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")
    sql("postgres", f"CREATE DATABASE {database} OWNER {OWNER} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'")
    run("pg_restore", "--exit-on-error", f"--dbname={database}", str(dump))
    with Session(database) as session:
        found = {"revision": revision(session), "rows": rows(session)}
    for key in ("revision", "rows"):
        if found[key] != manifest[key]:
            raise Fault(f"{dump.name} restored differs from what was dumped: {key} {differing(found, manifest, key)}.")
    return f"{dump.name} restored: {len(found['rows'])} tables, {sum(found['rows'].values())} rows, all as dumped"


def differing(found, manifest, key):
    """The first few differences in words."""
    if key == "revision":
        return f"{found[key]} instead of {manifest[key]}"
    names = sorted(found[key].keys() | manifest[key].keys())
    wrong = [name for name in names if found[key].get(name) != manifest[key].get(name)]
    return ", ".join(f"{name} {found[key].get(name)} instead of {manifest[key].get(name)}" for name in wrong[:5])


def rows(session):
    """Table → rows."""
    return {table: int(session.ask(f"SELECT count(*) FROM {table};")[0]) for table in session.ask(TABLES)}


def revision(session):
    """The schema's; empty before the first migration."""
    there = session.ask("SELECT to_regclass('public.alembic_version') IS NOT NULL;")[0] == "t"
    return ",".join(sorted(session.ask("SELECT version_num FROM alembic_version;"))) if there else ""


def newest(folder):
    """The newest dump that has a manifest: one without was not finished."""
    dumps = [path for path in sorted(folder.glob("guardian-*.dump")) if path.with_suffix(".json").exists()]
    if not dumps:
        raise Fault(f"There is no dump in {folder} yet: systemctl start guardian-database-backup.")
    return dumps[-1]


def forget(folder, days):
    """Delete dumps that are too old, but never the newest few; how many."""
    oldest = (now() - dt.timedelta(days=days)).strftime("guardian-%Y%m%dT%H%M%SZ.dump")
    gone = [path for path in sorted(folder.glob("guardian-*.dump"))[:-KEPT_ALWAYS] if path.name < oldest]
    for path in gone:
        path.with_suffix(".json").unlink(missing_ok=True)
        path.unlink()
    return len(gone)


def remember(folder, verb, told, *, good):
    """`last.json`: what each verb did last, for `guardian doctor` and the monitoring."""
    path = folder / "last.json"
    last = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    last[verb] = {"at": now().isoformat(timespec="seconds"), "good": good, "told": told}
    write(path, last)


class Session:
    """One psql that stays connected, so that all it is asked is asked of one snapshot."""

    END = "\x1e"

    def __init__(self, database):
        command = ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", database]
        self._psql = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=plain())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._psql.stdin.close()
        self._psql.wait()

    def ask(self, statement):
        """Lines of the answer."""
        try:
            self._psql.stdin.write(f"{statement}\n\\echo {self.END}\n")
            self._psql.stdin.flush()
        except BrokenPipeError:
            raise Fault(f"psql ended before: {statement}") from None
        lines = []
        for line in self._psql.stdout:
            if line == f"{self.END}\n":
                return lines
            lines.append(line.rstrip("\n"))
        raise Fault(f"psql ended at: {statement}")


def sql(database, statements):
    """One psql run; each statement by itself, for databases are not made in a transaction."""
    return run("psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", database, told=statements).splitlines()


def run(*command, told=""):
    """A program's output; a Fault with the end of its complaint when it fails."""
    done = subprocess.run(command, input=told, capture_output=True, text=True, check=False, env=plain())
    if done.returncode != 0:
        raise Fault(f"{command[0]} failed: {done.stderr.strip()[-400:] or done.returncode}")
    return done.stdout


def plain():
    """Programs speak plainly, whatever the operator's language."""
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/nonexistent"}


@contextlib.contextmanager
def locked(folder):
    """One at a time: a backup must not delete what a check reads."""
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def write(path, content):
    """JSON, whole or not at all."""
    part = path.with_name(f".{path.name}.part")
    part.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    settle(part)
    part.rename(path)
    settle(path.parent)


def settle(path):
    """On the disk before anything relies on it."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sha256(path):
    """Hex digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def now():
    """UTC."""
    return dt.datetime.now(dt.UTC)


if __name__ == "__main__":
    sys.exit(main())
