"""A recorder in its own process, to be killed: seals parts without end and says after each that it is durable."""

import sys
from pathlib import Path

from tests.unit.vault.opening import CLIP_ID
from tests.vectors.household import TIME

from guardian.vault import roster
from guardian.vault.header import Metadata
from guardian.vault.identity import Keys
from guardian.vault.writer import SealedWriter


def fragment(counter: int) -> bytes:
    """What part `counter` holds."""
    return counter.to_bytes(4, "big") * (3000 + counter)


def main(state: Path, path: Path) -> None:
    """Record until killed, with what an edge keeps in its state folder."""
    keys = Keys.load(state)
    chain = roster.follow(None, roster.from_json((state / "roster.json").read_bytes()))
    edge = next(edge for edge in chain.edges.values() if edge.sign == keys.sign_public)
    metadata = Metadata(
        household=chain.household, edge=edge.id, camera="front", kind="clip", start=TIME, media="video/mp4",
        codec="avc1.64001f", timescale=1000, width=640, height=360,
    )  # fmt: skip
    writer = SealedWriter.create(path, chain.epoch, keys, metadata, object_id=CLIP_ID)
    writer.init(fragment(0))
    for counter in range(1, 10_000):
        writer.media(fragment(counter), counter * 1000, 1000, key=True)
        sys.stdout.write(f"{counter}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
