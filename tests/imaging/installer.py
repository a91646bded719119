"""An installer's medium as small as can be: a system of random bytes, its check, an empty seed, the table's copy."""

import io
import random
from pathlib import Path

from tests.imaging.gpt import LINUX, SECTOR, Table, make

from guardian.appliance import medium
from guardian.appliance.medium import Check
from guardian.common import seed_region

# In bytes: all of it, where the check begins, and what lies behind the seed.
END = 1 << 19
CHECK = 4 << 16
BEHIND = Table(END).seed_first * SECTOR + seed_region.SIZE


def medium_at(path: Path) -> bytes:
    """Write one; what it holds."""
    table = Table(END)
    check = (medium.CHECK_TYPE, CHECK // SECTOR, (CHECK + medium.CHECK_SIZE) // SECTOR - 1, "guardian-check")
    table.partitions = [(LINUX, 64, CHECK // SECTOR - 1, "system"), check, table.seed()]
    make(path, END, table, filling=random.Random(7).randbytes(CHECK - 64 * SECTOR))
    data = path.read_bytes()
    found = medium.pack(Check(CHECK, medium.digest(io.BytesIO(data), CHECK)))
    whole = data[:CHECK] + found + data[CHECK + len(found) :]
    path.write_bytes(whole)
    return whole
