"""What an operator asks the gateway of this node, at the operator's own door."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import grpc.aio

from guardian.common import config, rpc
from guardian.common.errors import GuardianError

T = TypeVar("T")


def ask(config_file: Path, question: Callable[[grpc.aio.Channel], Awaitable[T]]) -> T:
    """The answer; GuardianError `gateway_away`, or the gateway's own."""
    from guardian.node.config import NodeConfig

    path = config.load(NodeConfig, config_file).gateway_socket("operator")

    async def call() -> T:
        async with rpc.socket_channel(path) as channel:
            try:
                return await question(channel)
            except grpc.aio.AioRpcError as error:
                if rpc.reason_of(error):
                    raise rpc.explain(error, "gateway") from error
                raise GuardianError(
                    f"The gateway does not answer at {path}.",
                    reason="gateway_away",
                    hint="Be root; start guardian-gateway on this node, and enrol the node first.",
                ) from error

    return asyncio.run(call())
