"""A camera's index: its clips, and motion the analyzer has not been told of. Written by one thread."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import sqlalchemy as sa

from guardian.common.database import migrate_sqlite, open_sqlite
from guardian.vault.errors import VaultError
from guardian.vault.reader import FileSource, scan

MIGRATIONS = "guardian.edge.camera:migrations"
State = Literal["open", "closed", "truncated", "failed"]

_META = sa.MetaData()
CLIPS = sa.Table(
    "clips",
    _META,
    sa.Column("object_id", sa.String, primary_key=True),
    sa.Column("path", sa.String),
    sa.Column("start", sa.Float),
    sa.Column("end", sa.Float),
    sa.Column("state", sa.String),
    sa.Column("bytes", sa.Integer),
)
MOTIONS = sa.Table(
    "motions",
    _META,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("start", sa.Float),
    sa.Column("end", sa.Float),
    sa.Column("state", sa.String),
)


@dataclass(frozen=True)
class Clip:
    """One row; `path` is relative to the camera's folder, times are wall-clock seconds."""

    object_id: str
    path: str
    start: float
    end: float
    state: State
    bytes: int


@dataclass(frozen=True)
class Motion:
    """Motion seen while the analyzer was away."""

    id: int
    start: float
    end: float


class Index:
    """`cameras/ID/index.db`. A row is written after its file; commits are durable."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._engine = open_sqlite(folder / "index.db")
        migrate_sqlite(self._engine, MIGRATIONS)

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()

    def put(self, clip: Clip) -> None:
        """Insert or replace a clip's row."""
        values = dict(clip.__dict__)
        with self._engine.begin() as connection:
            done = connection.execute(CLIPS.update().where(CLIPS.c.object_id == clip.object_id).values(values))
            if done.rowcount == 0:
                connection.execute(CLIPS.insert().values(values))

    def recent(self, since: float) -> list[Clip]:
        """Clips that reach past `since`, oldest first."""
        query = sa.select(CLIPS).where(CLIPS.c.end >= since).order_by(CLIPS.c.start)
        with self._engine.connect() as connection:
            return [_clip(row) for row in connection.execute(query)]

    def recover(self) -> list[Clip]:
        """Clips a dead writer left open, and files it had no time to list: both are truncated."""
        with self._engine.connect() as connection:
            left = [_clip(row) for row in connection.execute(sa.select(CLIPS).where(CLIPS.c.state == "open"))]
            known = set(connection.execute(sa.select(CLIPS.c.path)).scalars())
        cut = [
            Clip(clip.object_id, clip.path, clip.start, *survey(self._folder / clip.path, clip.end)) for clip in left
        ]
        for file in sorted((self._folder / "clips").glob("*/*.sealed")):
            path = str(file.relative_to(self._folder))
            if path not in known:
                moment = file.stat().st_mtime
                cut.append(Clip(file.stem, path, moment, *survey(file, moment)))
        for clip in cut:
            self.put(clip)
        with self._engine.begin() as connection:
            connection.execute(MOTIONS.update().where(MOTIONS.c.state == "open").values(state="closed"))
        return cut

    def begin_motion(self, start: float, end: float) -> int:
        """Note motion the analyzer does not see; the row's id."""
        with self._engine.begin() as connection:
            done = connection.execute(MOTIONS.insert().values(start=start, end=end, state="open"))
            return int(done.lastrowid)

    def extend_motion(self, key: int, end: float, *, closed: bool) -> None:
        """It lasted until `end`."""
        with self._engine.begin() as connection:
            state = "closed" if closed else "open"
            connection.execute(MOTIONS.update().where(MOTIONS.c.id == key).values(end=end, state=state))

    def untold(self) -> list[Motion]:
        """Motion that ended and of which the analyzer has not been told."""
        query = sa.select(MOTIONS).where(MOTIONS.c.state == "closed").order_by(MOTIONS.c.id)
        with self._engine.connect() as connection:
            return [Motion(row.id, row.start, row.end) for row in connection.execute(query)]

    def told(self, keys: Sequence[int]) -> None:
        """The analyzer has been told of these."""
        with self._engine.begin() as connection:
            connection.execute(MOTIONS.update().where(MOTIONS.c.id.in_(keys)).values(state="told"))


def survey(file: Path, end: float) -> tuple[float, State, int]:
    """End, state and size of a clip whose writer died, as far as one without its key can tell.

    The file's last write tells when its last part came. Without a whole fragment there is no picture in it.
    """
    try:
        moment = file.stat().st_mtime
        with FileSource(file) as source:
            seen = scan(source)
            size = source.size
    except FileNotFoundError:
        return end, "failed", 0
    except VaultError:
        # It ends inside its header, or is none of ours.
        return end, "failed", file.stat().st_size
    # Killed between the trailer and the row: nothing is missing.
    state: State = "closed" if seen.closed else "truncated" if len(seen.parts) > 1 else "failed"
    return max(end, moment), state, size


def _clip(row: sa.Row[tuple[object, ...]]) -> Clip:
    return Clip(row.object_id, row.path, row.start, row.end, row.state, row.bytes)
