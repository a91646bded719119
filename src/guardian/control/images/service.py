"""Makes seeds for images, and finds what is to be sent of them."""

import json
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from guardian.common import log, secrets, seed, seed_region
from guardian.common.clock import from_text, now, to_text
from guardian.common.errors import GuardianError
from guardian.common.ids import random_id
from guardian.common.tokens import Token
from guardian.control.accounts.subject import Subject
from guardian.control.database.engine import Database, Row
from guardian.control.errors import Conflict, ControlError, NotFound, Unavailable
from guardian.control.images.library import Generic, ImageError, Library
from guardian.control.images.repository import ExpiredSeeds, ImageRepository
from guardian.control.images.schemas import GenericImage, ImageRequest, Images, SeededImage
from guardian.control.images.splicing import Spliced
from guardian.control.nodes.repository import NodeRepository
from guardian.control.orders.service import OrderService
from guardian.control.vault.repository import RosterRepository
from guardian.vault.roster import Roster

SECRET = "images.key"  # noqa: S105 (a name)
# As long as a node lets a token live.
LIFE = timedelta(days=7)
MOST = 50
_log = log.get(__name__)


@dataclass(frozen=True)
class Download:
    """What is sent: an open file that the receiver closes, and what is said of it."""

    spliced: Spliced
    size: int
    sha256: bytes
    file_name: str


class ImageService:
    """Of a generic image it keeps nothing but hashes; of a seed the region alone, until it expires."""

    def __init__(self, database: Database, library: Library, orders: OrderService, keys: Path) -> None:
        self.library = library
        self._database, self._orders, self._keys = database, orders, keys

    async def all(self, subject: Subject) -> Images:
        """Generic images, and the tenant's own."""
        async with self._database.tenant(subject.tenant_id) as scope:
            rows = await ImageRepository(scope).all(now())
        found = await self.library.all()
        return Images(images=[_generic(item) for item in found], seeded=[_seeded(row) for row in rows])

    async def make(self, subject: Subject, wanted: ImageRequest) -> SeededImage:
        """A seed with a new token of the node's.

        404 `image_unknown`, `node_unknown`; 409 `images_many`, `node_ambiguous`, `household_other`; 503 `image_key`,
        `image_unread`, `node_away`; 400 `seed_malformed`, or with the node's reason.
        """
        generic = await self._need(wanted.image)
        _check(wanted)
        key = self._signer()
        node_id, fingerprint = await self._whose(subject.tenant_id, wanted.node_id)
        if wanted.fingerprint not in ("", fingerprint):
            raise _other_household()
        token, until = await self._orders.create_edge_token(
            subject.tenant_id, node_id, wanted.name, int(LIFE.total_seconds())
        )
        created, expires = now(), from_text(until)
        payload = _payload(wanted, token, fingerprint=fingerprint, expires=to_text(expires))
        region = seed_region.pack(payload, generic.place.image_id, key)
        values = {
            "id": random_id().hex(),
            "node_id": node_id,
            "image": generic.path.name,
            "image_sha256": bytes.fromhex(generic.note.sha256),
            "name": wanted.name,
            # The zeros at its end come back when it is sent.
            "region": region.rstrip(b"\0"),
            "size": generic.note.size,
            "sha256": generic.sha256_with(region),
            "created_at": created,
            "expires_at": expires,
        }
        async with self._database.tenant(subject.tenant_id) as scope:
            await ImageRepository(scope).add(values)
            row = await ImageRepository(scope).get(str(values["id"]), created)
        if row is None:
            raise ControlError("The node gave a token that has ended already.", reason="order_answer")
        _log.info("image_seeded", image=generic.path.name)
        return _seeded(row)

    async def download(self, subject: Subject, seed_id: str, file_name: str) -> Download:
        """404 `image_unknown`; 409 `image_changed` when its image is not there as it was; 503 `image_unread`."""
        async with self._database.tenant(subject.tenant_id) as scope:
            row = await ImageRepository(scope).get(seed_id, now())
        if row is None or _file_name(row) != file_name:
            raise _unknown()
        generic = await self._find(row.image)
        if generic is None or bytes.fromhex(generic.note.sha256) != bytes(row.image_sha256):
            raise _changed()
        try:
            file = generic.open()
        except ImageError as error:
            raise _changed() from error
        region = bytes(row.region).ljust(seed_region.SIZE, b"\0")
        return Download(Spliced(file, generic.place.offset, region), row.size, bytes(row.sha256), file_name)

    async def remove(self, subject: Subject, seed_id: str) -> None:
        """Forget a seed; its token ends by itself. 404 `image_unknown`."""
        async with self._database.tenant(subject.tenant_id) as scope:
            if not await ImageRepository(scope).remove(seed_id):
                raise _unknown()

    async def sweep(self) -> int:
        """Delete what has expired, of all tenants; how many."""
        async with self._database.people() as scope:
            return await ExpiredSeeds(scope).remove()

    async def look(self) -> None:
        """Read the generic images before anybody asks for one."""
        await self.library.all()

    async def _need(self, name: str) -> Generic:
        generic = await self._find(name)
        if generic is None:
            raise _unknown()
        return generic

    async def _find(self, name: str) -> Generic | None:
        try:
            return await self.library.get(name)
        except ImageError as error:
            raise Unavailable(error.sentence, reason=error.reason) from error

    def _signer(self) -> Ed25519PrivateKey:
        try:
            return Ed25519PrivateKey.from_private_bytes(secrets.read(SECRET, self._keys))
        except (GuardianError, ValueError) as error:
            reason = error.reason if isinstance(error, GuardianError) else "secret_malformed"
            _log.error("image_unsigned", reason=reason)
            raise Unavailable("This control plane has no key to sign seeds with.", reason="image_key") from error

    async def _whose(self, tenant_id: str, node_id: str | None) -> tuple[str, str]:
        """The node named, or the only one; and the household's fingerprint, where there is a vault."""
        async with self._database.tenant(tenant_id) as scope:
            if len(await ImageRepository(scope).all(now())) >= MOST:
                raise Conflict(f"There are {MOST} images already. Remove one first.", reason="images_many")
            nodes = [row.id for row in await NodeRepository(scope).all()]
            entries = await RosterRepository(scope).entries(limit=1)
        if node_id is not None and node_id not in nodes:
            raise NotFound("There is no such node.", reason="node_unknown")
        if node_id is None and len(nodes) != 1:
            if not nodes:
                raise NotFound("There is no node yet.", reason="node_unknown")
            raise Conflict("There are several nodes. Say which.", reason="node_ambiguous")
        return node_id or nodes[0], Roster.verify(entries).genesis_hash.hex() if entries else ""


