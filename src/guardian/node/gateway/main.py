"""`guardian-gateway`: opens the store and its doors, for edges, strangers with a token, the node's own callers."""

import asyncio
import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc.aio

from guardian.common import rpc, sockets
from guardian.common.errors import ConfigError, StoreError
from guardian.common.files import private_folder
from guardian.common.lifecycle import Service, daemon
from guardian.contracts.edge.v1 import edge_pb2_grpc
from guardian.contracts.node.v1 import node_pb2_grpc
from guardian.node import identity
from guardian.node.config import DEFAULT_CONFIG, NodeConfig
from guardian.node.gateway.callers import Callers
from guardian.node.gateway.commands import Commands
from guardian.node.gateway.doors import MAY, Gate
from guardian.node.gateway.edge_service import EdgeService
from guardian.node.gateway.edges import Edge, Edges
from guardian.node.gateway.enrolment_service import EnrolmentService
from guardian.node.gateway.gateway_service import GatewayService
from guardian.node.gateway.intake import Intake
from guardian.node.gateway.links import Links
from guardian.node.gateway.pki import Pki
from guardian.node.gateway.renewal_service import RenewalService
from guardian.node.gateway.rosters import Rosters
from guardian.node.gateway.store import Store
from guardian.node.gateway.tunnels import Tunnels
from guardian.node.gateway.update_service import UpdateService
from guardian.node.updates.shelf import folder_of
from guardian.node.waiting import wait_for_identity

_REFRESH_SECONDS = 2.0
_STOP_SECONDS = 1.0


@dataclass
class Gateway:
    """A gateway that runs; `edge_address` and `enrol_address` are what edges and tokens are told."""

    store: Store
    edges: Edges
    rosters: Rosters
    intake: Intake
    commands: Commands
    links: Links
    tunnels: Tunnels
    servers: list[grpc.aio.Server]
    edge_address: str
    enrol_address: str

    async def stop(self) -> None:
        """Close the doors, then the store."""
        await asyncio.gather(*(server.stop(_STOP_SECONDS) for server in self.servers))
        await self.edges.close()
        self.store.close()


async def start(settings: NodeConfig, who: identity.Identity) -> Gateway:
    """Open store and doors; raises GuardianError with nothing left open."""
    folder = private_folder(settings.state_dir / "gateway", mode=0o750)
    section = settings.gateway
    pki = Pki(folder, _hosts(settings))
    store = Store(folder)
    servers: list[grpc.aio.Server] = []
    try:
        edges, commands, links = Edges(store), Commands(store), Links()
        rosters = Rosters(store, edges)
        tunnels = Tunnels(store, edges, settings)
        await edges.load()
        await tunnels.load()
        await rosters.load()
        if rosters.current:
            edges.let_go(rosters.current.state.revoked)
            # A full disk keeps nobody from being let go, nor the others from coming.
            with contextlib.suppress(StoreError):
                await edges.write_revocations()
        intake, callers = Intake(store, rosters), Callers(who.tenant, edges)
        edge_server = grpc.aio.server(options=rpc.SERVER_OPTIONS)
        edge_port = _open(edge_server, section.listen, pki.edge_credentials())
        servers.append(edge_server)
        enrol_server = grpc.aio.server(options=rpc.STRANGER_OPTIONS, maximum_concurrent_rpcs=rpc.STRANGER_CALLS)
        enrol_port = _open(enrol_server, section.enrol_listen, pki.enrol_credentials())
        servers.append(enrol_server)
        edge_address, enrol_address = _advertised(settings, edge_port, enrol_port)
        edge_pb2_grpc.add_EdgeServiceServicer_to_server(
            EdgeService(callers, edges, intake, rosters, commands, links), edge_server
        )
        handing = UpdateService(callers, folder_of(settings.state_dir), settings.updates)
        edge_pb2_grpc.add_UpdateServiceServicer_to_server(handing, edge_server)
        renewal = RenewalService(who.tenant, edges, pki)
        # Here for edges whose certificate is still good, on a port of its own for those that were away too long.
        edge_pb2_grpc.add_RenewalServiceServicer_to_server(renewal, edge_server)
        if section.renew_listen is not None:
            renewal_server = grpc.aio.server(options=rpc.STRANGER_OPTIONS, maximum_concurrent_rpcs=rpc.STRANGER_CALLS)
            edge_pb2_grpc.add_RenewalServiceServicer_to_server(renewal, renewal_server)
            _open(renewal_server, section.renew_listen, pki.renewal_credentials())
            servers.append(renewal_server)
        edge_pb2_grpc.add_EnrolmentServiceServicer_to_server(
            EnrolmentService(who.tenant, edges, pki, tunnels, edge_address), enrol_server
        )
        own = GatewayService(store, edges, rosters, commands, links, tunnels, pki.pin, enrol_address)
        for caller in MAY:
            own_server = grpc.aio.server(options=rpc.SERVER_OPTIONS, interceptors=[Gate(caller)])
            node_pb2_grpc.add_GatewayServiceServicer_to_server(own, own_server)
            _open_socket(own_server, settings.gateway_socket(caller))
            servers.append(own_server)
        for server in servers:
            await server.start()
        for caller in MAY:
            settings.gateway_socket(caller).chmod(sockets.MODE)
    except BaseException:
        for server in servers:
            await server.stop(0)
        store.close()
        raise
    return Gateway(store, edges, rosters, intake, commands, links, tunnels, servers, edge_address, enrol_address)


