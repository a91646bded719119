"""What a house has that another must not see: events with sealed objects, made where the analyzer makes them."""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from tests.integration.tenancy.street import IMAGE, House, until
from tests.updating import Maker

from guardian.cli.demo.postgres import APP
from guardian.common.clock import from_seconds
from guardian.common.files import private_folder
from guardian.common.ids import uuid7
from guardian.common.tokens import Token
from guardian.control.database.engine import Database
from guardian.control.database.tables import node_orders
from guardian.control.orders.service import OrderService
from guardian.edge import identity as identities
from guardian.edge.camera.index import Clip, Index
from guardian.edge.detectors.base import Box
from guardian.edge.events.message import Belongings as Named
from guardian.edge.events.message import compose, sign
from guardian.edge.events.pictures import PictureFolder, Sealing
from guardian.edge.events.store import EventStore, StoredClip, StoredEvent
from guardian.edge.events.visit import Picture, Point, VisitState
from guardian.edge.roster import RosterFile
from guardian.node.updates.rollout import Bundle
from guardian.node.updates.shelf import file_name, folder_of
from guardian.vault.encoding import new_id
from guardian.vault.header import Metadata
from guardian.vault.writer import SealedWriter

CAMERA = "front"
THREE_DAYS = 3 * 86_400.0


@dataclass
class Belongings:
    """A house's things by their ids; `objects` maps an object's id to its sealed bytes."""

    house: House
    events: list[str] = field(default_factory=list)
    objects: dict[str, bytes] = field(default_factory=dict)
    slots: list[dict[str, Any]] = field(default_factory=list)
    command: dict[str, str] = field(default_factory=dict)
    cursor: str = ""
    # An order of the control plane's operator to the house's node, answered.
    order: str = ""
    # An image with the house's seed, as the API answered.
    image: dict[str, Any] = field(default_factory=dict)
    # A system that the house's node hands on.
    update: Bundle | None = None

    @property
    def offered(self) -> Bundle:
        """`update`, where the house is furnished."""
        assert self.update is not None
        return self.update

    def names(self) -> list[str]:
        """Ids and texts that tell of this house and of no other."""
        house, owner = self.house, self.house.owner
        own = [house.tenant, house.node, house.edge, house.email, f"of {house.name}"]
        own += [owner.household, owner.author.id, self.command["id"], self.command["payload"]]
        own += [self.image["id"], self.image["sha256"], self.offered.sha256]
        return [*own, *self.events, *self.objects, *(slot["id"] for slot in self.slots)]

    def traces(self) -> list[bytes]:
        """The same as bytes, and what of the sealed objects, slots and roster could appear anywhere."""
        raw = [bytes.fromhex(name) for name in self.names() if len(name) == 32 and "-" not in name and _is_hex(name)]
        ciphertexts = [slot["ct"].encode() for slot in self.slots] + [data[-64:] for data in self.objects.values()]
        signatures = [entry.signature for entry in self.house.owner.chain.entries]
        bundle = folder_of(self.house.node_state) / file_name(self.offered.version, self.offered.kind)
        update = [bytes.fromhex(self.offered.sha256), bundle.read_bytes()[-64:]]
        return [*(name.encode() for name in self.names()), *raw, *ciphertexts, *signatures, *update]

    def found_in(self, data: bytes) -> list[bytes]:
        """Which of them stand in an answer."""
        return [trace for trace in self.traces() if trace in data]


async def furnish(house: House) -> Belongings:
    """Two events, one set aside, sealed objects, a command carried out; all of them arrived at the control plane."""
    things = Belongings(house)
    for _ in range(2):
        add_event(things)
    # Its id is of today and its visit was not: the control plane sets it aside.
    add_event(things, ago=THREE_DAYS, shown=False)
    things.slots = await house.owner.get("/vault/slots")
    things.command = await house.owner.order(
        house.edge, {"type": "rename_camera", "camera": CAMERA, "name": f"Porch of {house.name}"}
    )
    await until(lambda: arrived(things))
    await until(lambda: _renamed(things))
    things.order = await give_order(house)
    await make_image(things)
    things.update = Maker(house.folder / "maker").lay(house.node_state, "9.0.0")
    things.cursor = (await house.owner.get("/events", limit=1))["next"]
    return things


