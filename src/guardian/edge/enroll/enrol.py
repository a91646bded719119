"""The steps of `guardian edge enroll`. Killed at any of them, the next run with the same token goes on from there."""

import asyncio
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

import grpc.aio
from cryptography import x509
from pydantic import ValidationError

from guardian.common import kept, rpc, tls
from guardian.common.errors import PeerError
from guardian.common.files import private_folder
from guardian.common.handover.table import RECEIVE, SIGN, TLS, WIREGUARD
from guardian.common.tokens import Token
from guardian.common.wireguard import keys as wireguard
from guardian.common.wireguard.neighbours import refuse_overlap
from guardian.contracts.edge.v1 import edge_pb2, edge_pb2_grpc
from guardian.edge import identity
from guardian.edge.config import TunnelConfig
from guardian.edge.tunnel.settings import TunnelFile, check
from guardian.vault.identity import Keys
from guardian.vault.messages import sign_enrolment

_SECONDS = 15.0


def enrol(
    state_dir: Path,
    token_text: str,
    name: str,
    *,
    again: bool = False,
    tunnel: TunnelConfig | None = None,
    fingerprint: str = "",
) -> identity.Identity:
    """Spend the token and store what the node answers; GuardianError says what went wrong.

    Args:
        name: what people call this edge; the node may have another name from the token.
        again: give up an identity this edge has; what it sealed before stays the household's.
        tunnel: what this edge knows of the tunnel; the node may say nothing else.
        fingerprint: of the household, where a seed named it: no roster of another is ever taken.
    """
    return asyncio.run(enrol_async(state_dir, token_text, name, again=again, tunnel=tunnel, fingerprint=fingerprint))


async def enrol_async(
    state_dir: Path,
    token_text: str,
    name: str,
    *,
    again: bool = False,
    tunnel: TunnelConfig | None = None,
    fingerprint: str = "",
) -> identity.Identity:
    """`enrol` inside a running loop."""
    token = Token.parse(token_text)
    if (before := kept.resume(state_dir, token)) is not None:
        return _who(state_dir, _keys(before))
    if identity.is_enrolled(state_dir) and not again:
        raise identity.IdentityError(
            "This edge is enrolled already; its keys were left alone and the token was not spent.",
            reason="enrolled_already",
            hint="Use --again to give up its identity and become a new edge.",
        )
    private_folder(state_dir, mode=0o750)
    secrets = kept.secrets_for(state_dir, token, _fresh())
    keys, tls_key, wireguard_key = _keys(secrets), tls.load_key(secrets[TLS]), secrets[WIREGUARD]
    answer = await _ask(token, keys, tls.new_csr(tls_key), wireguard.public_of(wireguard_key), name)
    file, certificate, ca = _understand(answer, tls_key, name, fingerprint)
    inside = _tunnel(answer, tunnel or TunnelConfig())
    parts = identity.parts(
        state_dir,
        file,
        keys,
        tls_key=tls.key_pem(tls_key),
        tls_certificate=tls.cert_pem(certificate),
        ca=ca,
        wireguard_key=wireguard_key if inside else b"",
        tunnel=inside,
    )
    kept.settle(state_dir, token, parts)
    return _who(state_dir, keys)


def _fresh() -> dict[str, bytes]:
    sign, receive = Keys.generate().seeds()
    return {SIGN: sign, RECEIVE: receive, TLS: tls.key_pem(tls.new_key()), WIREGUARD: wireguard.new_private()}


def _keys(secrets: Mapping[str, bytes]) -> Keys:
    return Keys(secrets[SIGN], secrets[RECEIVE])


def _who(state_dir: Path, keys: Keys) -> identity.Identity:
    who = identity.load_file(state_dir)
    return identity.Identity(
        identity.folder_of(state_dir), who.tenant, who.edge, who.name, who.gateway, keys, who.fingerprint
    )


async def _ask(token: Token, keys: Keys, csr: bytes, tunnel_key: bytes, name: str) -> edge_pb2.EnrolResponse:
    request = edge_pb2.EnrolRequest(
        token_secret=token.secret,
        csr_der=csr,
        sign_public=keys.sign_public,
        receive_public=keys.receive_public,
        proof=sign_enrolment(keys, token.secret, csr),
        name=name,
        software_version=version("guardian"),
        wireguard_public=tunnel_key,
    )
    channel = await rpc.pinned_channel(token)
    async with channel:
        try:
            return await edge_pb2_grpc.EnrolmentServiceStub(channel).Enrol(request, timeout=_SECONDS)
        except grpc.aio.AioRpcError as error:
            raise rpc.explain(error, "node") from error


def _understand(
    answer: edge_pb2.EnrolResponse, tls_key: tls.PrivateKey, name: str, fingerprint: str
) -> tuple[identity.IdentityFile, x509.Certificate, bytes]:
    try:
        certificate = x509.load_der_x509_certificate(answer.certificate_der)
        ca = b"".join(tls.cert_pem(x509.load_der_x509_certificate(der)) for der in answer.ca_der)
        rpc.split_address(answer.gateway_address)
        file = identity.IdentityFile(
            tenant=answer.tenant_id,
            edge=answer.edge_id,
            name=name,
            gateway=answer.gateway_address,
            fingerprint=fingerprint,
        )
        if not ca or certificate.public_key() != tls_key.public_key():
            raise ValueError("certificate")
    except (ValueError, ValidationError) as error:
        raise _not_understood() from error
    return file, certificate, ca


def _tunnel(answer: edge_pb2.EnrolResponse, settings: TunnelConfig) -> bytes:
    """`tunnel.json`; empty where the node has no hub."""
    if not answer.HasField("tunnel"):
        return b""
    told = answer.tunnel
    try:
        file = TunnelFile(
            hub_public=told.hub_public.hex(),
            endpoint=told.endpoint,
            address=told.edge_address,
            hub_address=told.hub_address,
            mtu=told.mtu,
            renewal=told.renewal_address,
        )
        # What the edge dials from now on is inside, or all of this would be for show.
        dialled = (answer.gateway_address, file.renewal)
        if {rpc.split_address(address)[0] for address in dialled} != {file.hub_address}:
            raise ValueError("gateway")
    except (ValueError, ValidationError) as error:
        raise _not_understood() from error
    check(file, settings.network)
    refuse_overlap(settings.network, settings.interface)
    return file.model_dump_json().encode()


def _not_understood() -> PeerError:
    return PeerError(
        "The node's answer is not one this edge understands; its identity was left alone.",
        reason="enrol_answer",
        hint="Bring both to the same release and enrol again, with the same token while it is valid.",
    )
