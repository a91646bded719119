"""Images with a seed spliced in: each tenant's own, the right hash, from any byte on, and no copy on disk."""

import asyncio
import hashlib
import json
import os
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.imaging.gpt import SECTOR, make
from tests.imaging.offering import SMALL, counted, lay, node_answers, offering
from tests.integration.control.conftest import Cluster
from tests.integration.control.world import Household, World, running, settings_for

from guardian.cli.demo.postgres import DATABASE
from guardian.common import seed, seed_region
from guardian.common.clock import now, to_text
from guardian.control.images import library, splicing
from guardian.control.images.repository import ImageRepository
from guardian.control.images.schemas import SeededImage
from guardian.vault.roster import Roster

LARGE = 2_000_000_000 // SECTOR * SECTOR
KEY = Ed25519PrivateKey.generate()
PUBLIC = KEY.public_key().public_bytes_raw()
SSH = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKUHBFPErWYdhKF1VgXzpEUMTOUt0vbUy6mrCXd9nBGD ann@desk"
PSK = "seven quiet herons"


@pytest.fixture
def reads() -> Iterator[list[int]]:
    with counted() as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def imaging(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """A control plane with a folder of images and the key that signs seeds."""
    home = tmp_path_factory.mktemp("imaging")
    section = cluster.section(cluster.fresh(DATABASE))
    settings = settings_for(home, section.dsn, section.owner_dsn)
    async with running(offering(settings, home / "images", KEY)) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="session")
async def ann(imaging: World) -> AsyncIterator[Household]:
    async with imaging.household() as household, node_answers(household):
        yield household


@pytest_asyncio.fixture(loop_scope="session")
async def ben(imaging: World) -> AsyncIterator[Household]:
    async with imaging.household() as household, node_answers(household):
        yield household


def wish(image: str = "small.iso", **changes: Any) -> dict[str, Any]:
    return {"image": image, "name": "Hall", **changes}


async def order(home: Household, image: str = "small.iso", **changes: Any) -> SeededImage:
    answer = await home.browser.post("/api/v1/images", json=wish(image, **changes))
    assert answer.status_code == 200, answer.text
    return SeededImage.model_validate_json(answer.text)


async def refusal(home: Household, **changes: Any) -> tuple[int, str]:
    answer = await home.browser.post("/api/v1/images", json=wish(**changes))
    assert PSK not in answer.text
    return answer.status_code, answer.json()["reason"]


def generic(world: World, name: str = "small.iso") -> Path:
    assert world.settings.images.folder is not None
    return world.settings.images.folder / name


def place_in(path: Path) -> seed_region.Place:
    with path.open("rb") as file:
        return seed_region.find(file)


def payload_in(data: bytes, world: World) -> dict[str, Any]:
    """What a machine made from a downloaded image would take."""
    place = place_in(generic(world))
    region = data[place.offset :][: seed_region.SIZE]
    raw = seed_region.unpack(region, place.image_id, [PUBLIC])
    assert raw is not None
    assert seed.parse(raw).version == 2
    content: dict[str, Any] = json.loads(raw)
    return content


async def test_an_image_tells_a_machine_all_that_was_asked_for(imaging: World) -> None:
    async with imaging.household() as home, node_answers(home) as tokens:
        await home.report()
        (await home.post_roster(0, home.begin_roster())).raise_for_status()
        wifi = {"ssid": "Home", "psk": PSK}
        asked: dict[str, Any] = {"locale": "de_DE.UTF-8", "timezone": "Europe/Berlin", "wifi": wifi, "ssh_key": SSH}
        made = await order(home, **asked, unattended=True, encrypt=True)
        data = (await home.browser.get(made.url)).content
        assert payload_in(data, imaging) == {
            "version": 2,
            "token": tokens[0],
            "name": "Hall",
            "fingerprint": Roster.verify(home.entries).genesis_hash.hex(),
            "locale": "de_DE.UTF-8",
            "timezone": "Europe/Berlin",
            "wifi": wifi,
            "unattended": True,
            "encrypt": True,
            "ssh_key": SSH,
            "expires": to_text(made.expires),
        }
        assert hashlib.sha256(data).hexdigest() == made.sha256
        listed = await home.get("/images")
        assert [item["id"] for item in listed["seeded"]] == [made.id]
        assert tokens[0] not in json.dumps(listed) and PSK not in json.dumps(listed)
        assert [item["name"] for item in listed["images"]] == ["small.iso"]


