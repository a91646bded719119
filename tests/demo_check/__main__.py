"""Runs the demo, is its owner, measures, and prints one JSON object last; exit status 0 only if all holds."""

import argparse
import asyncio
import json
import shutil
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tests.demo_check import leaks, opening, running, taps
from tests.demo_check.owner import SECRET, Owner
from tests.demo_check.verdict import Verdict, count_visits, is_a_picture, summary_reveals

from guardian.cli.demo.footage import Footage, choose
from guardian.common import clock, tls

CHECKOUT = Path(__file__).resolve().parents[2]
BUILD = CHECKOUT / "build" / "demo-check"
# What the tiers write. Not here: the simulated camera's own footage, and the browser's home.
WRITTEN = ("edge", "node", "control", "logs", "edge-cameras", "login.json")
FIRST_EVENT_WITHIN = 120.0
SETTLE = 12.0


class Check:
    """One run, step by step."""

    def __init__(self, footage: Footage | None, video: str, folder: Path) -> None:
        self.footage = footage
        self.video = video
        self.folder = folder
        self.state = folder / "demo"
        self.captures = folder / "wire"
        self.verdict = Verdict()
        self.taps: dict[str, taps.Tap] = {}
        self.roster: list[dict[str, str]] = []
        self.slots: list[dict[str, Any]] = []

    async def run(self) -> Verdict:
        """All steps; a step that fails is written down and the demo is still stopped and searched."""
        started = time.monotonic()
        arguments = ["--once", "--camera-after-vault", *(["--video", self.video] if self.video else [])]
        self.folder.mkdir(parents=True, exist_ok=True)
        demo, arriving = await running.start(self.state, arguments, self.folder / "demo.log")
        tapping = asyncio.create_task(self._tap(demo))
        try:
            demo.facts = await arriving
            say(f"demo is up after {time.monotonic() - started:.1f} s")
            await self._be_the_owner(demo, started)
        except Exception as error:  # noqa: BLE001 - whatever went wrong belongs in the verdict, and the demo must be stopped
            self.verdict.problems.append(f"{type(error).__name__}: {str(error)[:1500]}")
        finally:
            tapping.cancel()
            await self._stop(demo)
        self._search()
        return self.verdict

    async def _tap(self, demo: running.Demo) -> None:
        """Plain taps at once; TLS taps as soon as the tiers have made their CAs and identities."""
        for name in ("ui", "relay"):
            await self._add(name, demo, taps.plain(demo.ports[name]), None)
        pairs = {
            "agents": (self.state / "control" / "agents", self.state / "node" / "identity" / "identity.json", "node"),
            "gateway": (self.state / "node" / "gateway", self.state / "edge" / "identity" / "identity.json", "edge"),
        }
        for name, (authority, identity, kind) in pairs.items():
            while not identity.exists():
                await asyncio.sleep(0.1)
            facts = json.loads(identity.read_text())
            uri = f"guardian://{facts['tenant']}/{kind}/{facts[kind]}"
            ca = tls.Authority.load((authority / "ca.key").read_bytes(), (authority / "ca.pem").read_bytes())
            connect, context = taps.mutual_tls(ca, uri, demo.ports[name], self.folder / "tap-keys" / name)
            await self._add(name, demo, connect, context)

    async def _add(self, name: str, demo: running.Demo, connect: taps.Connect, context: Any) -> None:
        tap = taps.Tap(name, self.captures / name, connect, context)
        await tap.start(demo.taps[name])
        self.taps[name] = tap

    async def _be_the_owner(self, demo: running.Demo, started: float) -> None:
        async with Owner(demo.ui, self.folder / "shots") as owner:
            try:
                await self._visit(owner, demo, started)
            except BaseException:
                await owner.page.screenshot(path=self.folder / "failed.png")
                (self.folder / "failed.html").write_text(await owner.page.content())
                raise
            finally:
                (self.folder / "console.log").write_text("\n".join(owner.console))

    async def _visit(self, owner: Owner, demo: running.Demo, started: float) -> None:
        verdict = self.verdict
        await owner.page.goto(owner.base)
        await owner.shot("login")
        await owner.log_in(demo.facts["email"], demo.facts["password"])
        await owner.shot("vault-create")
        code = await owner.create_vault()
        await owner.shot("recovery-code")
        await owner.store_recovery_code(code)
        words = await owner.edge_words()
        await owner.shot("devices-waiting")
        verdict.words_agree = await self._edge_shows(words)
        await owner.confirm_edge()
        say("vault made, edge confirmed")
        await owner.go("/events")
        await owner.shot("events-empty")
        began = clock.now()
        verdict.first_event_s = round(await owner.first_event(FIRST_EVENT_WITHIN) - started, 1)
        say(f"first event after {verdict.first_event_s} s")
        await owner.shot("events-first")
        began = self._playback_began() or began
        events = await self._wait_for_all(owner, demo, began)
        await self._count(owner, events, began)
        await self._watch(owner, events)
        await owner.go("/cameras")
        await owner.part("camera-card").first.wait_for()
        await owner.shot("cameras")
        await owner.go("/devices")
        await owner.shot("devices")
        self.roster = (await owner.api("/vault/roster?from=0"))["entries"]
        self.slots = _listed(await owner.api("/vault/slots"))

    async def _edge_shows(self, words: str) -> bool:
        """Whether the edge comes to show the same words; it learns of the vault a moment after the browser."""
        for _ in range(20):
            shown = await self._words_on_the_edge()
            if shown:
                return shown == words
            await asyncio.sleep(0.5)
        return False

    async def _words_on_the_edge(self) -> str:
        """As a person at the Mini PC would read them."""
        command = [str(Path(sys.executable).with_name("guardian")), "status", "--json"]
        command += ["--config", str(self.state / "edge.yaml"), "--run-dir", str(self._run_dir() / "edge")]
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        out, _ = await process.communicate()
        return str(json.loads(out).get("words", ""))

    def _run_dir(self) -> Path:
        import yaml

        return Path(yaml.safe_load((self.state / "edge.yaml").read_text())["run_dir"]).parent

    def _playback_began(self) -> datetime | None:
        """When the simulated camera began to play, as its log says."""
        for line in (self.state / "logs" / "rtsp-camera.log").read_text().splitlines():
            if line.startswith("playing "):
                return clock.from_seconds(float(line.split()[1]))
        return None

    async def _wait_for_all(self, owner: Owner, demo: running.Demo, began: datetime) -> list[dict[str, Any]]:
        """Until the film has been played and every event has ended.

        The camera goes on with the film's last moments: whoever is still to be seen in them stays until it goes.
        """
        end = began + timedelta(seconds=self._film_seconds() + SETTLE)
        while clock.now() < end:
            await asyncio.sleep(1)
        for attempt in range(60):
            events: list[dict[str, Any]] = (await owner.api("/events?limit=200"))["items"]
            if all(event["end"] for event in events):
                break
            if attempt == 0:
                running.unplug(demo)
            await asyncio.sleep(1)
        else:
            self.verdict.problems.append("an event did not end within a minute of the film's end")
        return events

    def _film_seconds(self) -> float:
        import av

        assert self.footage is not None
        with av.open(str(self.footage.video)) as film:
            stream = film.streams.video[0]
            if film.duration:
                return float(film.duration / 1_000_000)
            return float((stream.duration or 0) * (stream.time_base or 0))

    async def _count(self, owner: Owner, events: list[dict[str, Any]], began: datetime) -> None:
        verdict = self.verdict
        await owner.go("/events")
        ids = await owner.card_ids()
        await owner.page.wait_for_timeout(1500)
        await owner.shot("events")
        verdict.events = len(events)
        verdict.shown_twice = len(ids) - len(set(ids))
        if set(ids) != {event["id"] for event in events}:
            verdict.problems.append(f"the page shows {len(set(ids))} events, the control plane has {len(events)}")
        verdict.detector = ",".join(sorted({event["label"] for event in events}))
        verdict.summary_has_boxes = summary_reveals(events)
        if self.footage is not None and self.footage.visits is not None:
            expected, missed, ratio = count_visits(events, self.footage.visits, began)
            verdict.visits_expected, verdict.visits_missed, verdict.events_per_visit = expected, missed, round(ratio, 2)

    async def _watch(self, owner: Owner, events: list[dict[str, Any]]) -> None:
        verdict = self.verdict
        with_clip = [event for event in events if any(item["kind"] == "clip" for item in event["objects"])]
        if not with_clip:
            verdict.problems.append("no event has a clip")
            return
        event_id = with_clip[-1]["id"]
        await owner.open_event(event_id)
        await owner.shot("event")
        before = self.taps["relay"].capture.downward
        seen = await owner.play()
        verdict.clip_played = is_a_picture(seen["played"])
        verdict.seek_ok = all(is_a_picture(item) for item in seen["sought"]) and seen["duration"] > 2
        metrics = seen["metrics"] or {}
        verdict.bytes_before_first_frame = metrics.get("bytesBeforeFirstFrame")
        if verdict.bytes_before_first_frame is None:
            verdict.bytes_before_first_frame = self.taps["relay"].capture.downward - before
        await owner.shot("event-playing")
        left = await owner.lock()
        await owner.shot("locked")
        verdict.locked_shows_nothing = left["images"] == left["videos"] == left["canvases"] == left[
            "caches"
        ] == 0 and left["sealed_status"] not in (200, 206)
        await owner.unlock()
        await owner.go("/events")
        await owner.open_event(event_id)
        verdict.unlock_shows_again = True

    async def _stop(self, demo: running.Demo) -> None:
        left = await running.stop(demo)
        for tap in self.taps.values():
            await tap.stop()
        self.verdict.stopped_clean = left["status"] == 0 and not (left["processes"] or left["ports"] or left["sockets"])
        if not self.verdict.stopped_clean:
            self.verdict.problems.append(f"left behind: {left}")

    def open_one(self, path: Path) -> bytes:
        """A sealed clip's clear text, as its owner would save it."""
        texts = opening.owner_texts(self.roster, self.slots, SECRET, [path.parent])
        return b"".join(data for name, data in texts if name.startswith(path.name))

    def _search(self) -> None:
        """Open all the owner can open, and look for it everywhere else."""
        if not self.roster or not self.slots:
            self.verdict.problems.append("roster and slots could not be read, so no leak could be looked for")
            return
        self.verdict.plaintext_leaks, self.verdict.secrets_searched_bytes, found = search(
            self.state, self.captures, self.roster, self.slots
        )
        (self.folder / "leaks.json").write_text(json.dumps([vars(leak) for leak in found], indent=1))


