"""How role control lays generic images and the key for their seeds: whole or not at all, and never a wrong one."""

import base64
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.imaging.offering import lay
from tests.unit.roles.playing import ROOT, play, said

from guardian.control.images.library import Library

SIZE = 3 << 20


def laid(folder: Path, **changes: Any) -> tuple[str, list[str]]:
    """What the play says of images, and the names that lie there afterwards; a file of the host's is nobody's yet."""
    group = subprocess.run(["id", "-gn"], capture_output=True, text=True, check=True).stdout.strip()
    told = {
        "control_public_url": "https://guardian.example",
        "control_min_free_mb": 0,
        "control_images_folder": str(folder / "host"),
        "control_group": group,
        "control_credentials": str(folder / "store"),
        **changes,
    }
    parts = ["validate", "images", *(["images_secret"] if "control_images_secret" in changes else [])]
    tasks = [{"ansible.builtin.include_role": {"name": "control", "tasks_from": part}} for part in parts]
    handler = {"name": "Restart the control plane", "ansible.builtin.debug": {"msg": "restarted"}}
    plays = [{"hosts": "all", "tasks": tasks, "handlers": [handler]}]
    done = play(folder, plays, {"all": {"hosts": {"host": None}}}, guardian_baking=True, **told)
    there = sorted(os.listdir(folder / "host")) if (folder / "host").exists() else []
    return f"{done.returncode} {said(done)}", there


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """What `make image` left."""
    folder = tmp_path / "out"
    folder.mkdir()
    lay(folder, "guardian-edge.iso", SIZE, version="0.3.0+dev1")
    return folder / "guardian-edge.iso"


async def test_an_image_is_laid_once_under_its_version_and_offered(tmp_path: Path, made: Path) -> None:
    names = ["guardian-edge-0.3.0-dev1.iso", "guardian-edge-0.3.0-dev1.iso.json"]
    # A path is one seen from the repository.
    answer, there = laid(tmp_path, control_images=[os.path.relpath(made, ROOT)])
    assert (answer[0], there) == ("0", names), answer
    assert [item.note.version for item in await Library(tmp_path / "host").all()] == ["0.3.0+dev1"]
    before = (tmp_path / "host" / names[0]).stat()
    answer, there = laid(tmp_path, control_images=[str(made)])
    assert there == names
    assert "changed=0" in answer
    assert (tmp_path / "host" / names[0]).stat().st_mtime_ns == before.st_mtime_ns
    # The next version lies beside it, until the list is said to be all.
    lay(made.parent, made.name, SIZE, version="0.4.0")
    answer, there = laid(tmp_path, control_images=[str(made)])
    assert there == [*names, "guardian-edge-0.4.0.iso", "guardian-edge-0.4.0.iso.json"], answer
    _, there = laid(tmp_path, control_images=[str(made)], control_images_only=True)
    assert there == ["guardian-edge-0.4.0.iso", "guardian-edge-0.4.0.iso.json"]


async def test_one_that_is_not_what_its_note_says_is_never_offered(tmp_path: Path, made: Path) -> None:
    note = made.with_name(f"{made.name}.json")
    good = note.read_text()
    note.write_text(json.dumps({**json.loads(good), "sha256": "5e" * 32}))
    answer, _ = laid(tmp_path, control_images=[str(made)])
    assert answer[0] != "0"
    assert "is not what" in answer
    assert await Library(tmp_path / "host").all() == []
    # What has arrived is not brought again once the note is right, and nothing is left beside it.
    note.write_text(good)
    answer, there = laid(tmp_path, control_images=[str(made)])
    assert (answer[0], there) == ("0", ["guardian-edge-0.3.0-dev1.iso", "guardian-edge-0.3.0-dev1.iso.json"]), answer


def test_a_bad_note_changes_nothing(tmp_path: Path, made: Path) -> None:
    note = made.with_name(f"{made.name}.json")
    for change, sentence in (
        (lambda: note.write_text(json.dumps({"version": "1"})), "does not say version, sha256 and size."),
        (note.unlink, "no image with its note beside it."),
    ):
        change()
        answer, there = laid(tmp_path, control_images=[str(made)])
        assert sentence in answer
        assert there == []


def test_the_key_is_kept_encrypted_once_and_shown_nowhere(tmp_path: Path) -> None:
    raw = Ed25519PrivateKey.generate().private_bytes_raw()
    secret = base64.b64encode(raw).decode()
    kept = tmp_path / "store" / "guardian.images.key"
    answer, _ = laid(tmp_path, control_images_secret=secret)
    assert answer[0] == "0", answer
    assert secret not in answer
    command = ["systemd-creds", "decrypt", "--name=images.key", str(kept), "-"]
    assert subprocess.run(command, capture_output=True, check=True).stdout == raw
    assert kept.stat().st_mode & 0o777 == 0o600
    before = kept.read_bytes()
    laid(tmp_path, control_images_secret=secret)
    assert (kept.read_bytes(), os.listdir(kept.parent)) == (before, [kept.name])
