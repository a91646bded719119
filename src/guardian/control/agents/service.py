"""AgentService: what an enrolled node may call. Tenant and node come from its certificate alone."""

import asyncio
from collections.abc import AsyncIterator, Callable

from guardian.common import log, tls
from guardian.contracts.control.v1 import control_pb2 as pb
from guardian.contracts.control.v1 import control_pb2_grpc
from guardian.contracts.vault.v1 import vault_pb2
from guardian.control.agents.caller import AnyContext, Caller, identify, refusals
from guardian.control.agents.pki import Pki
from guardian.control.agents.report import ReportService
from guardian.control.commands.service import CommandService
from guardian.control.database.engine import Database
from guardian.control.database.listen import Listener
from guardian.control.errors import ControlError
from guardian.control.events.ingest import IngestService
from guardian.control.nodes.service import NodeService
from guardian.control.orders.service import OrderService
from guardian.control.vault.service import VaultService

BATCH = 500
# How often an open stream makes sure that its node was not revoked, and that no notification was missed.
LOOK_AGAIN = 20.0
_log = log.get(__name__)


class AgentService(control_pb2_grpc.AgentServiceServicer):
    """Thin: services do the work."""

    def __init__(
        self,
        database: Database,
        listener: Listener,
        ticket_keys: list[bytes],
        pki: Pki,
        on_report: Callable[[Caller, pb.ReportHealthRequest], None] = lambda *_: None,
    ) -> None:
        self._nodes = NodeService(database)
        self._ingest = IngestService(database)
        self._reports = ReportService(database)
        self._vault = VaultService(database)
        self._commands = CommandService(database)
        self._listener = listener
        self._ticket_keys = ticket_keys
        self._pki = pki
        self._orders = OrderService(database)
        self._on_report = on_report

    async def ResumeSummaries(  # noqa: N802
        self, request: pb.ResumeSummariesRequest, context: AnyContext
    ) -> pb.ResumeSummariesResponse:
        """How far the node got, as it is known here."""
        async with refusals(context):
            caller = await identify(context, self._nodes)
            return pb.ResumeSummariesResponse(
                acknowledged=await self._ingest.acknowledged(caller.tenant_id, caller.node_id)
            )

    async def SendSummaries(  # noqa: N802 (gRPC's name)
        self, request_iterator: AsyncIterator[pb.SendSummariesRequest], context: AnyContext
    ) -> AsyncIterator[pb.SendSummariesResponse]:
        """Batches as large as have come in meanwhile; each is committed before it is acknowledged."""
        async with refusals(context):
            caller = await identify(context, self._nodes)
            # Tells the node that the call stands, before there is anything to say.
            await context.send_initial_metadata(())
            waiting: asyncio.Queue[pb.SendSummariesRequest | None] = asyncio.Queue(2 * BATCH)
            reading = asyncio.create_task(_read(request_iterator, waiting))
            try:
                while (batch := await _take(waiting)) is not None:
                    await self._nodes.check(caller.tenant_id, caller.node_id)
                    yield await self._store(caller, batch)
            finally:
                reading.cancel()

    async def ReportHealth(self, request: pb.ReportHealthRequest, context: AnyContext) -> pb.ReportHealthResponse:  # noqa: N802
        """Keep the news; say which keys sign tickets."""
        async with refusals(context):
            caller = await identify(context, self._nodes)
            await self._reports.store(caller.tenant_id, caller.node_id, request)
            self._on_report(caller, request)
        return pb.ReportHealthResponse(ticket_keys=self._ticket_keys)

    async def SyncRoster(  # noqa: N802
        self, request: pb.SyncRosterRequest, context: AnyContext
    ) -> AsyncIterator[pb.SyncRosterResponse]:
        """What follows, then what comes."""
        async with refusals(context):
            caller = await identify(context, self._nodes)
            await context.send_initial_metadata(())
            have = request.have_entries
            with self._listener.subscribe(caller.tenant_id) as news:
                while True:
                    while entries := await self._vault.entries(caller.tenant_id, have):
                        links = [
                            vault_pb2.RosterEntry(payload=entry.payload, signature=entry.signature) for entry in entries
                        ]
                        yield pb.SyncRosterResponse(first=have, entries=links)
                        have += len(entries)
                    await news.wait(LOOK_AGAIN)
                    await self._nodes.check(caller.tenant_id, caller.node_id)

    async def ReceiveCommands(  # noqa: N802
        self, request: pb.ReceiveCommandsRequest, context: AnyContext
    ) -> AsyncIterator[pb.ReceiveCommandsResponse]:
        """Unanswered ones, then new ones; each once a stream."""
        async with refusals(context):
            caller = await identify(context, self._nodes)
            await context.send_initial_metadata(())
            sent: set[str] = set()
            with self._listener.subscribe(caller.tenant_id) as news:
                while True:
                    rows = await self._commands.waiting(caller.tenant_id, caller.node_id)
                    for row in rows:
                        if row.id not in sent:
                            command = vault_pb2.SignedCommand(
                                id=row.id, edge_id=row.edge_id, payload=row.payload, signature=row.signature
                            )
                            yield pb.ReceiveCommandsResponse(command=command)
                    sent = {row.id for row in rows}
                    await news.wait(LOOK_AGAIN)
                    await self._nodes.check(caller.tenant_id, caller.node_id)

    async def ReportCommand(self, request: pb.ReportCommandRequest, context: AnyContext) -> pb.ReportCommandResponse:  # noqa: N802
        """The first answer counts; a repeat is harmless."""
        async with refusals(context):
            caller = await identify(context, self._nodes)
            result = request.result
            await self._commands.answer(
                caller.tenant_id,
                caller.node_id,
                result.command_id,
                accepted=result.accepted,
                reason=result.reason,
                sentence=result.sentence,
            )
        return pb.ReportCommandResponse()

    async def RenewCertificate(  # noqa: N802
        self, request: pb.RenewCertificateRequest, context: AnyContext
    ) -> pb.RenewCertificateResponse:
        """For the node that calls, by its certificate, and for no other."""
        async with refusals(context):
            caller = await identify(context, self._nodes)
            try:
                public = tls.csr_public_key(request.csr_der)
            except ValueError as error:
                raise ControlError("The signing request cannot be used.", reason="csr_refused") from error
            certificate = self._pki.issue_node(public, caller.tenant_id, caller.node_id)
            _log.info("certificate_issued", tenant=caller.tenant_id, node=caller.node_id)
        return pb.RenewCertificateResponse(
            certificate_der=tls.cert_der(certificate), ca_der=[tls.cert_der(self._pki.authority.certificate)]
        )

    async def ReceiveOrders(  # noqa: N802
        self, request: pb.ReceiveOrdersRequest, context: AnyContext
    ) -> AsyncIterator[pb.ReceiveOrdersResponse]:
        """Unanswered ones, then new ones; each once a stream."""
        async with refusals(context):
            caller = await identify(context, self._nodes)
            await context.send_initial_metadata(())
            sent: set[str] = set()
            with self._listener.subscribe(caller.tenant_id) as news:
                while True:
                    orders = await self._orders.waiting(caller.tenant_id, caller.node_id)
                    for order in orders:
                        if order.id not in sent:
                            yield pb.ReceiveOrdersResponse(order=order)
                    sent = {order.id for order in orders}
                    await news.wait(LOOK_AGAIN)
                    await self._nodes.check(caller.tenant_id, caller.node_id)

    async def ReportOrder(self, request: pb.ReportOrderRequest, context: AnyContext) -> pb.ReportOrderResponse:  # noqa: N802
        """The first answer counts; a repeat is harmless."""
        async with refusals(context):
            caller = await identify(context, self._nodes)
            await self._orders.answer(caller.tenant_id, caller.node_id, request.result)
        return pb.ReportOrderResponse()

    async def _store(self, caller: Caller, batch: list[pb.SendSummariesRequest]) -> pb.SendSummariesResponse:
        last = max(item.position for item in batch)
        refused = await self._ingest.store(caller.tenant_id, caller.node_id, [item.summary for item in batch], last)
        return pb.SendSummariesResponse(
            acknowledged=last,
            refused=[
                pb.RefusedSummary(position=batch[index].position, reason=why.reason, sentence=why.sentence)
                for index, why in sorted(refused.items())
            ],
        )


async def _read(
    requests: AsyncIterator[pb.SendSummariesRequest], into: "asyncio.Queue[pb.SendSummariesRequest | None]"
) -> None:
    try:
        async for request in requests:
            await into.put(request)
    finally:
        await into.put(None)


async def _take(
    waiting: "asyncio.Queue[pb.SendSummariesRequest | None]",
) -> list[pb.SendSummariesRequest] | None:
    """What has come in; None at the end of the stream."""
    first = await waiting.get()
    if first is None:
        return None
    batch = [first]
    while len(batch) < BATCH and not waiting.empty():
        item = waiting.get_nowait()
        if item is None:
            # The end is for the next call.
            waiting.put_nowait(None)
            break
        batch.append(item)
    return batch