def search(
    state: Path, captures: Path, entries: list[dict[str, str]], slot_documents: list[dict[str, Any]]
) -> tuple[int, int, list[leaks.Leak]]:
    """Number of leaks, bytes of clear text searched for, and the leaks."""
    secrets = leaks.Secrets(opening.owner_texts(entries, slot_documents, SECRET, [state / "edge"]))
    folders = [path for name in WRITTEN if (path := state / name).exists()]
    found = leaks.search_files(secrets, [*folders, captures])
    return len(found), secrets.bytes, found


def _listed(answer: Any) -> list[dict[str, Any]]:
    return list(answer["items"] if isinstance(answer, dict) else answer)


def say(text: str) -> None:
    """Progress, for whoever watches."""
    print(f"demo-check: {text}", flush=True)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="demo-check", description=__doc__)
    parser.add_argument("--video", default="", help="footage for the simulated camera")
    parser.add_argument("--folder", type=Path, default=BUILD, help="where state, captures and screenshots go")
    arguments = parser.parse_args()
    shutil.rmtree(arguments.folder, ignore_errors=True)
    check = Check(choose(arguments.video), arguments.video, arguments.folder)
    verdict = asyncio.run(check.run())
    for problem in verdict.problems:
        say(problem)
    print(verdict.line(), flush=True)
    sys.exit(0 if verdict.holds() else 1)


if __name__ == "__main__":
    main()
