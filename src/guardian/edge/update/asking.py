"""What the node says: which update it offers this edge, and its bytes."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from importlib.metadata import version

import grpc
import grpc.aio

from guardian.common import bundle, rpc
from guardian.common.errors import PeerError
from guardian.contracts.edge.v1 import edge_pb2, edge_pb2_grpc
from guardian.edge import identity
from guardian.edge.config import EdgeConfig
from guardian.edge.update.errors import UpdateError

# A slot and its kernel, or a release for several Pythons, are less than half of it.
MAX_SIZE = 4 << 30
_ASK_SECONDS = 20.0
_CALL_SECONDS = 660.0
_PIECE_SECONDS = 60.0


@dataclass(frozen=True)
class Offer:
    """A bundle the node would hand over: nothing of it is believed before its signature."""

    version: str
    size: int
    sha256: bytes

    @property
    def name(self) -> str:
        """By which what was begun of it is found again."""
        return f"{self.version}-{self.sha256.hex()[:16]}"


class Node:
    """The node's UpdateService, as one edge."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = edge_pb2_grpc.UpdateServiceStub(channel)

    async def ask(self, channel: str) -> tuple[Offer | None, str]:
        """The offer, or none and the node's reason; UpdateError when it is one that no node should make."""
        request = edge_pb2.OfferUpdateRequest(software_version=running(), channel=channel, kind=kind())
        try:
            answer = await self._stub.OfferUpdate(request, timeout=_ASK_SECONDS)
        except grpc.aio.AioRpcError as error:
            raise explain(error) from error
        if not answer.HasField("offer"):
            return None, answer.reason
        offer = Offer(answer.offer.version, answer.offer.size, answer.offer.sha256)
        _judge(offer)
        return offer, ""

    async def read(self, offer: Offer, offset: int) -> AsyncGenerator[bytes, None]:
        """Pieces from `offset` on, as many as the node gives in one call; PeerError, also for one too many."""
        request = edge_pb2.ReadUpdateRequest(version=offer.version, sha256=offer.sha256, offset=offset)
        call = self._stub.ReadUpdate(request, timeout=_CALL_SECONDS)
        try:
            while True:
                answer = await asyncio.wait_for(call.read(), _PIECE_SECONDS)
                if not isinstance(answer, edge_pb2.ReadUpdateResponse):
                    # The end of the call.
                    return
                offset += len(answer.data)
                if not answer.data or offset > offer.size:
                    raise PeerError("The node sent what was not asked for.", reason="update_mismatch")
                yield answer.data
        except TimeoutError:
            raise PeerError("The node fell silent; it is tried again.", reason="peer_away") from None
        except grpc.aio.AioRpcError as error:
            raise explain(error) from error
        finally:
            call.cancel()


@contextlib.asynccontextmanager
async def node(settings: EdgeConfig) -> AsyncIterator[Node]:
    """The node, dialled as this edge; IdentityError when it is none yet."""
    who = identity.load_file(settings.state_dir)
    async with rpc.mutual_channel(who.gateway, identity.folder_of(settings.state_dir), bulk=True) as channel:
        yield Node(channel)


def kind() -> str:
    """Which bundles this machine takes."""
    return bundle.kind_of("edge")


def running() -> str:
    """The version this machine runs."""
    return version("guardian")


def explain(error: grpc.aio.AioRpcError) -> PeerError:
    """A failed call as a sentence."""
    if error.code() == grpc.StatusCode.UNIMPLEMENTED:
        return PeerError("The node's release does not hand on updates yet.", reason="peer_old")
    return rpc.explain(error, "node")


def _judge(offer: Offer) -> None:
    """What can be said before a byte of it is here."""
    try:
        newer = bundle.order(offer.version) > bundle.order(running())
    except bundle.BundleError:
        raise UpdateError("The node offers what is no version.", reason="update_mismatch") from None
    if not newer:
        raise UpdateError(
            f"The node offers version {offer.version}, which is not newer than {running()}: it is not taken.",
            reason="update_not_newer",
        )
    if not 0 < offer.size <= MAX_SIZE or len(offer.sha256) != 32:
        raise UpdateError(
            f"The node offers version {offer.version} in a size that no update has.", reason="update_mismatch"
        )
