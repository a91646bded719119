"""After a release was put in force: what was well must be well, and nothing is asked of what was not."""

from typing import Any

import pytest

from guardian.cli import settle
from guardian.cli.probe import Report
from guardian.common.errors import GuardianError


def report(name: str = "camera@front", **changes: Any) -> Report:
    detail = {"recording": True, "durable": "2026-01-01T10:00:00Z", "last_frame": "2026-01-01T10:00:00Z"}
    whole = {
        "service": name,
        "state": "ok",
        "ready": True,
        "version": "0.2.0",
        "pid": 1,
        "dependencies": {"camera": {"state": "ok", "sentence": "The camera sends pictures.", "detail": detail}},
    }
    return Report.model_validate(whole | changes)


def camera(**detail: Any) -> dict[str, Any]:
    whole = {"recording": True, "durable": "2026-01-01T10:00:00Z", "last_frame": "2026-01-01T10:00:09Z"}
    return {"camera": {"state": "ok", "sentence": "The camera sends pictures.", "detail": whole | detail}}


def missing(old: Report, new: Report | None, first: Report | None = None) -> list[str]:
    now = {new.service: new} if new else {}
    seen = {old.service: first or new or old}
    return list(settle.find_missing([old], now, seen, "0.3.0"))


def test_a_daemon_of_the_new_release_whose_pictures_move_on_is_well() -> None:
    first = report(version="0.3.0", pid=2)
    later = report(
        version="0.3.0",
        pid=2,
        dependencies=camera(durable="2026-01-01T10:00:01Z", last_frame="2026-01-01T10:00:01Z"),
    )
    assert missing(report(), later, first) == []


def test_a_daemon_that_was_ready_before_its_first_picture_is_judged_from_that_picture_on() -> None:
    first: dict[str, Report] = {}
    seen = []
    for second in ("", "", "10", "10", "11"):
        moment = f"2026-01-01T10:00:{second}Z" if second else ""
        now = report(version="0.3.0", pid=2, dependencies=camera(durable=moment, last_frame=moment))
        settle.remember(first, {now.service: now})
        seen.append(not list(settle.find_missing([report()], {now.service: now}, first, "0.3.0")))
    assert seen == [False, False, False, False, True]


def test_a_daemon_that_begins_anew_is_judged_anew() -> None:
    first: dict[str, Report] = {}
    for pid, second in ((1, "50"), (2, "51")):
        moment = f"2026-01-01T10:00:{second}Z"
        now = report(version="0.3.0", pid=pid, dependencies=camera(durable=moment, last_frame=moment))
        settle.remember(first, {now.service: now})
    assert list(settle.find_missing([report()], {now.service: now}, first, "0.3.0"))


def test_what_still_runs_the_old_release_is_named() -> None:
    assert missing(report(), report()) == ["camera@front still runs 0.2.0."]


def test_what_did_not_come_back_is_named_with_what_it_says() -> None:
    assert missing(report(), None) == ["camera@front is not ready."]
    starting = report(ready=False, status="loading the model")
    assert missing(report(), starting) == ["camera@front is not ready: loading the model."]


def test_a_recorder_that_makes_nothing_durable_is_not_well_though_all_else_is() -> None:
    first = report(version="0.3.0", pid=2, dependencies=camera())
    later = report(version="0.3.0", pid=2, dependencies=camera(last_frame="2026-01-01T10:00:19Z"))
    assert missing(report(), later, first) == [
        "camera@front, camera: durable does not move on (it is 2026-01-01T10:00:00Z)."
    ]


def test_between_two_clips_pictures_are_enough() -> None:
    first = report(version="0.3.0", pid=2, dependencies=camera(recording=False))
    later = report(version="0.3.0", pid=2, dependencies=camera(recording=False, last_frame="2026-01-01T10:00:19Z"))
    assert missing(report(), later, first) == []


def test_what_was_well_and_is_not_is_told_in_its_own_words() -> None:
    old = report("uplink", dependencies={"events": {"state": "ok", "sentence": "Events reach the node."}})
    away = {"events": {"state": "waiting", "sentence": "The node cannot be reached.", "reason": "peer_away"}}
    assert missing(old, report("uplink", version="0.3.0", dependencies=away)) == [
        "uplink, events: The node cannot be reached."
    ]


def test_of_what_was_away_before_nothing_is_asked() -> None:
    away = {"camera": {"state": "failed", "sentence": "There is no route.", "reason": "no_route"}}
    assert missing(report(dependencies=away), report(version="0.3.0", dependencies=away)) == []


def test_only_daemons_that_were_ready_are_waited_for() -> None:
    text = '{"daemons": [{"service": "relay", "state": "silent"}, {"service": "agent", "state": "ok", "ready": true}]}'
    assert [item.service for item in settle.read_before(text.encode())] == ["agent"]


@pytest.mark.parametrize("data", [b"", b"[]", b'{"daemons": 1}', b"\xff"])
def test_what_is_no_status_is_refused(data: bytes) -> None:
    with pytest.raises(GuardianError, match="guardian status --json"):
        settle.read_before(data)