async def run(service: Service[NodeConfig]) -> None:
    """The daemon: waits for enrolment, serves, stops."""
    who = await wait_for_identity(service)
    if who is None:
        return
    gateway = await start(service.settings, who)
    try:
        _offer_metrics(service, gateway)
        service.ready()
        while not service.stopping.is_set():
            look(service, gateway)
            try:
                await asyncio.wait_for(service.stopping.wait(), _REFRESH_SECONDS)
            except TimeoutError:
                continue
    finally:
        await gateway.stop()


def look(service: Service[NodeConfig], gateway: Gateway) -> None:
    """Say how the parts are; pets the watchdog unless the disk hangs. StoreError when nothing is stored any more."""
    writer = gateway.store.writer
    if not writer.alive:
        raise StoreError("The thread that writes the node's store ended unexpectedly.", reason="thread_died")
    _report(service, gateway)
    if not writer.stuck:
        service.progressed()


def _report(service: Service[NodeConfig], gateway: Gateway) -> None:
    present = _present(gateway.edges)
    online = sum(gateway.edges.is_online(edge.id) for edge in present)
    health = service.health
    health.set("listener", "ok", f"Edges reach this node at {gateway.edge_address}.", address=gateway.edge_address,
               enrol_address=gateway.enrol_address)  # fmt: skip
    figures: dict[str, Any] = {"taken": gateway.intake.taken, "refused": gateway.intake.refused}
    fault, sentence = gateway.store.writer.fault, "The disk does not answer: nothing can be stored."
    if fault is not None:
        health.set("store", "failed", str(fault), reason=fault.reason, **figures)
    elif gateway.store.writer.stuck:
        health.set("store", "failed", sentence, reason="store_stuck", **figures)
    else:
        health.set("store", "ok", f"{gateway.intake.taken} events taken since start.", **figures)
    roster = gateway.rosters.current
    if roster is None:
        health.set("roster", "waiting", "The owner has not made a vault yet.", reason="no_vault")
    else:
        health.set("roster", "ok", f"The household's roster has {len(roster)} entries.", entries=len(roster))
    if gateway.tunnels.enabled:
        seen = gateway.tunnels.connected()
        health.set("tunnels", "ok", f"{seen} of {len(present)} edges are seen in the tunnel.", connected=seen)
    service.status(f"{online} of {len(present)} edges connected")


def _offer_metrics(service: Service[NodeConfig], gateway: Gateway) -> None:
    gauge, edges, intake = service.health.gauge, gateway.edges, gateway.intake
    gauge("gateway_events_taken", "Event revisions stored since start", lambda: intake.taken)
    gauge("gateway_events_refused", "Event revisions refused for good since start", lambda: intake.refused)
    gauge("gateway_edges", "Edges enrolled and not revoked", lambda: len(_present(edges)))
    gauge(
        "gateway_edges_online",
        "Edges with an open call",
        lambda: sum(edges.is_online(edge.id) for edge in _present(edges)),
    )


def _present(edges: Edges) -> list[Edge]:
    return [edge for edge in edges.all() if edge.revoked_at is None]


def _hosts(settings: NodeConfig) -> list[str]:
    section = settings.gateway
    advertised = [section.advertise, *([section.enrol_advertise] if section.enrol_advertise else [])]
    names = [rpc.split_address(address)[0] for address in advertised]
    return list(dict.fromkeys([*names, *section.hosts, "localhost", "127.0.0.1"]))


def _advertised(settings: NodeConfig, edge_port: int, enrol_port: int) -> tuple[str, str]:
    section = settings.gateway
    host, port = rpc.split_address(section.advertise)
    enrol_host, wanted = rpc.split_address(section.enrol_advertise) if section.enrol_advertise else (host, 0)
    return _join(host, port or edge_port), _join(enrol_host, wanted or enrol_port)


def _join(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _open(server: grpc.aio.Server, address: str, credentials: grpc.ServerCredentials) -> int:
    host, port = rpc.split_address(address)
    try:
        return server.add_secure_port(_join(host, port), credentials)
    except RuntimeError as error:
        raise ConfigError(
            f"The gateway cannot listen on {address}.",
            reason="listen_failed",
            hint="Another program may use the port, or the address is not this machine's.",
        ) from error


def _open_socket(server: grpc.aio.Server, path: Path) -> None:
    if len(os.fsencode(path)) > 100:
        raise ConfigError(
            f"The path {path} is too long for a socket.", reason="config_invalid", hint="Shorten run_dir."
        )
    sockets.make_way(path)
    try:
        server.add_insecure_port(f"unix:{path}")
    except RuntimeError as error:
        raise StoreError(f"The socket {path} cannot be made.", reason="socket_failed") from error


def main() -> None:
    """Console script."""
    daemon(
        "gateway",
        NodeConfig,
        run,
        description="The node's door for edges, and its store.",
        default_config=DEFAULT_CONFIG,
        fixed=("gateway", "hub", "updates"),
    )
