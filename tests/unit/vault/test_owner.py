"""An owner begins a vault, loses her secret, changes it, and opens a clip from a file."""

from pathlib import Path

import pytest
from tests.unit.vault.opening import CLIP_ID, Opener, refusal
from tests.vectors.household import Home, edge_of, known_keys, seal_clip

from guardian.vault import owner, parts, reader, roster_author
from guardian.vault.slots import Slot


def test_a_vault_from_first_secret_to_recovery_and_a_new_secret() -> None:
    begun = owner.begin("Owner", "first secret")
    stored = [Slot.read(slot.to_json()) for slot in begun.slots]
    assert refusal(lambda: owner.unlock(stored[1:], begun.roster, "first secret")) == "wrong_secret"
    found = owner.unlock_by_recovery(stored, begun.roster, begun.recovery_code.lower())
    assert found.keys.seeds() == begun.author.keys.seeds()
    changed = owner.change_secret(stored, begun.roster, found, "second secret")
    assert sorted(slot.id for slot in changed) == sorted(slot.id for slot in stored)
    assert owner.unlock(changed, begun.roster, "second secret").id == begun.author.id
    assert refusal(lambda: owner.unlock(changed, begun.roster, "first secret")) == "wrong_secret"
    assert refusal(lambda: owner.unlock_by_recovery(stored, begun.roster, "AAAA")) == "recovery_code"
    assert refusal(lambda: owner.unlock_by_recovery(stored, begun.roster, "0" * 28)) == "recovery_code"


def test_an_object_opens_without_knowing_its_edge(home: Home, opener: Opener, clip: bytes) -> None:
    opened = reader.open_of_any_edge(reader.BytesSource(clip), home.roster, opener.epochs)
    assert opened.header.metadata.edge == home.edge.id
    changed = clip[:-5000] + bytes(8) + clip[-4992:]
    assert refusal(lambda: opener.read(changed)) == "damaged"
    alone = owner.begin("Owner", "secret").roster
    assert refusal(lambda: reader.open_of_any_edge(reader.BytesSource(clip), alone, opener.epochs)) == "stranger"


def test_an_object_of_another_household_is_refused_by_every_edge(home: Home, foreign: Home, opener: Opener) -> None:
    theirs = seal_clip(foreign.edge_keys, foreign.roster.epoch, foreign.metadata(), CLIP_ID)
    source = reader.BytesSource(theirs)
    assert refusal(lambda: reader.open_of_any_edge(source, home.roster, opener.epochs)) == "wrong_key"


def test_content_is_written_whole_or_not_at_all(tmp_path: Path, opener: Opener, clip: bytes) -> None:
    target = tmp_path / "clip.mp4"
    owner.write_content(opener.open(clip), target)
    assert target.read_bytes() == opener.read(clip)[1]
    assert target.read_bytes().startswith(parts.pad_clip(b"init segment"))
    with pytest.raises(FileExistsError):
        owner.write_content(opener.open(clip), target)
    at = reader.scan(reader.BytesSource(clip)).parts[2].offset + 50
    broken = clip[:at] + bytes([clip[at] ^ 1]) + clip[at + 1 :]
    other = tmp_path / "other.mp4"
    assert refusal(lambda: owner.write_content(opener.open(broken), other)) == "damaged"
    assert not other.exists()


def test_a_clip_of_an_edge_that_joined_later_opens(home: Home) -> None:
    begun = owner.begin("Owner", "secret")
    edge = edge_of("later edge")
    grown = begun.roster.extend([roster_author.add_edge(begun.roster, begun.author, edge)])
    metadata = home.metadata(household=grown.household, edge=edge.id)
    clip = seal_clip(known_keys("later edge"), grown.epoch, metadata, CLIP_ID)
    epochs = roster_author.open_epochs(grown, begun.author)
    assert reader.open_of_any_edge(reader.BytesSource(clip), grown, epochs).state == "complete"