async def give_order(house: House) -> str:
    """A token for an edge, asked for on the control plane and made by the house's node; the order's id."""
    database = Database(house.street.postgres.dsn(APP))
    try:
        text, _ = await OrderService(database).create_edge_token(house.tenant, house.node, f"Loft of {house.name}", 60)
        async with database.tenant(house.tenant) as scope:
            (row,) = await scope.rows(scope.select(node_orders))
    finally:
        await database.close()
    secret = Token.parse(text).secret.encode()
    # Sealed to whoever asked: neither the row nor anything else of the control plane's holds it.
    assert secret not in bytes(row.result) + bytes(row.content)
    return str(row.id)


def image_wish(things: Belongings) -> dict[str, Any]:
    """The body with which an image is asked for."""
    wifi = {"ssid": things.house.name, "psk": f"passphrase of {things.house.name}"}
    return {"image": IMAGE, "node_id": things.house.node, "name": f"Loft of {things.house.name}", "wifi": wifi}


async def make_image(things: Belongings) -> None:
    """An image for another edge of the house's, its token made by the node."""
    answer = await things.house.owner.http.post("/images", json=image_wish(things))
    answer.raise_for_status()
    things.image = answer.json()


async def arrived(things: Belongings) -> bool:
    """Whether the owner sees all her events."""
    seen = {event["id"] for event in (await things.house.owner.get("/events"))["items"]}
    return set(things.events) <= seen


def add_event(things: Belongings, *, ago: float = 60.0, shown: bool = True) -> str:
    """What camera and analyzer leave for a visit that has ended: clip, pictures, the signed event in the outbox."""
    state = things.house.edge_state
    identity = identities.load(state)
    sealing = Sealing(identity, RosterFile(state).recipient(identity))
    start = time.time() - ago
    noise = np.random.default_rng().integers(0, 255, (96, 128, 3), np.uint8)
    point = Point(start + 1, Box(0.2, 0.2, 0.3, 0.5), 0.9)
    best = Picture(noise, start + 1, point, 1.0)
    visit = VisitState(
        str(uuid7()), CAMERA, "person", start, start + 8, start + 8, 0.9, (point,), 128, 96, best
    )  # fmt: skip
    folder = private_folder(state / "analyzer", mode=0o750)
    pictures = PictureFolder(private_folder(folder / "objects", mode=0o750), quality=85, thumbnail_height=64).seal(
        visit, best, sealing
    )
    clip, sealed = _clip(state, sealing, start)
    event = compose(visit, sealing.recipient.household, identity.edge, Named(pictures, [clip]), 1)
    data, signature = sign(event, identity)
    row = StoredEvent(visit.id, CAMERA, "person", start, start + 8, start + 8, 0.9, 1, data)
    store = EventStore(folder / "events.db")
    try:
        store.note_clip(clip)
        store.save(row, signature, [clip.id], pictures)
    finally:
        store.close()
    if shown:
        things.events.append(visit.id)
        things.objects[clip.id] = sealed
        for item in pictures:
            things.objects[item.object_id] = (folder / "objects" / item.path).read_bytes()
    return visit.id


def _clip(state: Path, sealing: Sealing, start: float) -> tuple[StoredClip, bytes]:
    object_id, folder = new_id(), private_folder(state / "cameras" / CAMERA, mode=0o750)
    day = time.strftime("%Y-%m-%d", time.gmtime(start))
    path = Path("clips") / day / f"{object_id}.sealed"
    private_folder(folder / "clips", mode=0o750)
    private_folder(folder / "clips" / day, mode=0o750)
    metadata = Metadata(
        household=sealing.recipient.household,
        edge=sealing.identity.edge,
        camera=CAMERA,
        kind="clip",
        start=from_seconds(start),
        media="video/mp4",
        codec="avc1.64001f",
        timescale=90_000,
        width=128,
        height=96,
    )
    with SealedWriter.create(
        folder / path, sealing.recipient.epoch, sealing.identity.keys, metadata, object_id=object_id
    ) as writer:
        writer.init(b"init segment")
        for second in range(8):
            writer.media(np.random.default_rng().bytes(20_000), second * 90_000, 90_000, key=True)
        writer.close()
    sealed = (folder / path).read_bytes()
    index = Index(folder)
    index.put(Clip(object_id, str(path), start, start + 8, "closed", len(sealed)))
    index.close()
    return StoredClip(object_id, CAMERA, start, start + 8, True, False), sealed


async def _renamed(things: Belongings) -> bool:
    state = await things.house.owner.get(f"/commands/{things.command['id']}")
    return bool(state["accepted"]) and "Porch" in (await things.house.camera_view())["name"]


def _is_hex(text: str) -> bool:
    return all(sign in "0123456789abcdef" for sign in text)
