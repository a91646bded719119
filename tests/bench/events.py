"""Event latency and clip's first byte of the whole demo, from the simulated camera to a real browser."""

import asyncio
import contextlib
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.async_api import expect
from tests.bench import _bare
from tests.bench._house import House, house, open_folder
from tests.bench._spread import spread
from tools.camera import footage
from tools.detector.build import write

from guardian.common.errors import GuardianError
from guardian.edge.detectors.loading import Wanted, load

EDGE_GOAL, BROWSER_GOAL, BYTE_GOAL, BYTES_GOAL = 1.0, 0.5, 0.3, 2_000_000
_FPS, _VISITS, _FIRST, _EVERY, _WALK = 15, 32, 6.0, 6.0, 2.4
# So that each visit has a clip of its own: what is opened twice is partly known.
_MIDDLE, _SCROLLS = (720, 450), 60
# The tickets asked for since the click: when, and when they came.
_TICKETS = """() => performance.getEntriesByType('resource').filter((item) => item.name.endsWith('/api/v1/tickets'))
  .map((item) => [performance.timeOrigin + item.startTime, performance.timeOrigin + item.responseEnd])"""
_RECORDED = {"GUARDIAN_RECORD__PRE_CAPTURE": "1", "GUARDIAN_RECORD__POST_CAPTURE": "0.5"}


def visits(count: int = _VISITS) -> list[footage.Walk]:
    """Short walks across the picture, begun at ever other phases of the sampling."""
    colours = (footage.RED, footage.GREEN)
    return [
        footage.Walk(
            _FIRST + number * _EVERY + number % 7 * 0.031,
            _WALK,
            colours[number % 2],
            0.35 + 0.1 * (number % 4),
            leftwards=number % 3 == 0,
        )
        for number in range(count)
    ]


def first_shown(walk: footage.Walk) -> float:
    """Film time of the first picture that shows anything of it: at its very start it is still outside."""
    return (int(walk.start * _FPS) + 1) / _FPS


def run(count: int = _VISITS, b_frames: int = 0) -> list[dict[str, Any]]:
    """Four figures of one run: to the edge, to the browser, a clip's first byte, and bytes before its first frame."""
    with open_folder() as folder:
        (folder / "made").mkdir()
        walks = visits(count)
        video = footage.write(folder / "made" / "visits.mp4", walks, walks[-1].end + 1.0, fps=_FPS, b_frames=b_frames)
        model = write(folder / "made" / "shapes.onnx")
        with _environment(GUARDIAN_MODEL__PATH=str(model), **_RECORDED):
            return asyncio.run(_measure(folder, video, model, walks))


@contextlib.contextmanager
def _environment(**values: str) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


async def _measure(folder: Path, video: Path, model: Path, walks: list[footage.Walk]) -> list[dict[str, Any]]:
    async with house(folder, video) as home:
        while (began := home.film_began()) is None:
            await asyncio.sleep(0.05)
        shown = [began + first_shown(walk) for walk in walks]
        detector = load(Wanted(folder, "", model, device="CPU", threads=1, floor=0.15))
        url = f"rtsp://127.0.0.1:{home.demo.ports['camera']}/front"
        notified = []
        owner = (home.state / "control").stat().st_uid
        with _bare.BareLoop(url, detector) as bare, _bare.Notifier(home.dsn(), owner) as notifier:
            for moment in shown:
                await asyncio.sleep(max(0.0, moment + _EVERY / 2 - time.time()))
                notified.append(notifier.once())
            await asyncio.sleep(_EVERY)
        durable, carded = home.durable(), await home.carded()
        events = _events(shown, durable)
        rows = [
            edge_figure(shown, events, durable, bare.moments),
            _browser(events, durable, carded, notified),
        ]
        return rows + await _clips(home, [event for event in events if event])


def _events(shown: list[float], durable: dict[str, float]) -> list[str]:
    """By visit: its first event; '' when there was none."""
    ordered = sorted(durable, key=durable.__getitem__)
    spans = [(moment, moment + _EVERY) for moment in shown]
    return [next((event for event in ordered if low <= durable[event] < high), "") for low, high in spans]


def edge_figure(shown: list[float], events: list[str], durable: dict[str, float], bare: list[float]) -> dict[str, Any]:
    took = [durable[event] - moment for moment, event in zip(shown, events, strict=True) if event]
    firsts = [next((found - moment for found in bare if found >= moment), None) for moment in shown]
    caught = [item for item in firsts if item is not None and item < _EVERY]
    plain = spread(caught) if caught else None
    figures = spread(took)
    missed = events.count("")
    return {
        "name": "first frame with the object → event durable on the edge",
        "goal": f"p95 ≤ {EDGE_GOAL} s",
        "value": figures["p95"],
        "holds": figures["p95"] <= EDGE_GOAL and missed == 0,
        **figures,
        "unit": "s",
        "baseline": plain["p95"] if plain else None,
        "baseline_name": "first box in a bare PyAV and OpenVINO loop over every frame of the same stream (p95)"
        if plain
        else "",
        "note": f"from the frame's leaving the camera; {len(took)} visits, {missed} without an event; {_FPS} fps,"
        " drawn shapes and their detector, browser and servers on the same cores",
        "detail": {"visits": len(shown), "missed": missed, "bare": plain, "worst": round(max(took), 3)},
    }


