"""An owner gets an image for a Mini PC in a real browser: what comes down is what the page says, and whose it is."""

import hashlib
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from playwright.async_api import Request, expect
from tests.demo_check.owner import Owner
from tests.imaging.offering import SMALL, node_answers, offering
from tests.integration.control.conftest import Cluster
from tests.integration.control.world import PASSWORD, Household, World, running, settings_for

from guardian.cli.demo.postgres import DATABASE
from guardian.common import seed, seed_region
from guardian.vault.encoding import from_b64u
from guardian.vault.roster import Roster, RosterEntry

UI = Path(__file__).parents[2] / "frontend" / "dist"
KEY = Ed25519PrivateKey.generate()
SSH = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKUHBFPErWYdhKF1VgXzpEUMTOUt0vbUy6mrCXd9nBGD ann@desk"
PSK = "seven quiet herons"
STORED = "() => JSON.stringify([{...localStorage}, {...sessionStorage}, location.href, history.state])"


@dataclass
class Home:
    """A control plane, one of its households, its owner at the browser, and all that the browser asked for."""

    world: World
    household: Household
    owner: Owner
    tokens: list[str]
    asked: list[str] = field(default_factory=list)

    def note(self, request: Request) -> None:
        self.asked.append(f"{request.method} {request.url} {json.dumps(request.headers)}")

    @property
    def generic(self) -> Path:
        assert self.world.settings.images.folder is not None
        return self.world.settings.images.folder / "small.iso"

    async def fingerprint(self) -> str:
        """That of the household the browser made."""
        wire = (await self.household.get("/vault/roster"))["entries"]
        entries = [RosterEntry(from_b64u(item["payload"]), from_b64u(item["signature"])) for item in wire]
        return Roster.verify(entries).genesis_hash.hex()

    async def fill(self, name: str, **more: str) -> None:
        """The form, and what is behind More."""
        await self.owner.part("image-name").fill(name)
        if more:
            await self.owner.part("image-more").click()
        for part, value in more.items():
            control = self.owner.part(f"image-{part.replace('_', '-')}")
            await (control.select_option(value) if part == "timezone" else control.fill(value))

    async def download(self, into: Path) -> bytes:
        """What the browser's own download leaves."""
        async with self.owner.page.expect_download() as coming:
            await self.owner.part("image-download").click()
        download = await coming.value
        await download.save_as(into / download.suggested_filename)
        return (into / download.suggested_filename).read_bytes()

    def payload(self, image: bytes) -> dict[str, Any]:
        """The seed in it, which this control plane signed for this image."""
        with self.generic.open("rb") as file:
            place = seed_region.find(file)
        region = image[place.offset :][: seed_region.SIZE]
        raw = seed_region.unpack(region, place.image_id, [KEY.public_key().public_bytes_raw()])
        assert raw is not None
        assert seed.parse(raw).version == 2
        found: dict[str, Any] = json.loads(raw)
        return found


@asynccontextmanager
async def at_the_browser(cluster: Cluster, folder: Path, *, images: bool) -> AsyncIterator[Home]:
    """An owner whose vault is new, on the page of devices."""
    assert (UI / "index.html").is_file(), "There is no built UI: make ui"
    section = cluster.section(cluster.fresh(DATABASE))
    settings = settings_for(folder, section.dsn, section.owner_dsn, ui_dir=UI)
    if images:
        settings = offering(settings, folder / "images", KEY)
    async with (
        running(settings) as world,
        world.household() as household,
        node_answers(household) as tokens,
        Owner(world.url, folder / "shots") as owner,
    ):
        home = Home(world, household, owner, tokens)
        owner.page.on("request", home.note)
        await owner.log_in(household.email, PASSWORD)
        await owner.store_recovery_code(await owner.create_vault())
        yield home


@pytest.mark.timeout(180)
async def test_an_owner_downloads_an_image_made_for_the_household(
    cluster: Cluster, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    async with at_the_browser(cluster, tmp_path, images=True) as home:
        owner, page = home.owner, home.owner.page
        # What no machine would take is told here, and costs no token.
        await home.fill("Hall", timezone="Europe/Berlin", ssid="Home", passphrase="short", ssh_key=SSH)
        await owner.part("image-make").click()
        await expect(owner.part("image-passphrase")).to_be_focused()
        assert home.tokens == []

        await owner.part("image-passphrase").fill(PSK)
        await owner.part("image-unattended").check()
        await expect(page.get_by_text("wipes a disk without asking")).to_be_visible()
        await owner.part("image-encrypt").check()
        await owner.part("image-make").click()
        await expect(owner.part("prepared-image")).to_contain_text("Image for Hall")
        told = await owner.part("image-sha256").inner_text()

        image = await home.download(tmp_path)
        assert (len(image), hashlib.sha256(image).hexdigest()) == (SMALL, told)
        made = (await home.household.get("/images"))["seeded"][0]
        assert home.payload(image) == {
            "version": 2,
            "token": home.tokens[0],
            "name": "Hall",
            "fingerprint": await home.fingerprint(),
            "timezone": "Europe/Berlin",
            "wifi": {"ssid": "Home", "psk": PSK},
            "unattended": True,
            "encrypt": True,
            "ssh_key": SSH,
            "expires": made["expires"],
        }

        # Somebody else's session does not get it, nor does none.
        async with home.world.household() as other:
            assert (await other.browser.get(made["url"])).status_code == 404
        async with home.world.browser() as stranger:
            assert (await stranger.get(made["url"])).status_code == 401

        # The passphrase was in one request's body, and is nowhere else.
        assert not [line for line in home.asked if re.search("quiet|herons", line)]
        assert PSK not in await page.evaluate(STORED) + await page.content()
        assert PSK not in json.dumps(await home.household.get("/images"))

        # The machine made from it comes, and its words are on the same page by themselves.
        await home.household.report(name="Hall", enrolled=datetime.now(UTC))
        await expect(owner.part("edge-words")).to_be_visible()
        await expect(owner.part("prepared-image")).to_contain_text("It is here")

        # A download that cannot be had is refused in words.
        home.generic.unlink()
        await owner.part("image-download").click()
        await expect(page.get_by_text("no longer there. Make a new one")).to_be_visible()

        await owner.part("image-remove").click()
        await owner.part("image-remove-confirm").click()
        await expect(owner.part("prepared-image")).to_have_count(0)
        assert (await home.household.get("/images"))["seeded"] == []
        assert [line for line in owner.console if line.startswith("pageerror")] == []
    said = capfd.readouterr()
    assert PSK not in said.out + said.err


async def test_where_no_image_is_offered_the_way_by_a_token_is_told(cluster: Cluster, tmp_path: Path) -> None:
    async with at_the_browser(cluster, tmp_path, images=False) as home:
        await expect(home.owner.part("no-image")).to_contain_text("No image is offered here")
        await expect(home.owner.part("no-image")).to_contain_text("guardian edge enroll")
        assert await home.owner.part("image-form").count() == 0
