"""Summaries come in over gRPC and are seen over REST, each once, the newest revision only."""

from datetime import UTC, datetime, timedelta

import pytest
from tests.integration.control.world import Household

from guardian.common import tls
from guardian.contracts.control.v1 import control_pb2 as pb
from guardian.control.database.tables import event_quarantine


async def test_a_summary_becomes_an_event_with_its_cameras_name(home: Household) -> None:
    await home.report()
    summary = home.summary()
    assert await home.send(summary) == []
    event = await home.get(f"/events/{summary.id}")
    assert event["camera_name"] == "Front"
    assert event["label"] == "person"
    assert event["node_id"] == home.node_id
    assert event["objects"][0]["id"] == summary.objects[0].id
    assert event["end"] is None


async def test_the_same_summary_sent_again_changes_nothing(home: Household) -> None:
    summary = home.summary()
    await home.send(summary)
    before = await home.get("/events")
    await home.send(summary, summary)
    assert await home.get("/events") == before


async def test_the_newer_revision_wins_whatever_the_order(home: Household) -> None:
    first = home.summary()
    later = home.summary(id=first.id, revision=7, label="car", end=datetime.now(UTC) + timedelta(seconds=3))
    await home.send(later)
    await home.send(first)
    page = await home.get("/events")
    assert [(event["revision"], event["label"]) for event in page["items"]] == [(7, "car")]
    assert page["items"][0]["end"] is not None


async def test_several_revisions_in_one_batch_become_one_event(home: Household) -> None:
    first = home.summary()
    assert await home.send(first, *(home.summary(id=first.id, revision=n) for n in (3, 2, 5, 4))) == []
    assert [event["revision"] for event in (await home.get("/events"))["items"]] == [5]


@pytest.mark.parametrize("days", [-4000, -30, 3, 4000])
async def test_an_absurd_time_is_refused_with_a_sentence_and_set_aside(home: Household, days: int) -> None:
    summary = home.summary(start=datetime.now(UTC) + timedelta(days=days))
    refused = await home.send(summary, home.summary())
    assert [(item.position, item.reason) for item in refused] == [(1, "absurd_time")]
    assert "clock" in refused[0].sentence
    assert len((await home.get("/events"))["items"]) == 1
    async with home.world.context.database.tenant(home.tenant_id) as scope:
        assert await scope.values(scope.select(event_quarantine, event_quarantine.c.id)) == [summary.id]


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": "not-an-id"},
        {"id": "3f2b8c1d-5e6a-4f90-8172-635445362718"},
        {"edge_id": "../etc"},
        {"camera_id": "Front Door"},
        {"label": ""},
        {"label": "a\0b"},
        {"label": "x" * 65},
        {"objects": [pb.SealedObject(id="zz", kind=pb.MediaKind.MEDIA_KIND_CLIP)]},
        {"objects": [pb.SealedObject(id="ab" * 16)]},
    ],
)
async def test_a_malformed_summary_is_refused_and_the_others_are_kept(
    lodger: Household, wrong: dict[str, object]
) -> None:
    good = lodger.summary()
    refused = await lodger.send(lodger.summary(**wrong), good)
    assert [(item.position, item.reason) for item in refused] == [(1, "malformed")]
    assert (await lodger.get(f"/events/{good.id}"))["id"] == good.id


async def test_an_event_of_last_year_gets_its_own_month(home: Household) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=400)
    # The first 48 bits of a UUIDv7 are its milliseconds.
    milliseconds = f"{int(long_ago.timestamp() * 1000):012x}"
    event_id = f"{milliseconds[:8]}-{milliseconds[8:]}-7000-8000-000000000001"
    assert await home.send(home.summary(id=event_id, start=long_ago)) == []
    assert (await home.get(f"/events/{event_id}"))["id"] == event_id


