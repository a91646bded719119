"""Certificates renewed in time: when it is due, where the new pair goes, and what is said of it meanwhile."""

import asyncio
import datetime as dt
import random
from collections.abc import Awaitable, Callable
from pathlib import Path

import grpc.aio
from cryptography import x509

from guardian.common import log, rpc, tls
from guardian.common.clock import now, to_text
from guardian.common.errors import GuardianError, PeerError
from guardian.common.files import write_atomic
from guardian.common.handover import offer
from guardian.common.handover.table import TLS
from guardian.common.health import Health

# Of a certificate's life: about two thirds, each machine at a moment of its own.
_EARLIEST, _LATEST = 0.62, 0.70
# Without an answer it is asked again this often; the last third of 30 days has room for many tries.
_AGAIN = 600.0
_LOOK = 60.0
_log = log.get(__name__)
# A new signing request to the certificate (DER) for it, by a way that depends on whether the old one has ended.
Ask = Callable[[bytes, bool], Awaitable[bytes]]


class Renewal:
    """One machine's certificate."""

    def __init__(self, state_dir: Path, writer: str, health: Health, ask: Ask) -> None:
        self._state_dir = state_dir
        self._folder = state_dir / "identity"
        self._writer = writer
        self._health = health
        self._ask = ask
        self._share = random.uniform(_EARLIEST, _LATEST)

    def due(self, certificate: x509.Certificate) -> dt.datetime:
        """When to ask for a new one."""
        begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        return begin + (end - begin) * self._share

    async def keep(self) -> None:
        """Renew whenever it is due; returns when a new pair is in force and whoever dials should dial anew.

        On a host root takes the pair over and restarts the daemon: then this never returns.
        """
        while True:
            certificate = self._certificate()
            if now() < self.due(certificate):
                self._good(certificate)
                await asyncio.sleep(_LOOK)
                continue
            try:
                handed = await self.renew()
            except (GuardianError, grpc.aio.AioRpcError) as error:
                self._late(certificate, error)
                await asyncio.sleep(_AGAIN * random.uniform(0.5, 1.0))
                continue
            if not handed:
                return
            self._health.set("certificate", "ok", "A new certificate waits to be loaded.")
            await asyncio.sleep(_AGAIN)

    async def renew(self) -> bool:
        """One renewal with a new key; True when the pair was handed over to root, False when it is in force."""
        ended = self._certificate().not_valid_after_utc <= now()
        key = tls.new_key()
        answer = await self._ask(tls.new_csr(key), ended)
        try:
            certificate = x509.load_der_x509_certificate(answer)
            if certificate.public_key() != key.public_key() or certificate.not_valid_after_utc <= now():
                raise ValueError("certificate")
        except ValueError as error:
            raise PeerError("The new certificate is not for the key shown.", reason="renewal_answer") from error
        pair = tls.key_pem(key) + tls.cert_pem(certificate)
        handed = await asyncio.to_thread(self._store, pair, tls.cert_pem(certificate))
        _log.info("certificate_renewed", ends=to_text(certificate.not_valid_after_utc))
        return handed

    def _store(self, pair: bytes, chain: bytes) -> bool:
        if offer.is_wanted(self._state_dir, self._writer):
            offer.lay(self._state_dir, self._writer, {TLS: pair})
            offer.close(self._state_dir, self._writer)
            return True
        path = self._folder / TLS
        # The pair in one file: a crash between the two leaves a copy that is old, not a key without its certificate.
        write_atomic(path, pair, mode=path.stat().st_mode & 0o777)
        write_atomic(self._folder / "tls.pem", chain, mode=0o640)
        return False

    def _certificate(self) -> x509.Certificate:
        return x509.load_pem_x509_certificates(rpc.read_pair(self._folder)[1])[0]

    def _good(self, certificate: x509.Certificate) -> None:
        ends = to_text(certificate.not_valid_after_utc)
        self._health.set("certificate", "ok", f"This machine's certificate is good until {ends}.", ends=ends)

    def _late(self, certificate: x509.Certificate, error: Exception) -> None:
        fault = rpc.explain(error, "other side") if isinstance(error, grpc.aio.AioRpcError) else error
        ends = to_text(certificate.not_valid_after_utc)
        reason = getattr(fault, "reason", "renewal_failed")
        over = certificate.not_valid_after_utc <= now()
        sentence = f"The certificate {'ended' if over else 'ends'} at {ends} and could not be renewed yet: {fault}"
        if self._health.set("certificate", "failed" if over else "degraded", sentence, reason=reason, ends=ends):
            _log.warning("certificate_not_renewed", reason=reason, sentence=sentence)
