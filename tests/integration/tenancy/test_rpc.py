"""Every RPC of the contracts, tried with another tenant's certificates, tokens and ids.

The list of methods is that of the contracts' descriptors; a service without a door or a method without a rule fails.
"""

import stat
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest_asyncio
from cryptography import x509
from tests.integration.tenancy import calls
from tests.integration.tenancy.belongings import CAMERA, Belongings
from tests.integration.tenancy.calls import Method, call, channel_to
from tests.integration.tenancy.conftest import Neighbours
from tests.integration.tenancy.street import House
from tests.integration.tenancy.test_rest import view

from guardian.common import rpc, tls
from guardian.common.clock import now
from guardian.common.tokens import Token
from guardian.contracts.control.v1 import control_pb2
from guardian.contracts.edge.v1 import edge_pb2
from guardian.contracts.vault.v1 import vault_pb2
from guardian.edge.identity import Identity
from guardian.vault.identity import Keys
from guardian.vault.messages import sign_enrolment, sign_renewal

DOORS = {
    "agents": calls.AGENT,
    "node enrolment": calls.NODE_ENROLMENT,
    "gateway": calls.EDGE,
    "edge enrolment": calls.EDGE_ENROLMENT,
    "socket": calls.GATEWAY,
}
# Further services at the same door.
BESIDE = {"gateway": (calls.EDGE_RENEWAL, calls.EDGE_UPDATE)}
UNAVAILABLE, UNIMPLEMENTED = grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNIMPLEMENTED
REFUSED = {
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.UNAUTHENTICATED,
}
# An open stream that has nothing of the caller's to say, or a call that changed only the caller's own rows.
HARMLESS = {grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.OK}


@dataclass
class Strangers:
    """A second edge of fen's, and the node of a third house: enrolled, with no daemon to disturb."""

    shed: Identity
    heath: House


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def strangers(neighbours: Neighbours, tmp_path_factory: Any) -> Strangers:
    street = neighbours.fen.house.street
    heath = House(street, "heath", street.folder / "heath")
    await heath.found_node()
    shed = await neighbours.fen.house.second_edge("Shed", tmp_path_factory.mktemp("shed"))
    return Strangers(shed, heath)


def pair(folder: Path) -> tuple[bytes, bytes]:
    """Key and certificate of an identity."""
    return (folder / "tls.key").read_bytes(), (folder / "tls.pem").read_bytes()


def mutual(house: House, door: str) -> tuple[str, bytes]:
    """Address and issuer of one of the two doors that ask for a certificate."""
    if door == "gateway":
        return f"127.0.0.1:{house.ports['gateway']}", (house.edge_state / "identity" / "ca.pem").read_bytes()
    ports = house.street.ports
    return f"127.0.0.1:{ports['agents']}", (house.node_state / "identity" / "ca.pem").read_bytes()


@pytest_asyncio.fixture(loop_scope="session")
async def open_doors(neighbours: Neighbours, strangers: Strangers) -> AsyncIterator[dict[str, grpc.aio.Channel]]:
    """Each door with the best credentials its own guests have."""
    house = neighbours.moor.house
    async with (
        channel_to(*mutual(house, "agents"), *pair(strangers.heath.node_state / "identity")) as agents,
        calls.enrolment(house.node_token) as node_enrolment,
        channel_to(*mutual(house, "gateway"), *pair(house.edge_state / "identity")) as gateway,
        calls.enrolment(house.edge_token) as edge_enrolment,
        rpc.socket_channel(house.node_run / "doors" / "relay" / "api.sock") as socket,
    ):
        yield dict(zip(DOORS, (agents, node_enrolment, gateway, edge_enrolment, socket), strict=True))


async def test_a_service_is_had_at_its_own_door_and_at_no_other(open_doors: dict[str, grpc.aio.Channel]):
    assert {method.service for method in calls.methods()} == set(DOORS.values()).union(*BESIDE.values())
    for method in calls.methods():
        for door, channel in open_doors.items():
            if method.service not in (DOORS[door], *BESIDE.get(door, ())):
                assert (await call(channel, method)).code == UNIMPLEMENTED, (door, method)


def test_the_gateways_own_doors_are_sockets_each_for_its_own_caller(neighbours: Neighbours):
    doors = neighbours.moor.house.node_run / "doors"
    assert {door.name for door in doors.iterdir()} == {"operator", "relay", "agent", "hub"}
    for door in doors.iterdir():
        assert (door / "api.sock").is_socket()
        assert stat.S_IMODE(door.stat().st_mode) & 0o007 == 0


