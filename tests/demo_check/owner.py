"""The owner at the browser: headless Chromium, driven through the UI alone."""

import re
import time
from pathlib import Path
from typing import Any, Self

from playwright.async_api import Page, ViewportSize, async_playwright, expect

# As patient as the page is: on a busy machine everything takes longer.
expect.set_options(timeout=30_000)
CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]
DESKTOP: ViewportSize = {"width": 1440, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
SECRET = "three quiet herons by the frozen canal"
# Mean and spread of the picture the video element shows, from a 64x36 copy.
FRAME_STATISTICS = """async (video) => {
  const canvas = document.createElement('canvas'); canvas.width = 64; canvas.height = 36;
  const context = canvas.getContext('2d'); context.drawImage(video, 0, 0, 64, 36);
  const data = context.getImageData(0, 0, 64, 36).data; const grey = [];
  for (let i = 0; i < data.length; i += 4) grey.push((data[i] + data[i+1] + data[i+2]) / 3);
  const mean = grey.reduce((a, b) => a + b, 0) / grey.length;
  return {mean, spread: Math.sqrt(grey.reduce((a, b) => a + (b - mean) ** 2, 0) / grey.length)};
}"""
PICTURES = """() => ({
  images: [...document.images].filter(i => i.src.startsWith('blob:') || i.src.startsWith('data:image/jpeg')).length,
  videos: document.querySelectorAll('video').length,
  canvases: document.querySelectorAll('canvas').length,
})"""


class Owner:
    """One browser with one page."""

    def __init__(self, base: str, shots: Path) -> None:
        self.base = base
        self.shots = shots
        self.console: list[str] = []
        self.page: Page

    async def __aenter__(self) -> Self:
        self._playwright = await async_playwright().start()
        self._browser = await self._playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        context = await self._browser.new_context(viewport=DESKTOP, color_scheme="light", reduced_motion="reduce")
        self.page = await context.new_page()
        self.page.set_default_timeout(30_000)
        self.page.on("console", lambda message: self.console.append(f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.console.append(f"pageerror: {error}"))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._browser.close()
        await self._playwright.stop()

    async def shot(self, name: str) -> None:
        """The page as it is: desktop and phone, light and dark."""
        self.shots.mkdir(parents=True, exist_ok=True)
        for scheme in ("light", "dark"):
            await self.page.emulate_media(color_scheme=scheme)
            for size, viewport in (("desktop", DESKTOP), ("phone", PHONE)):
                await self.page.set_viewport_size(viewport)
                await self.page.wait_for_timeout(150)
                await self.page.screenshot(path=self.shots / f"{name}-{size}-{scheme}.png")
        await self.page.emulate_media(color_scheme="light")
        await self.page.set_viewport_size(DESKTOP)

    def part(self, name: str) -> Any:
        """An element by its test id."""
        return self.page.get_by_test_id(name)

    async def log_in(self, email: str, password: str) -> None:
        """From the address to the first page behind the login."""
        await self.page.goto(self.base)
        await self.part("login-email").fill(email)
        await self.part("login-password").fill(password)
        await self.part("login-submit").click()
        await expect(self.part("vault-secret").or_(self.part("unlock-secret")).first).to_be_visible()

    async def create_vault(self) -> str:
        """Choose the secret, store the recovery code; returns the code."""
        await self.part("vault-secret").fill(SECRET)
        await self.part("vault-secret-confirm").fill(SECRET)
        await self.part("vault-create").click()
        await expect(self.part("recovery-code")).to_be_visible(timeout=60_000)
        return str(await self.part("recovery-code").inner_text()).replace("\n", "").strip()

    async def store_recovery_code(self, code: str) -> None:
        """Prove that the code was kept, and go on."""
        stored = self.part("recovery-stored")
        if await stored.count():
            await stored.check()
        retype = self.part("recovery-retype")
        if await retype.count():
            group = int(await retype.get_attribute("data-group") or "1")
            await retype.fill(code.split("-")[group - 1])
        await self.part("vault-continue").click()

    async def edge_words(self) -> str:
        """The words of the edge that waits, as the browser shows them."""
        await self.go("/devices")
        await expect(self.part("edge-words").first).to_be_visible(timeout=60_000)
        # The page numbers them, for whoever reads them out.
        return " ".join(re.findall(r"[a-z]+", await self.part("edge-words").first.inner_text()))

    async def confirm_edge(self) -> None:
        """The words are the same: sign the edge into the roster."""
        await self.part("edge-confirm").first.click()
        await expect(self.part("edge-confirm")).to_have_count(0)

    async def go(self, path: str) -> None:
        """Within the app: a reload would lock the vault."""
        link = self.page.locator(f'a[href="{path}"]:visible').first
        await link.click()

    async def first_event(self, timeout: float) -> float:
        """Wait for an event to appear by itself; the moment it did."""
        await self.go("/events")
        await expect(self.part("event-card").first).to_be_visible(timeout=timeout * 1000)
        return time.monotonic()

    async def card_ids(self) -> list[str]:
        """Event ids from the list's beginning to its end, in order; one that stands twice is there twice."""
        seen: list[str] = []
        await self.page.evaluate("window.scrollTo(0, 0)")
        while True:
            await self.page.wait_for_timeout(400)
            # Rows far from the viewport are not in the page; those read before overlap with those read now.
            now = [await card.get_attribute("data-event-id") or "" for card in await self.part("event-card").all()]
            seen += [item for item in now if item not in seen or now.count(item) > 1]
            before = await self.page.evaluate("window.scrollY")
            await self.page.evaluate("window.scrollBy(0, window.innerHeight / 2)")
            if await self.page.evaluate("window.scrollY") == before:
                return seen

    async def open_event(self, event_id: str) -> None:
        """Its page, with snapshot and boxes."""
        card = self.page.locator(f'[data-testid="event-card"][data-event-id="{event_id}"]').first
        await self.part("event-card").first.wait_for()
        await self.page.evaluate("window.scrollTo(0, 0)")
        for _ in range(200):
            await self.page.wait_for_timeout(150)
            if await card.count():
                break
            await self.page.evaluate("window.scrollBy(0, window.innerHeight / 2)")
        await card.click()
        await expect(self.part("event-snapshot")).to_be_visible()
        await self.page.wait_for_function(
            """() => { const i = document.querySelector('[data-testid="event-snapshot"]');
                       const image = i && (i.tagName === 'IMG' ? i : i.querySelector('img'));
                       return image && image.complete && image.naturalWidth > 100; }"""
        )

    async def play(self) -> dict[str, Any]:
        """Play the clip, then seek; what was seen."""
        await self.part("play-button").first.click()
        video = self.part("event-video")
        await expect(video).to_be_attached()
        await self.page.wait_for_function(
            """() => { const v = document.querySelector('[data-testid="event-video"]');
                       return v && v.currentTime > 0.5 && v.readyState >= 2; }"""
        )
        element = await video.element_handle()
        played = await video.evaluate(FRAME_STATISTICS)
        duration = float(await video.evaluate("v => v.duration"))
        sought = []
        for share in (0.8, 0.2, 0.6):
            target = duration * share
            await self.page.evaluate("([v, t]) => { v.pause(); v.currentTime = t; }", [element, target])
            await self.page.wait_for_function(
                "([v, t]) => !v.seeking && v.readyState >= 2 && Math.abs(v.currentTime - t) < 0.5",
                arg=[element, target],
            )
            sought.append(await video.evaluate(FRAME_STATISTICS))
        metrics = await self.page.evaluate("() => window.__guardianMetrics ?? null")
        return {"played": played, "sought": sought, "duration": duration, "metrics": metrics}

    async def lock(self) -> dict[str, Any]:
        """Lock, and look for anything that still shows."""
        source = await self.part("event-video").evaluate("v => v.currentSrc || v.src")
        await self.part("lock-button").first.click()
        await expect(self.part("locked-state").or_(self.part("unlock-secret")).first).to_be_visible()
        left = dict(await self.page.evaluate(PICTURES))
        left["caches"] = await self.page.evaluate(
            """async () => { let n = 0;
                for (const k of await caches.keys()) n += (await (await caches.open(k)).keys()).length; return n; }"""
        )
        left["sealed_status"] = await self.page.evaluate(
            """async (url) => { try { return (await fetch(url, {headers: {Range: 'bytes=0-99'}})).status; }
                                catch { return 0; } }""",
            source,
        )
        return left

    async def unlock(self) -> None:
        """With the secret."""
        await self.part("unlock-secret").fill(SECRET)
        await self.part("unlock-submit").click()
        await expect(self.part("unlock-secret")).to_have_count(0, timeout=60_000)

    async def api(self, path: str) -> Any:
        """What the page itself would be answered."""
        return await self.page.evaluate("async (p) => (await fetch('/api/v1' + p)).json()", path)
