"""Sealed objects are found by id and by nothing else; no name leads out of their folders."""

import os
import secrets
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from guardian.edge.uplink.objects import ObjectError, Objects, open_inside


def add_clip(state: Path, path: str, camera: str = "front") -> str:
    name = secrets.token_hex(16)
    folder = state / "cameras" / camera
    folder.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(folder / "index.db")) as connection:
        connection.execute(
            "CREATE TABLE IF NOT EXISTS clips (object_id TEXT, path TEXT, start REAL, end REAL, state TEXT)"
        )
        connection.execute("INSERT INTO clips VALUES (?, ?, 0, 1, 'open')", (name, path))
        connection.commit()
    return name


def reason(objects: Objects, name: str) -> str:
    with pytest.raises(ObjectError) as caught:
        objects.open(name)
    return caught.value.reason


def test_a_clip_is_read_while_it_grows(tmp_path: Path):
    name = add_clip(tmp_path, "clips/2026-01-31/a.sealed")
    file = tmp_path / "cameras" / "front" / "clips" / "2026-01-31" / "a.sealed"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"one")
    opened = Objects(tmp_path).open(name)
    assert (opened.size(), opened.read(1, 10)) == (3, b"ne")
    with file.open("ab") as more:
        more.write(b"two")
    assert (opened.size(), opened.read(3, 10)) == (6, b"two")
    opened.close()


@pytest.mark.parametrize(
    "path", ["../../identity/sign.key", "/etc/passwd", "clips/../../x", "", "clips//a", "link/secret", "fifo", "folder"]
)
def test_an_index_that_points_elsewhere_leads_nowhere(tmp_path: Path, path: str):
    secret = tmp_path / "identity"
    secret.mkdir()
    (secret / "sign.key").write_bytes(b"secret")
    (secret / "secret").write_bytes(b"secret")
    name = add_clip(tmp_path, path)
    camera = tmp_path / "cameras" / "front"
    (camera / "link").symlink_to(secret)
    (camera / "folder").mkdir()
    os.mkfifo(camera / "fifo")
    assert reason(Objects(tmp_path), name) == "not_found"


def test_a_link_in_place_of_the_file_is_not_followed(tmp_path: Path):
    folder = tmp_path / "analyzer" / "objects" / "2026-01-31"
    folder.mkdir(parents=True)
    (tmp_path / "secret").write_bytes(b"secret")
    name = secrets.token_hex(16)
    (folder / f"{name}.sealed").symlink_to(tmp_path / "secret")
    assert reason(Objects(tmp_path), name) == "not_found"


@pytest.mark.parametrize(
    "name", ["", "..", "../" * 8, "A" * 32, "0" * 31, "0" * 33, "0" * 32 + "\n", "0" * 16 + "/" + "0" * 15]
)
def test_what_is_no_id_is_not_looked_for(tmp_path: Path, name: str):
    assert reason(Objects(tmp_path), name) == "not_found"


def test_folders_that_are_no_days_are_passed_over(tmp_path: Path):
    name = secrets.token_hex(16)
    folder = tmp_path / "analyzer" / "objects" / "not-a-day"
    folder.mkdir(parents=True)
    (folder / f"{name}.sealed").write_bytes(b"x")
    assert reason(Objects(tmp_path), name) == "not_found"


def test_open_inside_refuses_what_climbs(tmp_path: Path):
    for parts in ([], [".."], ["a", "..", "b"], ["."], ["a\0b"]):
        with pytest.raises(FileNotFoundError):
            open_inside(tmp_path, parts)