def impostors(neighbours: Neighbours, strangers: Strangers, door: str) -> dict[str, tuple[bytes, bytes]]:
    """Certificates that are good elsewhere, and one that says just what a good one would say."""
    fen, moor = neighbours.fen.house, neighbours.moor.house
    key, authority = tls.new_key(), tls.Authority.create("guardian node")
    name = f"edge/{moor.edge}" if door == "gateway" else f"node/{moor.node}"
    copied = authority.issue_client(key.public_key(), f"guardian://{moor.tenant}/{name}")
    found = {
        "edge of fen": pair(fen.edge_state / "identity"),
        "home-made": (tls.key_pem(key), tls.cert_pem(copied)),
    }
    if door == "gateway":
        found["node of fen"] = pair(fen.node_state / "identity")
        found["its own node's"] = pair(moor.node_state / "identity")
        found["node of heath"] = pair(strangers.heath.node_state / "identity")
    else:
        found["edge of moor"] = pair(moor.edge_state / "identity")
    return found


async def test_tls_refuses_every_certificate_of_another_issuer_and_none_at_all(
    neighbours: Neighbours, strangers: Strangers
):
    for door in ("gateway", "agents"):
        address, ca = mutual(neighbours.moor.house, door)
        for who, (key, certificate) in {**impostors(neighbours, strangers, door), "nobody": (None, None)}.items():
            async with channel_to(address, ca, key, certificate) as channel:
                for method in [item for name in (DOORS[door], *BESIDE.get(door, ())) for item in calls.of(name)]:
                    said = await call(channel, method, patience=20)
                    assert (said.code, said.messages) == (UNAVAILABLE, []), (door, who, method, said)


async def test_the_same_calls_are_answered_to_whom_they_are_for(neighbours: Neighbours):
    moor = neighbours.moor
    for door, folder in (("gateway", moor.house.edge_state), ("agents", moor.house.node_state)):
        async with channel_to(*mutual(moor.house, door), *pair(folder / "identity")) as channel:
            (method,) = (item for item in calls.of(DOORS[door]) if item.name == "SyncRoster")
            said = await call(channel, method)
            assert moor.house.owner.chain.entries[0].signature in said.data


def edge_health(things: Belongings) -> control_pb2.EdgeHealth:
    """Another house's edge as a lying node would report it."""
    keys = Keys.generate()
    health = control_pb2.EdgeHealth(
        id=things.house.edge, name="Taken", sign_public=keys.sign_public, receive_public=keys.receive_public
    )
    health.cameras.add(id=CAMERA, name="Taken", state=control_pb2.HEALTH_STATE_FAILED)
    return health


def summary(things: Belongings) -> control_pb2.EventSummary:
    """A later revision of another house's event, naming its recordings."""
    made = control_pb2.EventSummary(
        id=things.events[0], revision=999, edge_id=things.house.edge, camera_id=CAMERA, label="taken"
    )
    made.start.FromDatetime(now())
    for name in things.objects:
        made.objects.add(id=name, kind=control_pb2.MEDIA_KIND_CLIP).start.FromDatetime(now())
    return made


def result(things: Belongings) -> vault_pb2.CommandResult:
    """An answer to another house's command."""
    return vault_pb2.CommandResult(command_id=things.command["id"], accepted=False, reason="taken", sentence="Taken.")


# Requests that name what is another house's, by method.
TO_AGENTS: dict[str, Callable[[Belongings], Any]] = {
    "ResumeSummaries": lambda moor: control_pb2.ResumeSummariesRequest(),
    "SendSummaries": lambda moor: control_pb2.SendSummariesRequest(position=1, summary=summary(moor)),
    "ReportHealth": lambda moor: control_pb2.ReportHealthRequest(
        relay_url=moor.house.relay_url, edges=[edge_health(moor)]
    ),
    "SyncRoster": lambda moor: control_pb2.SyncRosterRequest(have_entries=0),
    "ReceiveCommands": lambda moor: control_pb2.ReceiveCommandsRequest(),
    "ReportCommand": lambda moor: control_pb2.ReportCommandRequest(result=result(moor)),
    # A certificate is made for the node that calls: there is no field in which another could be named.
    "RenewCertificate": lambda moor: control_pb2.RenewCertificateRequest(csr_der=tls.new_csr(tls.new_key())),
    "ReceiveOrders": lambda moor: control_pb2.ReceiveOrdersRequest(),
    "ReportOrder": lambda moor: control_pb2.ReportOrderRequest(
        result=control_pb2.OrderResult(order_id=moor.order, sealed_token=b"taken", edge_name="Taken")
    ),
}


