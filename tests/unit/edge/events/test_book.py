"""What is written of an event, in which order, and what is left of it in the end."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.analyzing.home import Home
from tests.unit.edge.events.conftest import make_book

from guardian.common.database import migrate_sqlite, open_sqlite
from guardian.common.errors import StoreError
from guardian.contracts.edge.v1.edge_pb2 import OBJECT_KIND_CLIP, OBJECT_KIND_SNAPSHOT, Event
from guardian.edge.analyzer.writing import acknowledged
from guardian.edge.detectors.base import Box
from guardian.edge.events.book import EventBook
from guardian.edge.events.pictures import Sealing, thumbnail
from guardian.edge.events.store import MIGRATIONS, EventStore, StoredClip
from guardian.edge.events.visit import MAX_PATH, Point, Visit

FRAME = np.full((360, 640, 3), 90, np.uint8)
BOX = Box(0.4, 0.3, 0.1, 0.4)
NOW = 1_790_000_000.0


def visit(start: float = NOW, camera: str = "front") -> Visit:
    made = Visit(camera, "person", start, start)
    made.see(FRAME, Point(start + 1, BOX, 0.6))
    return made


def clip(clip_id: str, start: float, reach: float, *, closed: bool = True, camera: str = "front") -> StoredClip:
    return StoredClip(clip_id * 32, camera, start, reach, closed, truncated=False)


def newest(store: EventStore, event_id: str) -> Event:
    row = store.event(event_id)
    assert row is not None
    return Event.FromString(row.message)


def files(home: Home) -> list[str]:
    return sorted(path.stem for path in (home.state / "analyzer" / "objects").glob("*/*.sealed"))


def test_a_better_picture_is_a_new_object_and_the_old_one_goes_after_it(
    home: Home, store: EventStore, book: EventBook, sealing: Sealing
) -> None:
    seen = visit()
    book.note(seen.state(), sealing)
    first = files(home)
    seen.see(FRAME + 5, Point(NOW + 4, BOX, 0.9))
    book.note(seen.state(), sealing)
    assert len(files(home)) == 2
    assert not set(files(home)) & set(first)
    assert sorted(item.id for item in newest(store, seen.id).objects) == files(home)
    book.note(seen.state(), sealing)
    assert newest(store, seen.id).revision == 3
    assert sorted(item.id for item in newest(store, seen.id).objects) == files(home)
    (snapshot,) = [item.id for item in newest(store, seen.id).objects if item.kind == OBJECT_KIND_SNAPSHOT]
    assert home.open(snapshot, "snapshot").startswith(b"\xff\xd8")


def test_a_kept_frame_is_not_changed_by_what_is_drawn_into_its_memory_later() -> None:
    frame = FRAME.copy()
    seen = Visit("front", "person", NOW, NOW)
    seen.see(frame, Point(NOW, BOX, 0.9))
    frame[:] = 0
    assert seen.best is not None
    assert seen.best.frame.mean() == 90


def test_a_whole_body_is_a_better_picture_than_a_larger_cut_off_one() -> None:
    seen = Visit("front", "person", NOW, NOW)
    seen.see(FRAME, Point(NOW, Box(0.0, 0.3, 0.12, 0.5), 0.8))
    seen.see(FRAME, Point(NOW + 1, Box(0.2, 0.3, 0.1, 0.4), 0.8))
    seen.see(FRAME, Point(NOW + 2, Box(0.85, 0.3, 0.15, 0.6), 0.8))
    assert seen.best is not None
    assert seen.best.time == NOW + 1


def test_a_visit_is_told_at_its_start_its_end_and_for_better_pictures_not_every_frame() -> None:
    seen = visit()
    told = [seen.take()]
    for number in range(50):
        seen.see(FRAME, Point(NOW + 1 + number / 5, BOX, 0.6 + number / 200))
        told.append(seen.take())
    seen.finish(seen.last_seen)
    told.append(seen.take())
    assert 3 <= len([state for state in told if state]) <= 7
    last = told[-1]
    assert last is not None
    assert last.end == seen.last_seen


def test_an_hour_long_path_is_thinned_evenly() -> None:
    seen = Visit("front", "person", NOW, NOW)
    for number in range(18_000):
        seen.see(FRAME[:16, :16], Point(NOW + number / 5, BOX, 0.5))
    times = [point.time for point in seen.path]
    assert 250 <= len(times) <= MAX_PATH
    assert times[-1] - times[0] > 3500
    gaps = np.diff(times)
    assert gaps.max() < 2 * gaps.min()


def test_one_clip_belongs_to_two_visits_and_one_visit_has_two_clips(
    store: EventStore, book: EventBook, sealing: Sealing
) -> None:
    one, two = visit(NOW), visit(NOW + 10)
    for item in (one, two):
        item.finish(item.start + 20)
        book.note(item.state(), sealing)
    assert book.note_clip(clip("a", NOW - 5, NOW + 15), sealing) == 2
    assert book.note_clip(clip("b", NOW + 15, NOW + 30), sealing) == 2
    assert book.note_clip(clip("c", NOW + 100, NOW + 110), sealing) == 0
    assert book.note_clip(clip("d", NOW, NOW + 15, camera="back"), sealing) == 0
    for item in (one, two):
        held = [found.id[0] for found in newest(store, item.id).objects]
        assert held[:2] == ["a", "b"]
        assert newest(store, item.id).revision == 3


def test_a_clip_that_ends_as_somebody_comes_is_his_only_until_there_is_a_better_one(
    store: EventStore, book: EventBook, sealing: Sealing
) -> None:
    seen = visit()
    seen.finish(NOW + 12)
    book.note(seen.state(), sealing)
    book.note_clip(clip("a", NOW - 60, NOW + 1), sealing)
    assert newest(store, seen.id).objects[0].id[0] == "a"
    book.note_clip(clip("b", NOW - 5, NOW + 17), sealing)
    assert [item.id[0] for item in newest(store, seen.id).objects if item.kind == OBJECT_KIND_CLIP] == ["b"]


def test_a_clip_that_merely_grows_makes_no_revision(store: EventStore, book: EventBook, sealing: Sealing) -> None:
    seen = visit()
    book.note(seen.state(), sealing)
    revised = [book.note_clip(clip("a", NOW, NOW + second, closed=False), sealing) for second in range(10)]
    assert revised == [1] + [0] * 9
    assert book.note_clip(clip("a", NOW, NOW + 12), sealing) == 1
    assert book.note_clip(replace(clip("a", NOW, NOW + 12), truncated=True), sealing) == 1


def test_events_left_open_by_a_crash_end_when_last_seen_and_once_only(
    home: Home, store: EventStore, book: EventBook, sealing: Sealing
) -> None:
    seen = visit()
    book.note(seen.state(), sealing)
    book.touch(seen.id, NOW + 33)
    again = make_book(home, store)
    assert again.close_left_open(sealing) == 1
    assert again.close_left_open(sealing) == 0
    event = newest(store, seen.id)
    assert event.end.ToSeconds() == int(NOW + 33)
    assert len(event.path) == 1
    assert book.close_left_open(sealing) == 0


def test_old_events_go_with_their_pictures_and_young_ones_stay(
    home: Home, store: EventStore, book: EventBook, sealing: Sealing
) -> None:
    old, young = visit(NOW - 1000), visit(NOW)
    for item in (old, young):
        item.finish(item.start + 5)
        book.note(item.state(), sealing)
    book.note_clip(clip("a", NOW - 1000, NOW - 990), sealing)
    assert book.sweep(NOW - 500, 0) == 1
    assert store.event(old.id) is None
    assert store.event(young.id) is not None
    assert len(files(home)) == 2
    assert store.clips_between("front", 0, NOW) == []


def test_what_the_node_has_acknowledged_leaves_the_outbox_and_positions_never_come_twice(
    home: Home, store: EventStore, book: EventBook, sealing: Sealing
) -> None:
    positions = [book.note(visit(NOW + number).state(), sealing) for number in range(3)]
    assert acknowledged(home.state) == 0
    engine = open_sqlite(home.state / "uplink" / "uplink.db")
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE cursor (name TEXT PRIMARY KEY, position INTEGER)")
        connection.exec_driver_sql("INSERT INTO cursor VALUES ('events', ?)", (positions[-1],))
    engine.dispose()
    again = visit(NOW)
    grown = [book.note(again.state(), sealing) for _ in range(2)]
    book.sweep(0, grown[-1])
    # Of each event that is kept the newest revision stays, for a node that was restored from a backup.
    assert [row[0] for row in store.outbox_rows()] == [*positions, grown[-1]]
    book.sweep(0, acknowledged(home.state))
    with store._writing() as connection:
        connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
        connection.exec_driver_sql("DELETE FROM events")
    book.sweep(0, grown[-1])
    assert store.outbox_rows() == []
    assert book.note(visit().state(), sealing) > grown[-1]


def test_a_folder_that_refuses_pictures_costs_the_picture_and_not_the_event(
    home: Home, store: EventStore, book: EventBook, sealing: Sealing
) -> None:
    folder = home.state / "analyzer" / "objects"
    folder.rmdir()
    folder.write_bytes(b"not a folder")
    seen = visit()
    book.note(seen.state(), sealing)
    assert newest(store, seen.id).objects == []


def test_motion_that_an_event_already_covers_is_not_told_again(
    store: EventStore, book: EventBook, sealing: Sealing
) -> None:
    seen = visit()
    seen.finish(NOW + 10)
    book.note(seen.state(), sealing)

    def motion(start: float, end: float) -> bool:
        away = Visit("front", "motion", start, end)
        away.finish(end)
        return book.note_past_motion(away.state(), sealing)

    assert not motion(NOW + 2, NOW + 14)
    assert motion(NOW + 100, NOW + 110)
    assert not motion(NOW + 100, NOW + 110)


def test_events_are_found_by_camera_label_and_time(store: EventStore, book: EventBook, sealing: Sealing) -> None:
    for number, camera in enumerate(["front", "back", "front"]):
        book.note(visit(NOW + number * 100, camera).state(), sealing)
    assert [item.start for item in store.query()] == [NOW + 200, NOW + 100, NOW]
    assert [item.start for item in store.query(camera="front")] == [NOW + 200, NOW]
    assert store.query(label="car") == []
    assert [item.start for item in store.query(since=NOW + 50, until=NOW + 150)] == [NOW + 100]
    assert len(store.query(limit=1)) == 1


def test_the_schema_goes_up_and_down_and_a_newer_one_is_left_alone(tmp_path: Path) -> None:
    engine = open_sqlite(tmp_path / "events.db")
    for revision in ("head", "base", "head"):
        migrate_sqlite(engine, MIGRATIONS, revision)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
        connection.exec_driver_sql("UPDATE oldest_code SET code = '9998'")
    engine.dispose()
    with pytest.raises(StoreError) as refused:
        EventStore(tmp_path / "events.db")
    assert refused.value.reason == "store_newer"


def test_a_store_that_is_none_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    path.write_bytes(b"no database" * 500)
    with pytest.raises(StoreError):
        EventStore(path)
    assert path.read_bytes() == b"no database" * 500


@pytest.mark.parametrize(
    "box", [Box(0, 0, 1, 1), Box(0.99, 0.99, 0.01, 0.01), Box(0.4, 0, 0.01, 1), Box(0, 0.5, 1, 0.01)]
)
def test_a_thumbnail_of_any_box_lies_in_the_picture(box: Box) -> None:
    small = thumbnail(FRAME, box, 320)
    assert 1 <= small.shape[0] <= 320
    assert small.shape[1] >= 1
