"""Every refusal as a problem document (RFC 9457), and no other form."""

from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from guardian.common import log
from guardian.control.database.engine import DATABASE_AWAY
from guardian.control.errors import ControlError, TooMany, Unavailable

MEDIA_TYPE = "application/problem+json"
_log = log.get(__name__)
_REASONS = {
    404: ("not_found", "There is nothing at this address."),
    400: ("invalid_request", "The request's body cannot be read."),
    408: ("request_slow", "The request did not come to its end in time."),
    413: ("body_too_large", "The request is larger than this address takes."),
    405: ("method_not_allowed", "This address does not take this method."),
}


def problem(status: int, reason: str, detail: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """A problem document."""
    body = {
        "type": f"urn:guardian:problem:{reason}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "reason": reason,
    }
    return JSONResponse(body, status, headers={"Cache-Control": "no-store", **(headers or {})}, media_type=MEDIA_TYPE)


def from_error(error: ControlError) -> JSONResponse:
    """A refusal of ours."""
    headers = {"Retry-After": str(error.retry_after)} if isinstance(error, TooMany) else None
    return problem(error.status, error.reason, str(error), headers)


def add_handlers(app: FastAPI) -> None:
    """Turn every kind of error into a problem."""

    @app.exception_handler(ControlError)
    async def _ours(request: Request, error: ControlError) -> JSONResponse:
        # What a page of ours would not have sent; who is not logged in or asks for what is gone is everyday.
        if error.status in (400, 409):
            route = getattr(request.scope.get("route"), "path", "")
            _log.warning("request_refused", route=route, reason=error.reason, sentence=str(error))
        return from_error(error)

    @app.exception_handler(RequestValidationError)
    async def _invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        # The input itself is not repeated: it may be a password.
        first = error.errors()[0]
        where = ".".join(str(step)[:40] for step in first["loc"][:6])
        return problem(422, "invalid_request", f"{where}: {first['msg']}.")

    @app.exception_handler(HTTPException)
    async def _http(_: Request, error: HTTPException) -> JSONResponse:
        reason, sentence = _REASONS.get(error.status_code, ("http_error", HTTPStatus(error.status_code).phrase + "."))
        return problem(error.status_code, reason, sentence)

    async def _database(_: Request, error: Exception) -> JSONResponse:
        _log.warning("database_lost", error=type(error).__name__)
        return from_error(Unavailable("The database does not answer. Try again soon.", reason="database_away"))

    for kind in DATABASE_AWAY:
        app.add_exception_handler(kind, _database)

    @app.exception_handler(Exception)
    async def _unexpected(request: Request, error: Exception) -> JSONResponse:
        _log.error("request_failed", route=getattr(request.scope.get("route"), "path", ""), exc_info=error)
        return problem(500, "internal", "Something went wrong here. It was noted in the log.")