async def test_a_node_that_names_anothers_ids_reads_and_changes_nothing_of_theirs(
    neighbours: Neighbours, strangers: Strangers
):
    moor, heath = neighbours.moor, strangers.heath
    before = await view(moor)
    async with channel_to(*mutual(moor.house, "agents"), *pair(heath.node_state / "identity")) as channel:
        for method in calls.of(calls.AGENT):
            said = await call(channel, method, TO_AGENTS[method.name](moor))
            assert said.code in REFUSED | HARMLESS, (method, said)
            assert not moor.found_in(said.data), method
            if method.name == "ReportCommand":
                assert (said.code, said.reason) == (grpc.StatusCode.NOT_FOUND, "command_unknown")
            if method.name == "ReportOrder":
                assert (said.code, said.reason) == (grpc.StatusCode.NOT_FOUND, "order_unknown")
            if method.name == "RenewCertificate":
                (issued,) = [control_pb2.RenewCertificateResponse.FromString(item) for item in said.messages]
                assert issued_to(issued.certificate_der) == f"guardian://{heath.tenant}/node/{heath.node}"
    assert await view(moor) == before


def issued_to(der: bytes) -> str:
    """The one name in a certificate."""
    names = x509.load_der_x509_certificate(der).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    (uri,) = names.get_values_for_type(x509.UniformResourceIdentifier)
    return uri


def stolen_event(moor: Belongings) -> edge_pb2.SignedEvent:
    """An event of another house, as its relay gave it to its owner."""
    from guardian.edge.events.store import EventStore

    store = EventStore(moor.house.edge_state / "analyzer" / "events.db")
    try:
        rows = {event_id: (data, signature) for _, event_id, _, data, signature in store.outbox_rows()}
    finally:
        store.close()
    data, signature = rows[moor.events[0]]
    return edge_pb2.SignedEvent(event=data, signature=signature)


TO_GATEWAY: dict[str, Callable[[Belongings], Any]] = {
    "ResumeEvents": lambda moor: edge_pb2.ResumeEventsRequest(),
    "SendEvents": lambda moor: edge_pb2.SendEventsRequest(position=1, event=stolen_event(moor)),
    "SendTelemetry": lambda moor: edge_pb2.SendTelemetryRequest(),
    "SyncRoster": lambda moor: edge_pb2.SyncRosterRequest(have_entries=0),
    "ReceiveCommands": lambda moor: edge_pb2.ReceiveCommandsRequest(),
    "ReportCommand": lambda moor: edge_pb2.ReportCommandRequest(result=result(moor)),
    "ServeObjects": lambda moor: edge_pb2.ServeObjectsRequest(),
    "OfferUpdate": lambda moor: edge_pb2.OfferUpdateRequest(
        software_version="0.1.0", channel="stable", kind=moor.offered.kind
    ),
    "ReadUpdate": lambda moor: edge_pb2.ReadUpdateRequest(
        version=moor.offered.version, sha256=bytes.fromhex(moor.offered.sha256)
    ),
}


async def test_an_edge_that_names_anothers_ids_is_served_nothing_of_theirs(
    neighbours: Neighbours, strangers: Strangers
):
    fen, moor = neighbours.fen, neighbours.moor
    before = await view(moor)
    async with channel_to(*mutual(fen.house, "gateway"), *pair(strangers.shed.folder)) as channel:
        for method in [*calls.of(calls.EDGE), *calls.of(calls.EDGE_UPDATE)]:
            said = await call(channel, method, TO_GATEWAY[method.name](moor))
            assert said.code in REFUSED | HARMLESS, (method, said)
            assert not moor.found_in(said.data), method
            if method.name == "SendEvents":
                (answer,) = [edge_pb2.SendEventsResponse.FromString(item) for item in said.messages]
                assert [item.reason for item in answer.refused] == ["event_signature"]
            if method.name == "ReportCommand":
                assert (said.code, said.reason) == (grpc.StatusCode.NOT_FOUND, "command_unknown")
            if method.name == "OfferUpdate":
                (offered,) = [edge_pb2.OfferUpdateResponse.FromString(item) for item in said.messages]
                assert offered.offer.sha256.hex() == fen.offered.sha256
            if method.name == "ReadUpdate":
                assert (said.code, said.reason) == (grpc.StatusCode.NOT_FOUND, "update_gone")
    async with rpc.socket_channel(fen.house.node_run / "doors" / "relay" / "api.sock") as socket:
        (method,) = (item for item in calls.of(calls.GATEWAY) if item.name == "GetEvent")
        request = b"\x0a" + bytes([len(moor.events[0])]) + moor.events[0].encode()
        assert (await call(socket, method, request)).reason == "event_unknown"
    assert await view(moor) == before


