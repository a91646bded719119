"""As much of an update as is here."""

from tests.paging import disk_folder, held

from guardian.common.files import BEHIND
from guardian.edge.update.asking import Offer
from guardian.edge.update.incoming import Incoming

PIECE = 1 << 20


def test_however_large_it_is_little_of_it_stays_in_memory() -> None:
    """More of it than the unit may have was waiting for a slow disk, and it was killed."""
    with disk_folder() as folder:
        incoming, most = Incoming(folder, Offer("1.1.0", 4 * BEHIND, bytes(32))), 0
        while incoming.have < 4 * BEHIND:
            incoming.append(bytes(PIECE))
            (part,) = folder.iterdir()
            most = max(most, held(part))
        assert most <= BEHIND
