"""gRPC as its descriptors list it: every method of every service, and the doors at which they are served."""

import importlib
import pkgutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
import grpc.aio

import guardian.contracts
from guardian.common import rpc
from guardian.common.tokens import Token

AGENT = "guardian.control.v1.AgentService"
NODE_ENROLMENT = "guardian.control.v1.NodeEnrolmentService"
EDGE = "guardian.edge.v1.EdgeService"
EDGE_RENEWAL = "guardian.edge.v1.RenewalService"
EDGE_UPDATE = "guardian.edge.v1.UpdateService"
EDGE_ENROLMENT = "guardian.edge.v1.EnrolmentService"
GATEWAY = "guardian.node.v1.GatewayService"
# A stream that stays open is listened to for so long once it has nothing to say.
PATIENCE = 2.0


@dataclass(frozen=True)
class Method:
    """One call of the contracts."""

    service: str
    name: str
    descriptor: Any

    @property
    def address(self) -> str:
        return f"/{self.service}/{self.name}"


@dataclass(frozen=True)
class Said:
    """What came back: messages, and how the call ended."""

    messages: list[bytes]
    code: grpc.StatusCode
    reason: str
    details: str

    @property
    def data(self) -> bytes:
        """All of it."""
        return b"".join(self.messages) + self.details.encode()


def methods() -> list[Method]:
    """Every method of every service in the contracts, found by walking their package."""
    found = []
    for module in pkgutil.walk_packages(guardian.contracts.__path__, "guardian.contracts."):
        if not module.name.endswith("_pb2"):
            continue
        for service in importlib.import_module(module.name).DESCRIPTOR.services_by_name.values():
            found += [Method(service.full_name, item.name, item) for item in service.methods]
    return found


def of(service: str) -> list[Method]:
    """The methods of one service."""
    return [method for method in methods() if method.service == service]


async def call(channel: grpc.aio.Channel, method: Method, request: Any = b"", *, patience: float = PATIENCE) -> Said:
    """Send one message and take what comes, whatever kind of stream the method is."""
    # Sent as one message and an end, so that a quick refusal cannot meet a request still being written.
    ask: Any = channel.unary_stream(method.address)
    asked = ask(_raw(request), timeout=patience)
    messages: list[bytes] = []
    try:
        async for message in asked:
            messages.append(message)  # noqa: PERF401 (what came before a failure counts)
    except grpc.aio.AioRpcError as error:
        return Said(messages, error.code(), rpc.reason_of(error), error.details() or "")
    return Said(messages, grpc.StatusCode.OK, "", "")


def channel_to(address: str, ca: bytes, key: bytes | None = None, certificate: bytes | None = None) -> grpc.aio.Channel:
    """A TLS channel that trusts `ca`, with or without a certificate of one's own."""
    credentials = grpc.ssl_channel_credentials(ca, key, certificate)
    return grpc.aio.secure_channel(address, credentials, options=rpc.CLIENT_OPTIONS)


@asynccontextmanager
async def enrolment(token: str) -> AsyncIterator[grpc.aio.Channel]:
    """The enrolment port a token names."""
    async with await rpc.pinned_channel(Token.parse(token)) as channel:
        yield channel


def _raw(request: Any) -> bytes:
    return request if isinstance(request, bytes) else bytes(request.SerializeToString())