async def test_an_edge_gets_no_certificate_in_anothers_name(neighbours: Neighbours, strangers: Strangers):
    """Neither its neighbour's at the same node, by its own signature, nor any of another house's."""
    fen, moor, shed = neighbours.fen, neighbours.moor, strangers.shed
    async with channel_to(*mutual(fen.house, "gateway"), *pair(shed.folder)) as channel:
        begin, renew = sorted(calls.of(calls.EDGE_RENEWAL), key=lambda method: method.name)
        assert (begin.name, renew.name) == ("BeginRenewal", "Renew")
        for edge in (fen.house.edge, moor.house.edge):
            said = await call(channel, begin, edge_pb2.BeginRenewalRequest(edge_id=edge))
            (begun,) = [edge_pb2.BeginRenewalResponse.FromString(item) for item in said.messages]
            csr = tls.new_csr(tls.new_key())
            asked = edge_pb2.RenewRequest(
                edge_id=edge,
                challenge=begun.challenge,
                csr_der=csr,
                signature=sign_renewal(shed.keys, begun.challenge, edge, csr),
            )
            said = await call(channel, renew, asked)
            assert (said.code, said.reason) == (grpc.StatusCode.PERMISSION_DENIED, "renewal_refused")
            assert said.messages == []


def edge_request(secret: str) -> edge_pb2.EnrolRequest:
    """A well-made stranger with this secret."""
    keys, csr = Keys.generate(), tls.new_csr(tls.new_key())
    return edge_pb2.EnrolRequest(
        token_secret=secret,
        csr_der=csr,
        sign_public=keys.sign_public,
        receive_public=keys.receive_public,
        proof=sign_enrolment(keys, secret, csr),
        name="Taken",
    )


def node_request(secret: str) -> control_pb2.EnrolRequest:
    """The same for a node."""
    return control_pb2.EnrolRequest(token_secret=secret, csr_der=tls.new_csr(tls.new_key()))


TO_ENROLMENT: dict[str, Callable[[str], Any]] = {
    f"{calls.NODE_ENROLMENT}/Enrol": node_request,
    f"{calls.EDGE_ENROLMENT}/Enrol": edge_request,
}


async def test_a_token_is_spent_once_and_at_the_door_it_was_made_for(
    neighbours: Neighbours, open_doors: dict[str, grpc.aio.Channel]
):
    fen, moor = neighbours.fen.house, neighbours.moor.house
    fresh = Token.parse(await fen.new_edge_token("Attic")).secret
    spent = {"node enrolment": moor.node_token, "edge enrolment": moor.edge_token}
    denied = grpc.StatusCode.PERMISSION_DENIED
    for door, used in spent.items():
        other = next(token for name, token in spent.items() if name != door)
        for method in calls.of(DOORS[door]):
            asked = TO_ENROLMENT[f"{method.service}/{method.name}"]
            tried = {"token_spent": [used], "token_unknown": [other, fen.edge_token, f"{'A' * 43}"]}
            for reason, tokens in tried.items():
                for text in tokens:
                    secret = Token.parse(text).secret if text.startswith("gdn1.") else text
                    said = await call(open_doors[door], method, asked(secret), patience=20)
                    assert (said.code, said.reason, said.messages) == (denied, reason, []), (door, reason)
            said = await call(open_doors[door], method, asked(fresh), patience=20)
            assert (said.code, said.reason) == (denied, "token_unknown")
    # Tried elsewhere it was not used up: its own node takes it.
    async with calls.enrolment(fen.edge_token) as channel:
        (method,) = calls.of(calls.EDGE_ENROLMENT)
        said = await call(channel, method, edge_request(fresh), patience=20)
        assert said.code == grpc.StatusCode.OK
        assert edge_pb2.EnrolResponse.FromString(said.messages[0]).tenant_id == fen.tenant


def test_every_method_with_foreign_ids_has_a_rule():
    def names(service: str) -> set[str]:
        return {method.name for method in calls.of(service)}

    assert names(calls.AGENT) == set(TO_AGENTS)
    assert names(calls.EDGE) | names(calls.EDGE_UPDATE) == set(TO_GATEWAY)
    enrolments: list[Method] = [*calls.of(calls.NODE_ENROLMENT), *calls.of(calls.EDGE_ENROLMENT)]
    assert {f"{method.service}/{method.name}" for method in enrolments} == set(TO_ENROLMENT)
