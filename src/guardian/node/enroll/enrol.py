"""The steps of `guardian node enroll`. Killed at any of them, the next run with the same token goes on."""

import asyncio
from importlib.metadata import version
from pathlib import Path

import grpc.aio
from cryptography import x509
from pydantic import ValidationError

from guardian.common import kept, rpc, tls
from guardian.common.errors import PeerError
from guardian.common.files import private_folder
from guardian.common.tokens import Token
from guardian.contracts.control.v1 import control_pb2, control_pb2_grpc
from guardian.node import identity

_SECONDS = 15.0


def enrol(state_dir: Path, token_text: str, *, again: bool = False) -> identity.Identity:
    """Spend the token and store what the control plane answers; GuardianError says what went wrong."""
    return asyncio.run(enrol_async(state_dir, token_text, again=again))


async def enrol_async(state_dir: Path, token_text: str, *, again: bool = False) -> identity.Identity:
    """`enrol` inside a running loop."""
    token = Token.parse(token_text)
    if kept.resume(state_dir, token) is not None:
        return identity.load(state_dir)
    if (identity.folder_of(state_dir) / identity.IDENTITY_FILE).exists() and not again:
        raise identity.IdentityError(
            "This node is enrolled already; its key was left alone and the token was not spent.",
            reason="enrolled_already",
            hint="Use --again to give up its identity. Its edges must then be enrolled again if the tenant differs.",
        )
    private_folder(state_dir, mode=0o750)
    secrets = kept.secrets_for(state_dir, token, {identity.TLS_KEY: tls.key_pem(tls.new_key())})
    tls_key = tls.load_key(secrets[identity.TLS_KEY])
    answer = await _ask(token, tls.new_csr(tls_key))
    who, certificate, ca = _understand(answer, tls_key)
    parts = identity.parts(
        who,
        tls_key=tls.key_pem(tls_key),
        tls_certificate=tls.cert_pem(certificate),
        ca=ca,
        ticket_keys=list(answer.ticket_keys),
    )
    kept.settle(state_dir, token, parts)
    return who


async def _ask(token: Token, csr: bytes) -> control_pb2.EnrolResponse:
    request = control_pb2.EnrolRequest(token_secret=token.secret, csr_der=csr, software_version=version("guardian"))
    channel = await rpc.pinned_channel(token)
    async with channel:
        try:
            return await control_pb2_grpc.NodeEnrolmentServiceStub(channel).Enrol(request, timeout=_SECONDS)
        except grpc.aio.AioRpcError as error:
            raise rpc.explain(error, "control plane") from error


def _understand(
    answer: control_pb2.EnrolResponse, tls_key: tls.PrivateKey
) -> tuple[identity.Identity, x509.Certificate, bytes]:
    try:
        certificate = x509.load_der_x509_certificate(answer.certificate_der)
        ca = b"".join(tls.cert_pem(x509.load_der_x509_certificate(der)) for der in answer.ca_der)
        rpc.split_address(answer.agents_address)
        who = identity.Identity(tenant=answer.tenant_id, node=answer.node_id, agents=answer.agents_address)
        if not ca or certificate.public_key() != tls_key.public_key():
            raise ValueError("certificate")
        if not answer.ticket_keys or any(len(key) != 32 for key in answer.ticket_keys):
            raise ValueError("ticket keys")
    except (ValueError, ValidationError) as error:
        raise PeerError(
            "The control plane's answer is not one this node understands; its identity was left alone.",
            reason="enrol_answer",
            hint="Bring both to the same release and enrol again, with the same token while it is valid.",
        ) from error
    return who, certificate, ca
