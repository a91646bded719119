"""The relay's HTTP routes for browsers (ARCHITECTURE.md, "Node")."""

import re
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar

from fastapi import FastAPI, Request, Response
from google.protobuf.message import DecodeError
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.types import Receive, Scope, Send

from guardian.common import ranges
from guardian.contracts.edge.v1 import edge_pb2
from guardian.node.config import RelaySection
from guardian.node.relay.limits import Buckets, Guard, read_body
from guardian.node.relay.problems import Problem, response
from guardian.node.relay.service import RelayService
from guardian.node.relay.sessions import Session
from guardian.node.relay.streaming import ObjectResponse
from guardian.vault.encoding import b64u

_HEX = re.compile(r"[0-9a-f]{32}")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_LOGINS_PER_SECOND, _LOGIN_BURST = 5.0, 60.0
B = TypeVar("B", bound=BaseModel)


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class TicketBody(_Body):
    """`POST /v1/challenges`, `PUT /v1/sessions/current`."""

    ticket: str


class AnswerBody(TicketBody):
    """`POST /v1/sessions`."""

    challenge: str
    member: str
    signature: str


def create_app(service: RelayService, section: RelaySection) -> Any:
    """The ASGI app, limits and CORS around it."""
    app = FastAPI(openapi_url=None, redirect_slashes=False)
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(Exception, _on_fault)
    _add_session_routes(app, service)
    _add_reading_routes(app, service)
    rate = section.requests_per_second
    app.add_middleware(Guard, requests=Buckets(rate, 4 * rate), logins=Buckets(_LOGINS_PER_SECOND, _LOGIN_BURST))
    # Outermost: a refusal, too, must be readable to the page.
    app.add_middleware(
        CORSMiddleware,
        allow_origins=[section.ui_origin],
        allow_methods=["GET", "HEAD", "POST", "PUT", "DELETE"],
        allow_headers=["Authorization", "Range", "Content-Type"],
        expose_headers=["Content-Range", "Accept-Ranges", "Content-Length", "Retry-After"],
        max_age=600,
    )
    return app


def _add_session_routes(app: FastAPI, service: RelayService) -> None:
    @app.post("/v1/challenges")
    async def challenge(request: Request) -> dict[str, str]:
        body = await _parse(request, TicketBody)
        with _noted(service):
            return service.challenge(body.ticket)

    @app.post("/v1/sessions")
    async def open_session(request: Request) -> dict[str, str]:
        body = await _parse(request, AnswerBody)
        with _noted(service):
            return await service.open(body.ticket, body.challenge, body.member, body.signature)

    @app.put("/v1/sessions/current")
    async def renew(request: Request) -> dict[str, str]:
        token = _token(request)
        body = await _parse(request, TicketBody)
        return await service.renew(token, body.ticket)

    @app.delete("/v1/sessions/current", status_code=204)
    async def lock(request: Request) -> Response:
        service.sessions.close(_token(request))
        return Response(status_code=204)


@contextmanager
def _noted(service: RelayService) -> Iterator[None]:
    try:
        yield
    except Problem as problem:
        if problem.status in (401, 403):
            service.note_refusal(problem)
        raise


def _add_reading_routes(app: FastAPI, service: RelayService) -> None:
    @app.get("/v1/events/{event_id}")
    async def event(request: Request, event_id: str) -> dict[str, str]:
        _check(_UUID, event_id)
        await service.permit(_token(request), event_id)
        signed = await service.gateway.event(event_id)
        try:
            edge = edge_pb2.Event.FromString(signed.event).edge_id
        except DecodeError:
            raise Problem(502, "The stored event cannot be parsed.", reason="event_damaged") from None
        return {"event": b64u(signed.event), "signature": b64u(signed.signature), "edge": edge}

    @app.head("/v1/objects/{object_id}")
    async def size(request: Request, object_id: str) -> Response:
        _check(_HEX, object_id)
        await service.permit(_token(request), object_id)
        total = await service.gateway.total(object_id)
        return Response(headers={**_OBJECT_HEADERS, "Content-Length": str(total)})

    @app.get("/v1/objects/{object_id}")
    async def read(request: Request, object_id: str) -> Response:
        _check(_HEX, object_id)
        session = await service.permit(_token(request), object_id)
        return await _read(service, session, object_id, _range(request))


_OBJECT_HEADERS = {"Accept-Ranges": "bytes", "Content-Type": "application/octet-stream"}


async def _read(service: RelayService, session: Session, object_id: str, wanted: ranges.Range | None) -> Response:
    first, length = (wanted.first, wanted.length) if wanted else (0, 0)
    if wanted and (wanted.suffix is not None or wanted.first >= ranges.LIMIT):
        total = await service.gateway.total(object_id)
        first = max(0, total - wanted.suffix) if wanted.suffix is not None else total
        length = total - first
        if length == 0:
            raise _unsatisfiable(total)
    reading = await service.gateway.read(object_id, first, min(length, ranges.LIMIT))
    end = reading.total if not length else min(reading.total, first + length)
    headers = dict(_OBJECT_HEADERS)
    if wanted:
        headers["Content-Range"] = f"bytes {first}-{end - 1}/{reading.total}"
    answer = ObjectResponse(206 if wanted else 200, headers, end - first, reading, lambda: not session.dead)
    return _Counted(answer, session)


class _Counted(Response):
    """Counts a session's readings while they last."""

    def __init__(self, answer: ObjectResponse, session: Session) -> None:
        super().__init__()
        self._answer = answer
        self._session = session

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with _reading(self._session):
            await self._answer(scope, receive, send)


@asynccontextmanager
async def _reading(session: Session) -> AsyncGenerator[None, None]:
    session.reading += 1
    try:
        yield
    finally:
        session.reading -= 1


def _range(request: Request) -> ranges.Range | None:
    # Without validators on our side `If-Range` cannot match: then the whole is meant.
    if "if-range" in request.headers:
        return None
    try:
        return ranges.parse(request.headers.get("range"))
    except ranges.RangeError:
        raise Problem(416, "One well-formed range of bytes may be asked for.", reason="range_malformed") from None


def _unsatisfiable(total: int) -> Problem:
    headers = {"Content-Range": f"bytes */{total}"}
    return Problem(416, "The recording has no such range.", reason="range", headers=headers)


def _token(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not 20 <= len(token) <= 128:
        raise Problem(401, "A session is needed.", reason="session_missing", headers={"WWW-Authenticate": "Bearer"})
    return token


def _check(form: re.Pattern[str], name: str) -> None:
    if not form.fullmatch(name):
        raise Problem(404, "There is nothing under this name.", reason="not_found")


async def _parse(request: Request, model: type[B]) -> B:
    try:
        return model.model_validate_json(await read_body(request))
    except ValidationError:
        raise Problem(400, "The request is not of the expected form.", reason="request_malformed") from None


async def _on_problem(_: Request, error: Exception) -> Response:
    return response(error if isinstance(error, Problem) else Problem(500, "The relay failed.", reason="internal"))


async def _on_http(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    sentences = {404: "There is nothing here.", 405: "That cannot be done here."}
    return response(Problem(status, sentences.get(status, "The request cannot be served."), reason=f"http_{status}"))


async def _on_fault(_: Request, error: Exception) -> Response:
    return response(Problem(500, "The relay failed; its log says more.", reason="internal"))
