"""Refusals as RFC 9457 problem documents: a reason for programs, a sentence for people."""

from http import HTTPStatus

from starlette.responses import JSONResponse

from guardian.common.errors import GuardianError

MEDIA_TYPE = "application/problem+json"


class Problem(GuardianError):
    """A request that cannot be served; `headers` go out with it."""

    def __init__(
        self, status: int, sentence: str, *, reason: str, hint: str = "", headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(sentence, reason=reason, hint=hint)
        self.status = status
        self.headers = headers or {}


def response(problem: Problem) -> JSONResponse:
    """The document."""
    body = {
        "type": "about:blank",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": str(problem),
        "reason": problem.reason,
    }
    return JSONResponse(body, problem.status, problem.headers, MEDIA_TYPE)
