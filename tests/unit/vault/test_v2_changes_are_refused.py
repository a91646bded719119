"""V2: any change, cut, reordering, splice or swap is refused, and so is what no edge of the household signed."""

from itertools import pairwise, permutations

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.vault.opening import CLIP_ID, Opener, refusal
from tests.vectors.household import Home, known_id, seal_clip

from guardian.vault import reader

HOME = Home()
OPENER = Opener(HOME, HOME.epochs)
CLIP = seal_clip(HOME.edge_keys, HOME.roster.epoch, HOME.metadata(), CLIP_ID)
TWIN = seal_clip(HOME.edge_keys, HOME.roster.epoch, HOME.metadata(), known_id("twin"))
CONTENT = OPENER.read(CLIP)[1]
SCAN = reader.scan(reader.BytesSource(CLIP))
CUTS = [0, SCAN.prefix.size, *(part.offset + part.size for part in SCAN.parts), len(CLIP)]
PIECES = [CLIP[begin:end] for begin, end in pairwise(CUTS)]


def test_v2_a_bit_flipped_at_any_kind_of_place_is_refused() -> None:
    places = {*range(40), *range(1150, 1300), *range(len(CLIP) - 20, len(CLIP))}
    for cut in CUTS[1:-1]:
        places |= {*range(cut - 20, cut + 8)}
    for at in sorted(places):
        changed = bytearray(CLIP)
        changed[at] ^= 0x10
        assert OPENER.refused(bytes(changed)), at


@settings(max_examples=120)
@given(at=st.integers(0, len(CLIP) - 1), bits=st.integers(1, 255))
def test_v2_any_one_byte_changed_is_refused(at: int, bits: int) -> None:
    changed = bytearray(CLIP)
    changed[at] ^= bits
    assert OPENER.refused(bytes(changed))


@settings(max_examples=80)
@given(end=st.integers(0, len(CLIP) - 1))
def test_v2_a_cut_object_is_never_complete_and_shows_only_whole_parts(end: int) -> None:
    if end < SCAN.prefix.size:
        assert OPENER.refused(CLIP[:end]) == "too_short"
        return
    state, content = OPENER.read(CLIP[:end])
    assert state == "truncated"
    assert CONTENT.startswith(content)


def test_v2_every_other_order_of_its_pieces_is_refused() -> None:
    middle = PIECES[1:-2]
    for order in permutations(range(len(middle))):
        shuffled = PIECES[0] + b"".join(middle[index] for index in order)
        if order == tuple(range(len(middle))):
            assert OPENER.read(shuffled)[0] == "truncated"
            assert OPENER.read(shuffled + b"".join(PIECES[-2:]))[0] == "complete"
        else:
            assert OPENER.refused(shuffled) == "damaged"
            assert OPENER.refused(shuffled + b"".join(PIECES[-2:])) == "damaged"


def test_v2_any_piece_left_out_or_doubled_is_refused() -> None:
    for index in range(len(PIECES) - 2):
        without = b"".join(PIECES[:index] + PIECES[index + 1 :])
        doubled = b"".join([*PIECES[: index + 1], *PIECES[index:]])
        assert OPENER.refused(without), index
        assert OPENER.refused(doubled), index


@settings(max_examples=40)
@given(cut=st.integers(1, min(len(CLIP), len(TWIN)) - 1))
def test_v2_a_splice_of_two_objects_is_refused(cut: int) -> None:
    """The first bytes of one, the rest of the other: both of this edge, of one size."""
    spliced = TWIN[:cut] + CLIP[cut:]
    # Their footers are alike: cut there, nothing was spliced.
    assert spliced == TWIN or OPENER.refused(spliced, known_id("twin"))


def test_v2_a_whole_object_in_place_of_another_is_refused() -> None:
    assert OPENER.refused(TWIN) == "wrong_object"


def test_v2_a_ranged_reader_refuses_a_changed_part_and_opens_the_others() -> None:
    changed = bytearray(CLIP)
    changed[CUTS[2] + 100] ^= 1
    opened = OPENER.open(bytes(changed))
    assert opened.read_part(0)
    assert opened.read_part(2)
    assert refusal(lambda: opened.read_part(1)) == "damaged"


def test_v2_a_source_that_gives_fewer_bytes_is_refused() -> None:
    class Short(reader.BytesSource):
        def read(self, offset: int, length: int) -> bytes:
            return super().read(offset, length)[:-1]

    short = Short(CLIP)
    reason = refusal(lambda: reader.open_object(short, HOME.roster, OPENER.epochs, edge=HOME.edge.id))
    assert reason == "damaged"
