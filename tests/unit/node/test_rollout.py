"""Who is offered which bundle: by channel, percentage and pin, the same each time, growing without a jump."""

import hashlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from guardian.common.bundle import BundleError
from guardian.node.updates.rollout import Bundle, Catalogue, share

EDGES = [hashlib.sha256(f"edge {number}".encode()).hexdigest()[:32] for number in range(4_000)]
EDGE = EDGES[0]
edges = st.binary(min_size=16, max_size=16).map(bytes.hex)


def made(version: str, **more: object) -> Bundle:
    content = {"kind": "edge", "created": "2026-11-27T12:00:00Z", "size": 1, "sha256": "0" * 64}
    return Bundle.model_validate({**content, "version": version, "channels": {"stable": 100}, **more})


def inside(percent: int, version: str = "1.1.0") -> set[str]:
    catalogue = Catalogue(bundles=(made(version, channels={"stable": percent}),))
    return {edge for edge in EDGES if catalogue.offer(edge, "1.0.0", "stable", "edge")}


@pytest.mark.parametrize("percent", [1, 10, 50, 90])
def test_about_so_many_of_a_hundred_are_in(percent: int):
    # Five standard deviations of so many coins.
    allowed = 5 * (len(EDGES) * percent / 100 * (1 - percent / 100)) ** 0.5
    assert abs(len(inside(percent)) - len(EDGES) * percent / 100) <= allowed


def test_none_and_all_are_exact():
    assert inside(0) == set()
    assert inside(100) == set(EDGES)


def test_who_is_in_stays_in_as_it_grows():
    steps = [inside(percent) for percent in range(0, 101, 5)]
    assert all(small <= large for small, large in pairwise(steps))


def test_another_version_begins_with_other_edges():
    first, second = inside(10), inside(10, "1.2.0")
    assert len(first & second) < len(first) / 2


@given(edges, st.sampled_from(["1.0.0", "2.0.0"]))
def test_a_share_is_always_the_same_and_below_a_hundred(edge: str, version: str):
    assert 0 <= share(edge, version) == share(edge, version) < 100


def test_the_newest_is_offered_that_this_edge_may_have():
    catalogue = Catalogue(
        bundles=(made("1.2.0"), made("1.10.0"), made("2.0.0", channels={"beta": 100}), made("1.9.0", paused=True))
    )

    def offered(running: str, channel: str = "stable", kind: str = "edge") -> str:
        found = catalogue.offer(EDGE, running, channel, kind)
        return found.version if found else ""

    assert offered("1.0.0") == "1.10.0"
    assert offered("1.10.0.dev4") == "1.10.0"
    assert offered("1.10.0") == offered("1.11.0") == offered("3.0.0", "beta") == ""
    assert offered("1.0.0", "beta") == "2.0.0"
    assert offered("1.0.0", "nightly") == offered("1.0.0", kind="node") == ""


def test_who_is_not_in_the_newest_yet_is_offered_the_one_before():
    catalogue = Catalogue(bundles=(made("1.1.0"), made("1.2.0", channels={"stable": 30})))
    found = {edge: catalogue.offer(edge, "1.0.0", "stable", "edge") for edge in EDGES}
    assert {item.version for item in found.values() if item} == {"1.1.0", "1.2.0"}
    assert all(found.values())


def test_a_pin_goes_before_what_the_edge_says():
    both = (made("1.1.0"), made("1.2.0", channels={"beta": 100}))
    catalogue = Catalogue(bundles=both, pins={EDGE: "beta"})
    mine, others = (catalogue.offer(edge, "1.0.0", "stable", "edge") for edge in EDGES[:2])
    assert mine and others and (mine.version, others.version) == ("1.2.0", "1.1.0")


@pytest.mark.parametrize("running", ["", "1.0", "latest", "1.0.0+local", "9" * 400])
def test_what_is_no_version_is_offered_nothing(running: str):
    with pytest.raises(BundleError):
        Catalogue(bundles=(made("1.1.0"),)).offer(EDGE, running, "stable", "edge")


@pytest.mark.parametrize(
    "wrong",
    [{"channels": {"stable": 101}}, {"channels": {"Stable": 1}}, {"size": 0}, {"sha256": "x"}, {"version": "../1.0.0"}],
)
def test_a_catalogue_of_wrong_things_is_none(wrong: dict[str, object]):
    with pytest.raises(ValidationError):
        Bundle.model_validate({**made("1.0.0").model_dump(), **wrong})


def test_a_version_is_there_once_of_each_kind():
    with pytest.raises(ValidationError):
        Catalogue(bundles=(made("1.0.0"), made("1.0.0")))
    both = Catalogue(bundles=(made("1.1.0"), made("1.1.0", kind="edge-release"), made("1.2.0", kind="edge-release")))
    assert [item.kind for item in both.find("1.1.0")] == ["edge", "edge-release"]
    for kind, newest in (("edge", "1.1.0"), ("edge-release", "1.2.0")):
        offered = both.offer(EDGE, "1.0.0", "stable", kind)
        assert offered and (offered.version, offered.kind) == (newest, kind)
