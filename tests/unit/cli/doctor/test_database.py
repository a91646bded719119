"""Is what listens a PostgreSQL that lives? Asked of sockets that answer as it does, as others do, and not at all."""

import socket
import threading
from pathlib import Path

import pytest

from guardian.cli.doctor.checks.database import address_of, answers


@pytest.mark.parametrize(("said", "words"), [(b"S", ""), (b"N", ""), (b"HTTP/1.1 400", "no PostgreSQL"), (b"", "no")])
def test_one_byte_tells_a_postgresql_from_others(tmp_path: Path, said: bytes, words: str):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / ".s.PGSQL.5432"))
        server.listen()
        asked = []

        def serve() -> None:
            client = server.accept()[0]
            asked.append(client.recv(8))
            client.sendall(said)
            client.close()

        thread = threading.Thread(target=serve)
        thread.start()
        refusal = answers(str(tmp_path), 5432)
        thread.join()
    assert (words in refusal) if words else refusal == ""
    assert asked == [b"\0\0\0\x08\x04\xd2\x16\x2f"]


def test_a_socket_that_is_not_there_is_said_in_the_systems_words(tmp_path: Path):
    assert "No such file" in answers(str(tmp_path), 5432)


@pytest.mark.parametrize(
    ("dsn", "where"),
    [
        ("postgresql://app@/guardian?host=/run/postgresql", ("/run/postgresql", 5432)),
        ("postgresql+psycopg://app:x@db.example:6432/guardian", ("db.example", 6432)),
        ("postgresql://app@/guardian", ("/run/postgresql", 5432)),
    ],
)
def test_the_address_is_the_daemons_own(dsn: str, where: tuple[str, int]):
    assert address_of(dsn) == where
