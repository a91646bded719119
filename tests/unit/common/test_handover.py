"""Secrets handed over to root: what may be, by whom; into the real credential store; nothing left behind."""

import os
import subprocess
from pathlib import Path

import pytest

from guardian.common import credstore, tls
from guardian.common.handover import offer, table
from guardian.common.handover.take import HandoverError, take

KEY = bytes(range(32))


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A credential store of this test's own, under a machine key of its own."""
    monkeypatch.setenv("SYSTEMD_CREDENTIAL_SECRET", str(tmp_path / "machine.secret"))
    folder = tmp_path / "store"
    folder.mkdir()
    return folder


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Where the units made the folders."""
    for name in (*table.WRITERS, "camera"):
        offer.folder_of(tmp_path, name).mkdir(parents=True)
    (tmp_path / "identity").mkdir()
    return tmp_path


def pair() -> tuple[bytes, bytes]:
    """`tls.key` and the certificate in it."""
    key, authority = tls.new_key(), tls.Authority.create("test")
    certificate = tls.cert_pem(authority.issue_client(key.public_key(), "guardian://t/edge/e"))
    return tls.key_pem(key) + certificate, certificate


def decrypted(store: Path, name: str) -> bytes:
    command = ["systemd-creds", "decrypt", f"--name={name}", str(store / f"guardian.{name}"), "-"]
    return subprocess.run(command, capture_output=True, check=True).stdout


def left(state: Path, writer: str) -> list[str]:
    return sorted(path.name for path in offer.folder_of(state, writer).iterdir())


def test_what_enrolment_made_is_taken_and_its_seed_goes(state: Path, store: Path) -> None:
    both, certificate = pair()
    (store / "guardian.seed").write_bytes(b"encrypted")
    offer.lay(state, "enroll", {table.SIGN: KEY, table.RECEIVE: KEY[::-1], table.TLS: both, table.WIREGUARD: KEY})
    assert take(state, "enroll", os.getuid(), store) is None, "half an offer is none"
    offer.close(state, "enroll", ["seed"])
    taken = take(state, "enroll", os.getuid(), store)
    assert taken is not None
    assert taken.secrets.keys() == set(table.KINDS)
    assert decrypted(store, "sign.key") == KEY
    assert decrypted(store, "tls.key") == both
    assert not (store / "guardian.seed").exists()
    assert left(state, "enroll") == []
    # Whoever watches the certificate's end sees the new one, and no key.
    assert (state / "identity" / "tls.pem").read_bytes() == certificate
    assert take(state, "enroll", os.getuid(), store) is None


def test_an_end_in_the_middle_leaves_the_offer_to_be_taken_again(state: Path, store: Path) -> None:
    offer.lay(state, "hub", {table.WIREGUARD: KEY})
    offer.close(state, "hub")
    (store / ".guardian.wireguard.key.new").mkdir()
    with pytest.raises(credstore.CredentialError):
        take(state, "hub", os.getuid(), store)
    assert left(state, "hub") == ["ready", "wireguard.key"]
    (store / ".guardian.wireguard.key.new").rmdir()
    assert take(state, "hub", os.getuid(), store) is not None
    assert decrypted(store, "wireguard.key") == KEY


@pytest.mark.parametrize(
    ("writer", "name", "data", "reason"),
    [
        ("uplink", "sign.key", KEY, "handover_name"),
        ("hub", "tls.key", KEY, "handover_name"),
        ("uplink", "seed", b"", "handover_name"),
        ("enroll", "database-owner", KEY, "handover_name"),
        ("enroll", "seed", b"a new one", "handover_form"),
        ("enroll", "sign.key", KEY[:31], "handover_form"),
        ("enroll", "sign.key", KEY + b"x", "handover_form"),
        ("enroll", "sign.key", b"", "handover_form"),
        ("uplink", "tls.key", b"no key at all", "handover_form"),
        ("uplink", "tls.key", b"x" * (17 << 10), "handover_form"),
    ],
)
def test_what_may_not_be_handed_over_is_refused_and_wiped(
    state: Path, store: Path, writer: str, name: str, data: bytes, reason: str
) -> None:
    offer.lay(state, writer, {name: data})
    offer.close(state, writer)
    with pytest.raises(HandoverError) as caught:
        take(state, writer, os.getuid(), store)
    assert caught.value.reason == reason
    assert left(state, writer) == []
    assert list(store.iterdir()) == []


def test_a_certificate_of_another_key_is_refused(state: Path, store: Path) -> None:
    key, (_, other) = tls.key_pem(tls.new_key()), pair()
    offer.lay(state, "uplink", {table.TLS: key + other})
    offer.close(state, "uplink")
    with pytest.raises(HandoverError):
        take(state, "uplink", os.getuid(), store)


def test_links_pipes_and_other_peoples_files_are_refused_and_cost_nobody_anything(state: Path, store: Path) -> None:
    victim = state / "victim"
    folder = offer.folder_of(state, "hub")

    def link(path: Path) -> None:
        path.symlink_to(victim)

    def hard(path: Path) -> None:
        os.link(victim, path)

    def foreign(path: Path) -> None:
        path.write_bytes(KEY)
        os.chown(path, 65534, 65534)

    for make in (link, hard, os.mkfifo, foreign):
        victim.write_bytes(KEY)
        make(folder / "wireguard.key")
        offer.close(state, "hub")
        with pytest.raises(HandoverError):
            take(state, "hub", 12345, store)
        assert victim.read_bytes() == KEY
        assert left(state, "hub") == []
    assert list(store.iterdir()) == []


def test_nobody_else_hands_anything_over(state: Path, store: Path) -> None:
    for writer in ("camera", "../enroll", "", "seed"):
        with pytest.raises(HandoverError):
            take(state, writer, os.getuid(), store)


def test_a_folder_that_is_a_link_is_not_followed(state: Path, store: Path) -> None:
    folder = offer.folder_of(state, "hub")
    folder.rmdir()
    folder.symlink_to(offer.folder_of(state, "enroll"))
    with pytest.raises(HandoverError):
        take(state, "hub", os.getuid(), store)
