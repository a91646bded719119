"""Tells apart, among failed calls, those to this node's own gateway."""

from collections.abc import Iterator
from contextlib import contextmanager

import grpc
import grpc.aio

from guardian.common import rpc
from guardian.common.errors import PeerError


@contextmanager
def asking_gateway() -> Iterator[None]:
    """Around calls to the gateway: when it is away, it is not the control plane's fault."""
    try:
        yield
    except grpc.aio.AioRpcError as error:
        if error.code() == grpc.StatusCode.UNAVAILABLE and not rpc.reason_of(error):
            raise PeerError(
                "The gateway of this node does not answer; it is tried again.", reason="peer_away"
            ) from error
        raise