async def test_no_seed_is_made_for_another_household_than_the_browser_verified(imaging: World) -> None:
    async with imaging.household() as home, node_answers(home) as tokens:
        assert await refusal(home, fingerprint="ab" * 32) == (409, "household_other")
        (await home.post_roster(0, home.begin_roster())).raise_for_status()
        assert await refusal(home, fingerprint="ab" * 32) == (409, "household_other")
        assert await refusal(home, fingerprint="ab") == (422, "invalid_request")
        assert tokens == []
        genesis = Roster.verify(home.entries).genesis_hash.hex()
        made = await order(home, fingerprint=genesis)
        data = (await home.browser.get(made.url)).content
        assert payload_in(data, imaging)["fingerprint"] == genesis


async def test_two_tenants_images_differ_in_their_seeds_alone(imaging: World, ann: Household, ben: Household) -> None:
    path = generic(imaging)
    before, place = path.read_bytes(), place_in(path)
    whole = []
    for home in (ann, ben):
        made = await order(home)
        answer = await home.browser.get(made.url)
        assert answer.headers["content-length"] == str(SMALL)
        assert hashlib.sha256(answer.content).hexdigest() == made.sha256 != hashlib.sha256(before).hexdigest()
        whole.append(answer.content)
    end = place.offset + seed_region.SIZE
    for data in whole:
        assert (data[: place.offset], data[end:]) == (before[: place.offset], before[end:])
    assert whole[0][place.offset : end] != whole[1][place.offset : end]
    assert path.read_bytes() == before


async def test_what_is_said_of_an_image_before_it_is_fetched(ann: Household) -> None:
    made = await order(ann)
    answer = await ann.browser.head(made.url)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["etag"] == f'"{made.sha256}"'
    assert answer.headers["content-length"] == str(SMALL)
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["content-disposition"] == f'attachment; filename="{made.file_name}"'
    assert answer.headers["x-accel-buffering"] == "no"


async def test_any_part_is_the_same_as_of_the_whole(imaging: World, ann: Household, reads: list[int]) -> None:
    made = await order(ann)
    whole = (await ann.browser.get(made.url)).content
    start = place_in(generic(imaging)).offset
    end = start + seed_region.SIZE
    parts = {
        "0-0": (0, 1),
        "5-5000000": (5, SMALL),
        f"{start - 10}-{start + 9}": (start - 10, start + 10),
        f"{start}-{end - 1}": (start, end),
        f"{end - 1}-{end}": (end - 1, end + 1),
        f"{start - 2_000_000}-": (start - 2_000_000, SMALL),
        "-1": (SMALL - 1, SMALL),
        f"-{SMALL * 2}": (0, SMALL),
    }
    for text, (first, last) in parts.items():
        reads.clear()
        answer = await ann.browser.get(made.url, headers={"Range": f"bytes={text}"})
        assert answer.status_code == 206
        assert answer.headers["content-range"] == f"bytes {first}-{last - 1}/{SMALL}"
        assert answer.content == whole[first:last], text
        # Nothing is read that is not sent, and the seed is not read of the file.
        seeded = max(0, min(last, end) - max(first, start))
        assert sum(reads) == last - first - seeded
        assert max(reads, default=0) <= splicing.BLOCK


async def test_a_part_of_something_else_is_answered_with_the_whole(ann: Household, ben: Household) -> None:
    made, other = await order(ann), await order(ben)
    for tag, status in ((f'"{made.sha256}"', 206), (f'"{other.sha256}"', 200), (f'W/"{made.sha256}"', 200), ("x", 200)):
        headers = {"Range": "bytes=1-2", "If-Range": tag}
        answer = await ann.browser.get(made.url, headers=headers)
        assert (answer.status_code, len(answer.content)) == (status, 2 if status == 206 else SMALL)


