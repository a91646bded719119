"""The index: what a dead writer left behind is found, and nothing of it is deleted."""

from pathlib import Path

import pytest

from guardian.common.database import migrate_sqlite, open_sqlite
from guardian.common.errors import StoreError
from guardian.edge.camera.index import MIGRATIONS, Clip, Index


def clip(name: str, state: str = "open", start: float = 100.0) -> Clip:
    return Clip(name, f"clips/2026-01-31/{name}.sealed", start, start + 10, state, 5)  # type: ignore[arg-type]


@pytest.fixture
def index(tmp_path: Path) -> Index:
    return Index(tmp_path)


def test_a_row_is_replaced_not_doubled(index: Index):
    index.put(clip("a"))
    index.put(clip("a", "closed"))
    assert [item.state for item in index.recent(0)] == ["closed"]
    index.close()


def test_only_clips_that_reach_into_the_time_asked_for_are_recent(index: Index):
    index.put(clip("a", "closed", 100))
    index.put(clip("b", "closed", 200))
    assert [item.object_id for item in index.recent(150)] == ["b"]
    index.close()


def test_an_open_clip_without_its_file_has_failed(index: Index):
    index.put(clip("a"))
    assert [(item.object_id, item.state) for item in index.recover()] == [("a", "failed")]
    assert index.recover() == []
    index.close()


def test_a_file_nobody_listed_is_listed_and_kept(index: Index, tmp_path: Path):
    stray = tmp_path / "clips" / "2026-01-31" / "stray.sealed"
    stray.parent.mkdir(parents=True)
    stray.write_bytes(b"no sealed object at all")
    assert [(item.object_id, item.state) for item in index.recover()] == [("stray", "failed")]
    assert stray.exists()
    index.close()


def test_motion_is_told_once_and_survives_a_restart(index: Index, tmp_path: Path):
    first = index.begin_motion(10, 10)
    index.extend_motion(first, 15, closed=True)
    index.begin_motion(20, 21)
    assert [item.start for item in index.untold()] == [10]
    index.close()
    again = Index(tmp_path)
    again.recover()
    assert [(item.start, item.end) for item in again.untold()] == [(10, 15), (20, 21)]
    again.told([item.id for item in again.untold()])
    assert again.untold() == []
    again.close()


def test_the_schema_goes_up_and_down(tmp_path: Path):
    engine = open_sqlite(tmp_path / "index.db")
    for revision in ("head", "base", "head"):
        migrate_sqlite(engine, MIGRATIONS, revision)
    engine.dispose()


def test_an_index_of_a_newer_release_or_none_at_all_is_refused_and_left_alone(tmp_path: Path):
    Index(tmp_path).close()
    engine = open_sqlite(tmp_path / "index.db")
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
        connection.exec_driver_sql("UPDATE oldest_code SET code = '9998'")
    engine.dispose()
    with pytest.raises(StoreError) as newer:
        Index(tmp_path)
    assert newer.value.reason == "store_newer"
    other = tmp_path / "other"
    other.mkdir()
    (other / "index.db").write_bytes(b"garbage " * 1000)
    with pytest.raises(StoreError) as broken:
        Index(other)
    assert broken.value.reason == "store_unusable"
    assert (other / "index.db").read_bytes().startswith(b"garbage")
