"""Files that are whole or not there."""

import os
import socket
import stat
from pathlib import Path, PurePath

import pytest

from guardian.common.files import (
    OddFileError,
    folder_below,
    open_plain,
    private_folder,
    read_plain,
    replacing,
    write_atomic,
)


def test_a_file_appears_with_its_mode_whatever_the_umask_says(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        write_atomic(tmp_path / "a", b"one", mode=0o640)
    finally:
        os.umask(before)
    assert (tmp_path / "a").read_bytes() == b"one"
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640


def test_a_reader_that_had_the_old_file_open_keeps_reading_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write_atomic(path, b"old")
    with path.open("rb") as reader:
        write_atomic(path, b"new")
        assert reader.read() == b"old"
    assert path.read_bytes() == b"new"


def test_a_write_that_fails_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write_atomic(path, b"old")
    with pytest.raises(TypeError):
        write_atomic(path, "no bytes")  # type: ignore[arg-type]
    assert path.read_bytes() == b"old"
    assert [item.name for item in tmp_path.iterdir()] == ["a"]


def test_a_target_that_is_a_folder_is_refused_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(OSError, match="directory"):
        write_atomic(tmp_path / "a", b"x")
    assert [item.name for item in tmp_path.iterdir()] == ["a"]


def test_a_link_put_where_the_temporary_file_goes_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"safe")
    (tmp_path / f".a.{os.getpid()}.new").symlink_to(victim)
    write_atomic(tmp_path / "a", b"x")
    assert (tmp_path / "a").read_bytes() == b"x"
    assert not (tmp_path / "a").is_symlink()
    assert victim.read_bytes() == b"safe"


def test_a_private_folder_is_for_its_owner_alone_and_an_existing_one_keeps_its_mode(tmp_path: Path) -> None:
    folder = private_folder(tmp_path / "p" / "q")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    folder.chmod(0o750)
    assert stat.S_IMODE(private_folder(folder).stat().st_mode) == 0o750


def test_only_a_plain_file_is_read_and_nobody_is_waited_for(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"12345")
    assert read_plain(tmp_path / "plain", 5) == b"12345"
    with pytest.raises(OddFileError, match="larger than 4 bytes"):
        read_plain(tmp_path / "plain", 4)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("plain")
    (tmp_path / "endless").symlink_to("/dev/zero")
    (tmp_path / "folder").mkdir()
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(tmp_path / "socket"))
    kinds = {"pipe": "pipe", "link": "link", "endless": "link", "folder": "folder", "socket": "socket"}
    for name, what in kinds.items():
        with pytest.raises(OddFileError, match=f"a {what} lies there"):
            read_plain(tmp_path / name, 100)
    # Where root alone lays links one is followed, but to a plain file and no other.
    assert read_plain(tmp_path / "link", 100, follow=True) == b"12345"
    with pytest.raises(OddFileError, match="a device lies there"):
        read_plain(tmp_path / "endless", 100, follow=True)
    with pytest.raises(FileNotFoundError):
        read_plain(tmp_path / "none", 100)


def test_no_link_is_followed_on_the_way_to_a_folder_and_none_leads_out_of_it(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/file").write_bytes(b"x")
    (tmp_path / "a/link").symlink_to("b")
    with folder_below(tmp_path, PurePath("a/b")) as folder, open_plain("file", folder=folder) as file:
        assert file.read() == b"x"
    for way in ("a/link", "link/b", "a/b/file"):
        (tmp_path / "link").unlink(missing_ok=True)
        (tmp_path / "link").symlink_to("a")
        with pytest.raises(OddFileError, match="is no folder"), folder_below(tmp_path, PurePath(way)):
            pass
    for way in ("a/../..", "/etc"):
        with pytest.raises(ValueError, match="leads out"), folder_below(tmp_path, PurePath(way)):
            pass
    with pytest.raises(FileNotFoundError), folder_below(tmp_path, PurePath("a/none")):
        pass


def test_missing_folders_are_made_for_somebody_and_those_that_are_there_stay_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir(mode=0o700)
    with folder_below(tmp_path, PurePath("a/b/c"), make_for=(-1, -1)):
        pass
    modes = [stat.S_IMODE((tmp_path / way).stat().st_mode) for way in ("a", "a/b", "a/b/c")]
    assert modes == [0o700, 0o750, 0o750]


def test_a_folder_that_is_moved_away_meanwhile_is_the_one_that_is_written_to(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "victim").mkdir()
    (tmp_path / "victim/file").write_bytes(b"safe")
    with folder_below(tmp_path, PurePath("state")) as folder, replacing(folder, "file", mode=0o600) as file:
        file.write(b"ours")
        (tmp_path / "state").rename(tmp_path / "moved")
        (tmp_path / "state").symlink_to("victim")
    assert (tmp_path / "victim/file").read_bytes() == b"safe"
    assert (tmp_path / "moved/file").read_bytes() == b"ours"
