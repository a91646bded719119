"""What memory holds of a file that is being written."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@contextmanager
def disk_folder() -> Iterator[Path]:
    """On the checkout's disk: where /tmp is memory itself, everything in it stays there."""
    (ROOT / "build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=ROOT / "build") as folder:
        yield Path(folder)


def held(path: Path) -> int:
    """Bytes of it that lie in memory, by util-linux' fincore."""
    words = ["fincore", "--bytes", "--noheadings", "--output", "RES", str(path)]
    return int(subprocess.run(words, check=True, stdout=subprocess.PIPE, encoding="ascii").stdout)
