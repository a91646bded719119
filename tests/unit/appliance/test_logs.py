"""What lies on the stick: the journal and notes of failures, whole, and no secret of any kind."""

import gzip
import hashlib
import json
import os
import subprocess
import tarfile
from pathlib import Path

import pytest
from tests.unit.appliance import tree as trees
from tests.unit.appliance.tree import JOURNAL, OTHERS, RECORDINGS, SECRETS, STATE, Tree

from guardian.appliance import logs
from guardian.appliance.logs import LogsError

NAME = "guardian-logs-20260131T080000Z.tar.gz"
TEXTS = {"status.txt": "Slot A  holds a system\n"}
MACHINE = "var/log/journal/0123456789abcdef0123456789abcdef"


def nothing(what: str, part: float) -> None:
    """Nobody looks."""


def saved(tree: Tree, folder: Path, texts: dict[str, str] = TEXTS) -> dict[str, bytes]:
    """The archive's files, as anybody's tar reads them; its checksum fits."""
    folder.mkdir(exist_ok=True)
    sha256 = logs.save(tree.data, texts, folder, NAME, nothing)
    logs.verify(folder, NAME, sha256, nothing)
    subprocess.run(["sha256sum", "--check", "--quiet", f"{NAME}.sha256"], cwd=folder, check=True)
    assert sorted(path.name for path in folder.iterdir()) == [NAME, f"{NAME}.sha256"]
    return unpacked(folder / NAME)


def unpacked(path: Path) -> dict[str, bytes]:
    found = {}
    with tarfile.open(path) as archive:
        for entry in archive:
            assert entry.isreg() and entry.uid == entry.gid == 0 and not entry.name.startswith(("/", ".."))
            content = archive.extractfile(entry)
            assert content is not None
            found[entry.name] = content.read()
    return found


def test_exactly_the_journal_the_notes_and_what_the_look_said(tmp_path: Path) -> None:
    tree = trees.make(tmp_path / "tree")
    before = tree.files()
    assert saved(tree, tmp_path / "stick") == {
        "status.txt": b"Slot A  holds a system\n",
        "unread.txt": b"Everything could be read.\n",
        f"{MACHINE}/system.journal": before[f"{JOURNAL}/system.journal"],
        f"{MACHINE}/system@0005-06.journal": before[f"{JOURNAL}/system@0005-06.journal"],
        "var/lib/guardian/failures/guardian-uplink.service.json": before[
            f"{STATE}/failures/guardian-uplink.service.json"
        ],
    }
    assert tree.files() == before


# Wherever somebody might think a log belongs.
PLANTED = [
    f"{JOURNAL}/credential.secret",
    f"{JOURNAL}/system.journal.bak",
    f"{JOURNAL}/deeper/system.journal",
    "system/var/log/journal/system.journal",
    "system/var/log/journal/not-a-machine/system.journal",
    "system/var/log/auth.log",
    f"{STATE}/failures/guardian.sign.key",
    f"{STATE}/failures/guardian-camera@front.service.json",
    f"{STATE}/failures/deeper/guardian-uplink.service.json",
    f"{STATE}/cameras/front/failures/guardian-uplink.service.json",
]


def test_planted_secrets_are_not_in_it(tmp_path: Path) -> None:
    tree = trees.make(tmp_path / "tree")
    for number, name in enumerate(PLANTED):
        (tree.data / name).parent.mkdir(parents=True, exist_ok=True)
        (tree.data / name).write_bytes(b'{"planted": "secret-%d"}' % (4800 + number))
    saved(tree, tmp_path / "stick")
    whole = gzip.decompress((tmp_path / "stick" / NAME).read_bytes())
    planted = [b"secret-%d" % (4800 + number) for number in range(len(PLANTED))]
    others = [content for content in (SECRETS | OTHERS).values() if b"0123456789abcdef" not in content]
    assert [text for text in [*planted, *others] if text in whole] == []
    assert b"recording " not in whole
    assert all((tree.data / name).exists() for name in RECORDINGS)


