"""V4: of the vault, an edge holds public keys only; all it has opens no past picture."""

import os
from functools import partial
from pathlib import Path

import pytest
from tests.unit.vault.opening import CLIP_ID, Opener, refusal, write_edge_state
from tests.vectors.household import FRAGMENTS, Home

from guardian.vault import hpke, reader, roster
from guardian.vault.errors import VaultError
from guardian.vault.identity import RECEIVE_FILE, SIGN_FILE, Keys
from guardian.vault.roster_author import Author, open_epochs
from guardian.vault.writer import SealedWriter


@pytest.fixture
def stolen(home: Home, tmp_path: Path) -> Path:
    """All an edge keeps: its identity, the roster, and a clip it sealed."""
    write_edge_state(home, tmp_path)
    keys = Keys.load(tmp_path)
    chain = roster.follow(None, roster.from_json((tmp_path / "roster.json").read_bytes()))
    with SealedWriter.create(tmp_path / "clip.sealed", chain.epoch, keys, home.metadata(), object_id=CLIP_ID) as writer:
        writer.init(b"init")
        writer.media(*FRAGMENTS[0])
        writer.close()
    return tmp_path


def test_v4_what_the_edge_sealed_opens_for_a_member(stolen: Path, opener: Opener) -> None:
    assert opener.read((stolen / "clip.sealed").read_bytes())[0] == "complete"


def test_v4_no_seed_of_the_vault_or_a_member_stands_in_what_the_edge_keeps(stolen: Path, home: Home) -> None:
    kept = b"".join(path.read_bytes() for path in stolen.iterdir())
    private = [*home.epochs.values(), *home.owner.keys.seeds(), *home.partner.keys.seeds()]
    assert not any(seed in kept or seed.hex().encode() in kept for seed in private)


def test_v4_the_edges_own_keys_open_no_epoch_and_no_object(stolen: Path) -> None:
    keys = Keys.load(stolen)
    chain = roster.follow(None, roster.from_json((stolen / "roster.json").read_bytes()))
    clip = reader.BytesSource((stolen / "clip.sealed").read_bytes())
    edge_id = next(iter(chain.edges))
    for who in (*chain.members, *chain.edges):
        assert open_epochs_or_none(chain, Author(who, keys)) == {}
    for seed in keys.seeds():
        assert refusal(partial(reader.open_object, clip, chain, {2: seed}, edge=edge_id)) == "wrong_key"


def test_v4_a_closed_writer_keeps_no_key_that_opens(stolen: Path, home: Home, opener: Opener) -> None:
    """The object key is not in the file: the wrap opens for the vault's private key alone."""
    data = (stolen / "clip.sealed").read_bytes()
    wrap = hpke.Sealed(data[36:1156], data[1156:1204])
    info = b"guardian/object/v1\0" + bytes.fromhex(home.roster.household + home.edge.id) + data[:36]
    key = hpke.open_(opener.epochs[2], wrap, info)
    assert key not in data
    assert refusal(lambda: hpke.open_(os.urandom(32), wrap, info)) == "wrong_key"


def test_v4_an_identity_that_is_missing_or_cut_is_said_so(tmp_path: Path) -> None:
    assert refusal(lambda: Keys.load(tmp_path)) == "seed_unreadable"
    (tmp_path / SIGN_FILE).write_bytes(bytes(31))
    (tmp_path / RECEIVE_FILE).write_bytes(bytes(32))
    assert refusal(lambda: Keys.load(tmp_path)) == "encoding"


def open_epochs_or_none(chain: roster.Roster, author: Author) -> dict[int, bytes]:
    """What these keys can open of the vault."""
    try:
        return dict(open_epochs(chain, author))
    except VaultError:
        return {}