@pytest.mark.parametrize("text", [f"bytes={SMALL}-", "bytes=-0", "bytes=9-8", "bytes=0-1,4-5", "bytes=a-b", "bytes=-"])
async def test_a_part_there_is_not_is_refused(ann: Household, text: str) -> None:
    made = await order(ann)
    answer = await ann.browser.get(made.url, headers={"Range": text})
    assert (answer.status_code, answer.json()["reason"]) == (416, "range")
    assert answer.headers["content-range"] == f"bytes */{SMALL}"
    answer = await ann.browser.get(made.url, headers={"Range": "lines=1-2"})
    assert (answer.status_code, len(answer.content)) == (200, SMALL)


async def test_another_tenant_finds_nothing_there(ann: Household, ben: Household) -> None:
    made = await order(ann)
    for method in ("GET", "HEAD"):
        answer = await ben.browser.request(method, made.url)
        assert answer.status_code == 404
    assert (await ben.browser.delete(f"/api/v1/images/{made.id}")).status_code == 404
    assert (await ben.get("/images"))["seeded"] == []
    assert (await ann.browser.get(made.url.replace("small", "smell"))).status_code == 404
    assert (await ann.browser.head(made.url)).status_code == 200


async def test_a_seed_that_was_removed_or_has_expired_is_gone(imaging: World, ann: Household) -> None:
    made = await order(ann)
    assert (await ann.browser.delete(f"/api/v1/images/{made.id}")).status_code == 204
    assert (await ann.browser.delete(f"/api/v1/images/{made.id}")).status_code == 404
    assert (await ann.browser.get(made.url)).status_code == 404
    made, kept = await order(ann), await order(ann)
    await age(ann, made.id)
    assert (await ann.browser.get(made.url)).status_code == 404
    assert [item["id"] for item in (await ann.get("/images"))["seeded"]] == [kept.id]
    assert await rows(ann) == {made.id, kept.id}
    # Whoever sweeps sees no row of anybody's, and deletes no other.
    assert await imaging.context.images.sweep() >= 1
    assert await rows(ann) == {kept.id}
    assert await imaging.context.images.sweep() == 0


async def age(home: Household, image_id: str) -> None:
    """Let a seed expire."""
    from guardian.control.database.tables import image_seeds

    async with home.world.context.database.tenant(home.tenant_id) as scope:
        past: datetime = now() - timedelta(seconds=1)
        await scope.run(scope.update(image_seeds).where(image_seeds.c.id == image_id).values(expires_at=past))


async def rows(home: Household) -> set[str]:
    async with home.world.context.database.tenant(home.tenant_id) as scope:
        return {row.id for row in await ImageRepository(scope).all(now() - timedelta(days=1))}


async def test_a_seed_is_kept_without_zeros_and_nobody_elses_are_seen_outside_tenants(
    imaging: World, ann: Household
) -> None:
    from guardian.control.database.tables import image_seeds

    made = await order(ann)
    await age(ann, made.id)
    async with imaging.context.database.people() as scope:
        assert await scope.rows(sa.select(image_seeds)) == []
    async with imaging.context.database.tenant(ann.tenant_id) as scope:
        (row,) = await scope.rows(scope.select(image_seeds))
    assert len(row.region) < 2000


async def test_what_no_machine_would_take_costs_no_token(imaging: World) -> None:
    async with imaging.household() as home, node_answers(home) as tokens:
        for changes in (
            {"locale": "a b"},
            {"timezone": "../etc/passwd"},
            {"ssh_key": f'command="id" {SSH}'},
            {"wifi": {"ssid": "é" * 20, "psk": PSK}},
            {"wifi": {"ssid": "Home", "psk": PSK + "\n"}},
            {"name": "a\nb"},
        ):
            assert await refusal(home, **changes) == (400, "seed_malformed")
        assert await refusal(home, name="") == (422, "invalid_request")
        assert await refusal(home, image="../small.iso") == (422, "invalid_request")
        assert await refusal(home, image="none.iso") == (404, "image_unknown")
        assert await refusal(home, node_id="ab" * 16) == (404, "node_unknown")
        assert tokens == []