async def test_pages_follow_each_other_without_a_gap_or_a_repeat(home: Household) -> None:
    now = datetime.now(UTC)
    # Several begin in the same moment: the id then decides.
    sent = [home.summary(start=now - timedelta(seconds=number // 3)) for number in range(10)]
    await home.send(*sent)
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = await home.get("/events", limit=4, **cursor)
        seen += [event["id"] for event in page["items"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    order = sorted(sent, key=lambda item: (item.start.ToMicroseconds(), item.id), reverse=True)
    assert seen == [item.id for item in order]


async def test_filters_narrow_by_camera_label_and_time(home: Household) -> None:
    now = datetime.now(UTC)
    person = home.summary(start=now - timedelta(hours=2))
    car = home.summary(label="car", camera_id="yard", start=now)
    await home.send(person, car)

    async def found(**query: str) -> list[str]:
        return [event["id"] for event in (await home.get("/events", **query))["items"]]

    assert await found(label="car") == [car.id]
    assert await found(camera="front") == [person.id]
    assert await found(camera=f"{home.edge_id}/yard") == [car.id]
    assert await found(camera=f"{'0' * 32}/yard") == []
    hour_ago = (now - timedelta(hours=1)).isoformat()
    assert await found(**{"from": hour_ago}) == [car.id]
    assert await found(to=hour_ago) == [person.id]


@pytest.mark.parametrize("cursor", ["x", "AAAA", "MjAyNi0wMS0wMVQwMDowMDowMC4wMDAwMDBaIDEn"])
async def test_a_forged_cursor_is_refused(lodger: Household, cursor: str) -> None:
    answer = await lodger.browser.get("/api/v1/events", params={"cursor": cursor})
    assert answer.status_code == 400
    assert answer.json()["reason"] == "cursor_malformed"


async def test_another_node_of_the_same_tenant_cannot_overwrite_an_event(home: Household) -> None:

    summary = home.summary()
    await home.report()
    await home.send(summary)
    key = tls.new_key()
    answer = await home.world.enrol(await home.world.token(home.tenant_id), key)
    async with home.world.channel(key, answer.certificate_der, answer.ca_der[0]) as channel:
        other = Household(
            home.world, home.tenant_id, home.email, home.browser, answer, key, channel, edge_id=home.edge_id
        )
        refused = await other.send(other.summary(id=summary.id, revision=9), other.summary())
    assert [item.reason for item in refused] == ["event_foreign", "event_foreign"]
    assert (await home.get(f"/events/{summary.id}"))["revision"] == 1


async def test_what_an_edge_reports_is_what_the_browser_sees(home: Household) -> None:
    await home.report(cameras=("front", "yard"))
    cameras = await home.get("/cameras")
    assert [(camera["id"], camera["state"], camera["online"]) for camera in cameras] == [
        ("front", "ok", True),
        ("yard", "ok", True),
    ]
    assert (await home.get(f"/cameras/{home.edge_id}/yard"))["name"] == "Yard"
    await home.report(cameras=("front",))
    assert [camera["id"] for camera in await home.get("/cameras")] == ["front"]
    edge = (await home.get("/edges"))[0]
    assert (edge["id"], edge["node_id"], edge["online"]) == (home.edge_id, home.node_id, True)
    node = (await home.get("/nodes"))[0]
    assert (node["id"], node["online"], node["relay_url"]) == (home.node_id, True, "http://127.0.0.1:9443")


async def test_a_hostile_report_leaves_nothing_a_page_could_trip_over(home: Household) -> None:
    await home.report(relay="javascript:alert(1)")
    assert (await home.get("/nodes"))[0]["relay_url"] == ""
    health = pb.EdgeHealth(id=home.edge_id, name="a\0b\x1b[31m", cpu_percent=float("nan"), memory_bytes=2**64 - 1)
    await home.stub.ReportHealth(pb.ReportHealthRequest(relay_url="http://user:pw@h/", edges=[health]))
    edge = (await home.get("/edges"))[0]
    assert edge["name"] == "a b [31m"
    assert edge["cpu_percent"] == 0
    assert edge["memory_bytes"] == 2**53 - 1


@pytest.mark.parametrize(
    "query",
    [
        {"label": "a\0b"},
        {"label": "' OR true --"},
        {"camera": "../etc/passwd"},
        {"camera": "FRONT"},
        {"from": "yesterday"},
        {"from": "2026-01-01T00:00:00"},
        {"to": "0001-01-01T00:00:00+14:00"},
        {"from": "9999-12-31T23:59:59-14:00"},
        {"limit": "0"},
        {"limit": "1000000"},
        {"limit": "9" * 5000},
    ],
)
async def test_a_hostile_question_is_refused_or_finds_nothing(lodger: Household, query: dict[str, str]) -> None:
    answer = await lodger.browser.get("/api/v1/events", params=query)
    assert answer.status_code in (200, 422)
    assert answer.status_code == 422 or query.keys() & {"from", "to", "label"}
