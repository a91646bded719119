"""`/session`: log in, who am I, log out."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from guardian.control.accounts.schemas import Login, Session
from guardian.control.accounts.subject import Subject
from guardian.control.api.context import Context, context
from guardian.control.errors import Unauthenticated

router = APIRouter(prefix="/session", tags=["session"])


def cookie_name(secure: bool) -> str:
    """Browsers themselves guard `__Host-` cookies against other hosts and plain HTTP."""
    return "__Host-guardian_session" if secure else "guardian_session"


def session_token(request: Request, ctx: Context) -> str:
    """The cookie's value; 401 without."""
    token = request.cookies.get(cookie_name(ctx.settings.api.secure_cookie), "")
    if not token:
        raise Unauthenticated("Log in first.", reason="not_logged_in")
    return token


async def current_subject(request: Request, ctx: Annotated[Context, Depends(context)]) -> Subject:
    """The person behind the request's cookie; 401 without."""
    return await ctx.accounts.subject(session_token(request, ctx))


Ctx = Annotated[Context, Depends(context)]
Who = Annotated[Subject, Depends(current_subject)]


@router.post("")
async def log_in(login: Login, request: Request, response: Response, ctx: Ctx) -> Session:
    """Begin a session by address and password. The session is an HttpOnly cookie."""
    address = request.client.host if request.client else ""
    opened = await ctx.accounts.log_in(login.email, login.password.get_secret_value(), address)
    secure = ctx.settings.api.secure_cookie
    response.set_cookie(
        cookie_name(secure),
        opened.token,
        max_age=opened.seconds,
        path="/",
        secure=secure,
        httponly=True,
        samesite="strict",
    )
    return await ctx.accounts.who_am_i(opened.subject)


@router.get("")
async def who_am_i(subject: Who, ctx: Ctx) -> Session:
    """Who is logged in, and for which household."""
    return await ctx.accounts.who_am_i(subject)


@router.delete("", status_code=204)
async def log_out(request: Request, response: Response, ctx: Ctx) -> None:
    """End the session."""
    await ctx.accounts.log_out(session_token(request, ctx))
    secure = ctx.settings.api.secure_cookie
    response.delete_cookie(cookie_name(secure), path="/", secure=secure, httponly=True, samesite="strict")
