"""What a seed says of the machine, applied: in one folder, and of nothing that the system does not have."""

import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_ssh_private_key

from guardian.appliance import settings
from guardian.common import seed_state
from guardian.common.seed_state import Settings, StateError

SSH = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKUHBFPErWYdhKF1VgXzpEUMTOUt0vbUy6mrCXd9nBGD ann@desk"


@pytest.fixture
def zones(tmp_path: Path) -> Path:
    """Zones of a test's own: one of a zone's form, and what lies beside such."""
    folder = tmp_path / "zoneinfo"
    (folder / "Europe").mkdir(parents=True)
    for name in ("UTC", "Europe/Berlin"):
        (folder / name).write_bytes(b"TZif2" + bytes(40))
    (folder / "leapseconds").write_text("# text\n")
    (tmp_path / "outside").write_bytes(b"TZif2")
    (folder / "Out").symlink_to(tmp_path / "outside")
    (folder / "Circle").symlink_to(folder / "Circle")
    return folder


def apply(tmp_path: Path, zones: Path, **said: str) -> list[str]:
    return settings.apply(Settings(**said), tmp_path / "run", zones, tmp_path / "ssh")


def test_without_a_seed_all_is_plain_and_nobody_comes_in(tmp_path: Path, zones: Path) -> None:
    assert apply(tmp_path, zones) == []
    run = tmp_path / "run"
    assert sorted(path.name for path in run.iterdir()) == ["faults", "locale", "localtime", "timezone"]
    assert (run / "locale").read_text() == "LANG=C.UTF-8\n"
    assert (run / "localtime").readlink() == zones / "UTC"
    assert not (tmp_path / "ssh").exists()


def test_a_time_zone_is_a_link_to_its_file_and_its_name(tmp_path: Path, zones: Path) -> None:
    assert apply(tmp_path, zones, timezone="Europe/Berlin") == []
    assert (tmp_path / "run/localtime").readlink() == zones / "Europe/Berlin"
    assert (tmp_path / "run/timezone").read_text() == "Europe/Berlin\n"
    # Another seed, without a restart between.
    assert apply(tmp_path, zones) == []
    assert (tmp_path / "run/localtime").readlink() == zones / "UTC"


@pytest.mark.parametrize("name", ["Europe/Paris", "Europe", "leapseconds", "Out", "Circle"])
def test_what_is_no_zone_is_said_and_utc_is_used(tmp_path: Path, zones: Path, name: str) -> None:
    assert apply(tmp_path, zones, timezone=name) == [f"There is no time zone {name}; UTC is used."]
    assert (tmp_path / "run/localtime").readlink() == zones / "UTC"
    assert name in (tmp_path / "run/faults").read_text()


def test_a_locale_that_is_not_there_is_said(tmp_path: Path, zones: Path) -> None:
    assert apply(tmp_path, zones, locale="C.UTF-8") == []
    assert apply(tmp_path, zones, locale="xx_XX.UTF-8") == [
        "The locale xx_XX.UTF-8 is not in this image; C.UTF-8 is used."
    ]
    assert (tmp_path / "run/locale").read_text() == "LANG=C.UTF-8\n"


def test_a_key_makes_the_machines_own_once_and_lets_its_holder_in(tmp_path: Path, zones: Path) -> None:
    assert apply(tmp_path, zones, ssh_key=SSH) == []
    keys, own = tmp_path / "run/authorized_keys", tmp_path / "ssh" / settings.HOST_KEY
    assert keys.read_text() == f"restrict,pty {SSH}\n"
    assert keys.stat().st_mode & 0o777 == own.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "ssh").stat().st_mode & 0o777 == 0o700
    first = own.read_bytes()
    apply(tmp_path, zones, ssh_key=SSH)
    assert own.read_bytes() == first
    # The next seed has none: nobody comes in any more, at once.
    apply(tmp_path, zones)
    assert not keys.exists()
    assert not (tmp_path / "run/ssh").exists()
    assert own.read_bytes() == first


def test_it_is_shown_as_openssh_shows_keys_and_its_own_is_one_of_openssh(tmp_path: Path, zones: Path) -> None:
    apply(tmp_path, zones, ssh_key=SSH)
    # By ssh-keygen -l.
    assert (tmp_path / "run/ssh").read_text() == "SHA256:YOp4pUB8hJFuRbTBzifk42MMUIUPdduE6IyHVbk/N4U ann@desk\n"
    own = tmp_path / "ssh" / settings.HOST_KEY
    public = load_ssh_private_key(own.read_bytes(), None).public_key()
    line = public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    assert own.with_suffix(".pub").read_bytes() == line + b"\n"


def test_a_file_that_guardian_seed_did_not_write_is_not_applied(tmp_path: Path) -> None:
    path = tmp_path / seed_state.SETTINGS
    assert seed_state.read_settings(tmp_path) == Settings()
    for text in ("", "[]", '{"timezone": "../../etc/passwd"}', '{"locale": "de\\nFOO=1"}', '{"ssid": "a\\nb"}'):
        path.write_text(text)
        with pytest.raises(StateError) as caught:
            seed_state.read_settings(tmp_path)
        assert caught.value.reason == "seed_settings_damaged"
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(StateError):
        seed_state.read_settings(tmp_path)
