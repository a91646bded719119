"""V1: who holds a sealed object learns its sizes, magic, version, suite, epoch and an opaque id; nothing else."""

from datetime import timedelta

from tests.unit.vault.opening import CLIP_ID, Opener
from tests.vectors.household import FRAGMENTS, Home, MemorySink, known_id, seal_clip, seal_picture

from guardian.vault import header, parts, reader
from guardian.vault.writer import SealedWriter


def test_v1_nothing_that_is_sealed_stands_in_the_file(home: Home, clip: bytes) -> None:
    metadata = home.metadata()
    secrets = [
        home.roster.household.encode(),
        bytes.fromhex(home.roster.household),
        home.edge.id.encode(),
        bytes.fromhex(home.edge.id),
        home.edge.sign,
        home.roster.epoch.public[:32],
        b"front",
        b"2026",
        b"video/mp4",
        metadata.codec.encode(),
        b"init segment",
        b"free",
        *(fragment[0][:32] for fragment in FRAGMENTS),
    ]
    assert [secret for secret in secrets if secret in clip] == []


def test_v1_a_holder_without_keys_sees_epoch_id_and_sizes(clip: bytes) -> None:
    seen = reader.scan(reader.BytesSource(clip))
    assert (seen.prefix.epoch, seen.prefix.object_id) == (2, CLIP_ID)
    assert seen.closed
    assert [part.size % parts.STEP for part in seen.parts] == [20] * 4


def test_v1_parts_differ_in_size_by_whole_steps_only(home: Home) -> None:
    sizes = set()
    for length in (1, 4087, 4088, 4089, 4095, 4096):
        data = seal_clip(home.edge_keys, home.roster.epoch, home.metadata(), CLIP_ID, [(bytes(length), 0, 1, True)])
        sizes.add(reader.scan(reader.BytesSource(data)).parts[1].size)
    assert sizes == {4 + 4096 + 16, 4 + 8192 + 16}


def test_v1_header_is_as_long_for_any_camera_kind_and_time(home: Home) -> None:
    texts = [
        home.metadata(),
        home.metadata(camera="b", start=home.metadata().start + timedelta(days=4000)),
        home.metadata(camera="terrace_behind_the_house", codec="avc1.42c01e", width=640, height=360),
        home.picture(),
        home.picture("thumbnail", width=320, height=180),
    ]
    sizes = {len(header.make(text, 2, home.roster.epoch.public, home.edge_keys)[0]) for text in texts}
    assert len(sizes) == 1


def test_v1_edge_public_key_does_not_tell_its_objects(home: Home, foreign: Home) -> None:
    """No signature stands in the open: none of the file's 64-byte windows where it could be verifies."""
    mine = seal_clip(home.edge_keys, home.roster.epoch, home.metadata(), CLIP_ID)
    other_edge = home.metadata(edge=home.second.id)
    theirs = seal_clip(home.keys_of("second edge"), home.roster.epoch, other_edge, CLIP_ID)
    assert len(mine) == len(theirs)
    size = reader.scan(reader.BytesSource(mine)).prefix.size
    sealed_meta_end = size - header.SIGNATURE_CT - header.MAC_SIZE
    signed = header._signed(mine[:sealed_meta_end])
    for at in range(sealed_meta_end, size - 63):
        for public in (home.edge.sign, home.second.sign):
            assert not _verifies(public, signed, mine[at : at + 64])


def test_v1_same_content_sealed_twice_shares_nothing_but_the_public_fields(home: Home) -> None:
    first, second = (
        seal_picture(home.edge_keys, home.roster.epoch, home.picture(), known_id(name), bytes(9000))
        for name in ("one", "two")
    )
    blocks = {first[at : at + 16] for at in range(36, len(first) - 16)}
    assert not any(second[at : at + 16] in blocks for at in range(36, len(second) - 32))


def test_v1_ids_are_fresh_when_none_is_given(home: Home) -> None:
    ids = {SealedWriter(MemorySink(), home.roster.epoch, home.edge_keys, home.metadata()).object_id for _ in range(3)}
    assert len(ids) == 3


def test_v1_a_member_learns_all_of_it(home: Home, opener: Opener, clip: bytes) -> None:
    assert opener.open(clip).header.metadata == home.metadata()


def _verifies(public: bytes, message: bytes, signature: bytes) -> bool:
    from guardian.vault import identity
    from guardian.vault.errors import VaultError

    try:
        identity.verify(public, message, signature)
    except VaultError:
        return False
    return True