def _check(wanted: ImageRequest) -> None:
    """What the machine would refuse costs no token."""
    try:
        seed.parse(_payload(wanted, str(Token.create("node.invalid:1", "0" * 64)), fingerprint="", expires=""))
    except seed.SeedError as error:
        raise ControlError(error.sentence, reason=error.reason) from error


def _payload(wanted: ImageRequest, token: str, *, fingerprint: str, expires: str) -> bytes:
    given: dict[str, Any] = wanted.model_dump(exclude={"image", "node_id", "fingerprint"})
    given |= {"token": token, "fingerprint": fingerprint, "expires": expires}
    return json.dumps({"version": 2} | {name: value for name, value in given.items() if value}).encode()


def _generic(item: Generic) -> GenericImage:
    return GenericImage(name=item.path.name, version=item.note.version, sha256=item.note.sha256, size=item.note.size)


def _seeded(row: Row) -> SeededImage:
    file_name = _file_name(row)
    return SeededImage(
        id=row.id,
        image=row.image,
        name=row.name,
        node_id=row.node_id,
        file_name=file_name,
        size=row.size,
        sha256=bytes(row.sha256).hex(),
        created_at=row.created_at,
        expires=row.expires_at,
        url=f"/api/v1/images/{row.id}/{file_name}",
    )


def _file_name(row: Row) -> str:
    return f"{row.image.removesuffix('.iso')}-{row.id[:8]}.iso"


def _unknown() -> NotFound:
    return NotFound("There is no such image.", reason="image_unknown")


def _other_household() -> Conflict:
    return Conflict(
        "This browser knows another household than this control plane: no image was made. Lock the vault and open it "
        "again; if that does not help, tell whoever runs the service.",
        reason="household_other",
    )


def _changed() -> Conflict:
    return Conflict("The image this seed was made for is no longer there. Make a new one.", reason="image_changed")