def _browser(
    events: list[str], durable: dict[str, float], carded: dict[str, float], notified: list[float]
) -> dict[str, Any]:
    took = [carded[event] - durable[event] for event in events if event in carded]
    figures, plain = spread(took), spread(notified, 5)
    absent = sum(1 for event in events if event and event not in carded)
    return {
        "name": "durable on the edge → row in the browser",
        "goal": f"p95 ≤ {BROWSER_GOAL} s",
        "value": figures["p95"],
        "holds": figures["p95"] <= BROWSER_GOAL and absent == 0,
        **figures,
        "unit": "s",
        "baseline": plain["p95"],
        "baseline_name": "NOTIFY to LISTEN between two connections of the same PostgreSQL (p95)",
        "note": f"until the card stands in the page; {len(took)} events, {absent} without a card",
        "detail": {"events": len(took), "absent": absent, "bare": plain, "worst": round(max(took), 3)},
    }


async def _clips(home: House, events: list[str]) -> list[dict[str, Any]]:
    """Open one event after another as an owner does."""
    listed = {item["id"]: item for item in (await home.owner.api("/events?limit=200"))["items"]}
    seen: dict[str, dict[str, float]] = {}
    for event in events:
        clip = next((item["id"] for item in listed[event]["objects"] if item["kind"] == "clip"), None)
        if clip is not None and clip not in seen:
            seen[clip] = await _open(home, event, clip)
    if not seen:
        raise RuntimeError("no event had a clip")
    names = ("byte", "frame", "bytes", "asked", "way", "page", "tickets")
    took, frames, counted, asked, way, page, tickets = ([item[name] for item in seen.values()] for name in names)
    paths = [home.sealed(clip) for clip in seen]
    plain = spread(await _bare.ranges(home.owner.page.context, paths[-1], len(paths)), 4)
    figures = spread(took)
    return [
        {
            "name": "clip's first byte at the browser",
            "goal": f"p95 ≤ {BYTE_GOAL * 1000:.0f} ms",
            "value": figures["p95"],
            "holds": figures["p95"] <= BYTE_GOAL,
            **figures,
            "unit": "s",
            "baseline": plain["p95"],
            "baseline_name": "range of the same sealed file from a local HTTP server, asked by the same browser (p95)",
            "note": f"from the click on the event, ticket and relay session included; {len(took)} clips",
            "detail": {
                "clips": len(took),
                "bare": plain,
                "click_to_ticket_asked_s": spread(page),
                "tickets_asked": max(tickets),
                "click_to_range_asked_s": spread(asked),
                "range_asked_to_first_byte_s": spread(way),
                "attached_to_first_frame_s": spread(frames),
            },
        },
        {
            "name": "bytes before a clip's first frame",
            "goal": f"≤ {BYTES_GOAL / 1e6:.0f} MB",
            "value": max(counted),
            "holds": max(counted) <= BYTES_GOAL,
            **spread(counted, 0),
            "unit": "bytes",
            "baseline": max(path.stat().st_size for path in paths),
            "baseline_name": "the whole sealed clip, the largest",
            "note": "counted in the page; clips of some seconds",
        },
    ]


async def _open(home: House, event: str, clip: str) -> dict[str, float]:
    page = home.owner.page
    await home.owner.go("/events")
    card = page.locator(f'[data-testid="event-card"][data-event-id="{event}"] a').first
    await page.mouse.move(*_MIDDLE)
    for _ in range(_SCROLLS):
        if await card.count():
            break
        # Rows far from view are not in the page.
        await page.mouse.wheel(0, 500)
        await page.wait_for_timeout(100)
    await card.scroll_into_view_if_needed()
    # What the list itself asks for, its pictures, comes first.
    await page.wait_for_timeout(400)
    await card.click()
    await page.wait_for_function("(id) => id in window.__bytes", arg=clip)
    clicked, came, asked = await page.evaluate("(id) => [window.__clicked, window.__bytes[id], window.__asked]", clip)
    tickets = await page.evaluate(_TICKETS)
    wish = next(item["began"] for item in asked if item["path"].endswith(clip))
    await expect(home.owner.part("event-video")).to_be_attached()
    await page.wait_for_function("() => window.__guardianMetrics?.bytesBeforeFirstFrame != null")
    metrics = await page.evaluate("() => window.__guardianMetrics")
    return {
        "byte": (came - clicked) / 1000,
        # Of that: until the page had ticket and session and asked for the range; the rest is the way home and back.
        "asked": (wish - clicked) / 1000,
        "page": (tickets[0][0] - clicked) / 1000 if tickets else 0.0,
        "tickets": float(len(tickets)),
        "way": (came - wish) / 1000,
        "frame": metrics["millisecondsToFirstFrame"] / 1000,
        "bytes": metrics["bytesBeforeFirstFrame"],
    }


if __name__ == "__main__":
    import argparse

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visits", type=int, default=_VISITS)
    parser.add_argument("--b-frames", type=int, default=0)
    given = parser.parse_args()
    try:
        print(json.dumps(run(given.visits, given.b_frames), indent=1, ensure_ascii=False))
    except GuardianError as error:
        raise SystemExit(str(error)) from error