@pytest.mark.parametrize("link", [f"{JOURNAL}/user-1000.journal", JOURNAL, "system/var/log", f"{STATE}/failures"])
def test_no_link_is_followed(tmp_path: Path, link: str) -> None:
    """Out of the partition or into its secrets: what stands behind it is not read."""
    tree = trees.make(tmp_path / "tree")
    elsewhere = tmp_path / "elsewhere"
    for name in ("system.journal", "journal/0123456789abcdef0123456789abcdef/system.journal"):
        (elsewhere / name).parent.mkdir(parents=True, exist_ok=True)
        (elsewhere / name).write_bytes(b"behind a link")
    note = (tree.data / f"{STATE}/failures/guardian-uplink.service.json").read_bytes()
    (elsewhere / "guardian-uplink.service.json").write_bytes(note.replace(b"It hurt.", b"behind a link"))
    path = tree.data / link
    if path.exists():
        path.rename(path.with_name("moved"))
    path.symlink_to(elsewhere / "system.journal" if link.endswith(".journal") else elsewhere)
    found = saved(tree, tmp_path / "stick")
    assert [name for name, content in found.items() if b"behind a link" in content] == []


def test_of_a_long_journal_the_newest(tmp_path: Path) -> None:
    tree = trees.make(tmp_path / "tree")
    size = (tree.data / JOURNAL / "system.journal").stat().st_size
    found = logs.sources(tree.data, most=size)
    assert [source.name for source in found if source.name.endswith(".journal")] == ["system.journal"]


def test_a_machine_whose_data_cannot_be_mounted_has_the_texts(tmp_path: Path) -> None:
    logs.save(None, TEXTS, tmp_path, NAME, nothing)
    assert unpacked(tmp_path / NAME).keys() == {"status.txt", "unread.txt"}


def test_the_room_that_is_asked_for_is_enough(tmp_path: Path) -> None:
    """Even for what cannot be compressed."""
    tree = trees.make(tmp_path / "tree")
    (tree.data / JOURNAL / "system.journal").write_bytes(hashlib.shake_256(b"noise").digest(3 << 20))
    needed = logs.room(logs.sources(tree.data), TEXTS)
    saved(tree, tmp_path / "stick")
    assert 3 << 20 < (tmp_path / "stick" / NAME).stat().st_size <= needed


def test_a_stick_without_room_is_left_as_it_was(tmp_path: Path) -> None:
    tree, stick = trees.make(tmp_path / "tree"), tmp_path / "stick"
    stick.mkdir()
    space = os.statvfs(stick)
    with pytest.raises(LogsError) as caught:
        logs.need(stick, space.f_bavail * space.f_frsize * 2)
    assert caught.value.reason == "logs_no_room"
    logs.need(stick, logs.room(logs.sources(tree.data), TEXTS))
    assert list(stick.iterdir()) == []


def test_a_stick_that_changed_a_bit_is_found(tmp_path: Path) -> None:
    tree = trees.make(tmp_path / "tree")
    sha256 = logs.save(tree.data, TEXTS, tmp_path, NAME, nothing)
    content = bytearray((tmp_path / NAME).read_bytes())
    content[40] ^= 1
    (tmp_path / NAME).write_bytes(content)
    with pytest.raises(LogsError) as caught:
        logs.verify(tmp_path, NAME, sha256, nothing)
    assert caught.value.reason == "logs_damaged"


def test_what_a_broken_disk_does_not_give_is_zeros_and_said(tmp_path: Path) -> None:
    """A file shorter than it was when it was listed stands for blocks that cannot be read."""
    tree = trees.make(tmp_path / "tree")
    path = tree.data / JOURNAL / "system.journal"

    def cut(what: str, part: float) -> None:
        path.write_bytes(b"journal-now")

    size = path.stat().st_size
    logs.save(tree.data, TEXTS, tmp_path, NAME, cut)
    found = unpacked(tmp_path / NAME)
    assert found[f"{MACHINE}/system.journal"] == b"journal-now".ljust(size, b"\0")
    assert f"{MACHINE}/system.journal could not be read to its end" in found["unread.txt"].decode()


def test_a_note_says_what_the_page_says(tmp_path: Path) -> None:
    found = saved(trees.make(tmp_path / "tree"), tmp_path / "stick")
    [note] = [content for name, content in found.items() if "/failures/" in name]
    assert json.loads(note)["words"] == ["It hurt."]