async def test_a_tenant_with_no_node_or_with_several_is_told_so(imaging: World) -> None:
    from guardian.common import tls

    email = "nodeless@example.org"
    tenant = await imaging.tenant(email)
    async with imaging.browser() as browser:
        (
            await browser.post("/api/v1/session", json={"email": email, "password": "a password of ample length"})
        ).raise_for_status()
        answer = await browser.post("/api/v1/images", json=wish())
        assert (answer.status_code, answer.json()["reason"]) == (404, "node_unknown")
        for _ in range(2):
            await imaging.enrol(await imaging.token(tenant), tls.new_key())
        answer = await browser.post("/api/v1/images", json=wish())
        assert (answer.status_code, answer.json()["reason"]) == (409, "node_ambiguous")


async def test_without_a_key_nothing_is_signed(imaging: World, ann: Household) -> None:
    key = imaging.settings.state_dir / "images" / "images.key"
    for content in (None, b"short"):
        key.unlink() if content is None else key.write_bytes(content)
        try:
            assert await refusal(ann) == (503, "image_key")
        finally:
            key.write_bytes(KEY.private_bytes_raw())


async def test_an_image_that_is_not_what_its_note_says_is_not_offered(
    imaging: World, ann: Household, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = generic(imaging).parent
    lay(folder, "lie.iso", SMALL, sha256="00" * 32)
    lay(folder, "long.iso", SMALL, size=SMALL + 1)
    lay(folder, "odd.iso", SMALL, more="keys")
    (folder / "text.iso").write_text("a letter")
    (folder / "text.iso.json").write_text(json.dumps({"version": "1", "sha256": "00" * 32, "size": 8}))
    make(folder / "unnoted.iso", SMALL)
    lay(folder, "good.iso", SMALL)
    assert [item["name"] for item in (await ann.get("/images"))["images"]] == ["good.iso", "small.iso"]
    assert [item["name"] for item in (await ann.get("/images"))["images"]] == ["good.iso", "small.iso"]
    said = capsys.readouterr()
    for reason in ("image_damaged", "image_note", "seed_region_missing"):
        assert reason in said.out + said.err
    assert await refusal(ann, image="lie.iso") == (404, "image_unknown")
    for path in folder.iterdir():
        if not path.name.startswith("small."):
            path.unlink()
    assert [item["name"] for item in (await ann.get("/images"))["images"]] == ["small.iso"]


async def test_a_seed_is_sent_with_the_image_it_was_made_for_alone(imaging: World, ann: Household) -> None:
    folder = generic(imaging).parent
    lay(folder, "moving.iso", SMALL)
    made = await order(ann, "moving.iso")
    # Changed and its note not, then another release under the same name, then none.
    with (folder / "moving.iso").open("r+b") as file:
        file.seek(40_000)
        file.write(b"changed")
    for change in (lambda: None, lambda: lay(folder, "moving.iso", SMALL), (folder / "moving.iso").unlink):
        change()
        answer = await ann.browser.get(made.url)
        assert (answer.status_code, answer.json()["reason"]) == (409, "image_changed")
    (folder / "moving.iso.json").unlink()


async def test_an_image_that_is_still_being_read_is_asked_for_again_later(
    imaging: World, ann: Household, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = generic(imaging).parent
    lay(folder, "slow.iso", SMALL)
    made = await order(ann, "slow.iso")
    os.utime(folder / "slow.iso")
    turn = imaging.context.images.library.turn
    monkeypatch.setattr(library, "PATIENCE", 0.05)
    async with turn:
        assert [item["name"] for item in (await ann.get("/images"))["images"]] == ["small.iso"]
        assert await refusal(ann, image="slow.iso") == (503, "image_unread")
        answer = await ann.browser.get(made.url)
        assert (answer.status_code, answer.json()["reason"]) == (503, "image_unread")
    monkeypatch.setattr(library, "PATIENCE", 20.0)
    assert len((await ann.browser.get(made.url)).content) == SMALL
    for name in ("slow.iso", "slow.iso.json"):
        (folder / name).unlink()


async def test_a_tenant_has_no_more_than_a_bounded_number(
    ann: Household, ben: Household, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("guardian.control.images.service.MOST", 2)
    await order(ann)
    await order(ann)
    assert await refusal(ann) == (409, "images_many")
    await order(ben)


@dataclass
class Fetched:
    """A download as it came: hashes of what is before the seed and of all, the rest kept."""

    offset: int
    total: int = 0
    first_byte: float = 0.0
    prefix: Any = field(default_factory=hashlib.sha256)
    whole: Any = field(default_factory=hashlib.sha256)
    rest: bytes = b""

    def add(self, data: bytes) -> None:
        self.whole.update(data)
        before = max(0, min(len(data), self.offset - self.total))
        self.prefix.update(data[:before])
        self.rest += data[before:]
        self.total += len(data)

    async def fetch(self, browser: httpx.AsyncClient, url: str, *, stop: int, headers: dict[str, str]) -> None:
        """Take what comes until `stop` bytes are there, and leave."""
        begun = time.perf_counter()
        async with browser.stream("GET", url, headers=headers) as answer:
            assert answer.status_code == (206 if headers else 200)
            async for data in answer.aiter_bytes(1 << 20):
                self.first_byte = self.first_byte or time.perf_counter() - begun
                self.add(data)
                if self.total >= stop:
                    return


@pytest.mark.timeout(300)
async def test_an_image_of_two_gigabytes_for_two_tenants_one_of_them_cut_off(
    imaging: World, ann: Household, ben: Household, reads: list[int]
) -> None:
    folder = generic(imaging).parent
    await asyncio.to_thread(lay, folder, "large.iso", LARGE)
    path = folder / "large.iso"
    used, place = path.stat().st_blocks * 512, place_in(path)
    begun = time.perf_counter()
    await ann.get("/images")
    hashed, begun = time.perf_counter() - begun, time.perf_counter()
    made = {home.tenant_id: await order(home, "large.iso") for home in (ann, ben)}
    ordered = (time.perf_counter() - begun) / 2
    # The whole for one; for the other up to a third, then the rest by range.
    fetched = {home.tenant_id: Fetched(place.offset) for home in (ann, ben)}
    mine = fetched[ann.tenant_id]
    begun = time.perf_counter()
    await mine.fetch(ann.browser, made[ann.tenant_id].url, stop=LARGE, headers={})
    seconds, read = time.perf_counter() - begun, sum(reads)
    assert read == LARGE - seed_region.SIZE
    reads.clear()
    theirs, url = fetched[ben.tenant_id], made[ben.tenant_id].url
    await theirs.fetch(ben.browser, url, stop=LARGE // 3, headers={})
    await asyncio.sleep(0.5)
    cut, until = theirs.total, sum(reads)
    # Nobody reads on for one who has left; some megabytes were on their way.
    assert until < cut + (64 << 20)
    etag = f'"{made[ben.tenant_id].sha256}"'
    await theirs.fetch(ben.browser, url, stop=LARGE, headers={"Range": f"bytes={cut}-", "If-Range": etag})
    assert sum(reads) - until == LARGE - cut - seed_region.SIZE
    assert max(reads) <= splicing.BLOCK
    prefix = await asyncio.to_thread(hash_of, path, place.offset)
    for home in (ann, ben):
        got, asked = fetched[home.tenant_id], made[home.tenant_id]
        assert (got.total, got.whole.hexdigest(), got.prefix.hexdigest()) == (LARGE, asked.sha256, prefix)
        with path.open("rb") as file:
            file.seek(place.offset + seed_region.SIZE)
            assert got.rest[seed_region.SIZE :] == file.read()
        assert seed_region.unpack(got.rest[: seed_region.SIZE], place.image_id, [PUBLIC])
    assert mine.rest[: seed_region.SIZE] != theirs.rest[: seed_region.SIZE]
    # No copy on disk: the generic image is as it was, and nothing lies beside it.
    assert path.stat().st_blocks * 512 == used
    print(
        f"\n{LARGE:,} bytes: hashed once in {hashed:.2f} s, ordered in {ordered:.2f} s each, first byte after "
        f"{mine.first_byte * 1000:.1f} ms, sent in {seconds:.1f} s ({LARGE / seconds / 1e6:.0f} MB/s), "
        f"{read:,} bytes read of the generic image; cut at {cut:,}, {until:,} read until then"
    )
    for name in ("large.iso", "large.iso.json"):
        (folder / name).unlink()


def hash_of(path: Path, end: int) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while end:
            data = file.read(min(end, 1 << 20))
            digest.update(data)
            end -= len(data)
    return digest.hexdigest()
