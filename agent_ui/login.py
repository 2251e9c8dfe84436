"""Logging in and out, and the language of the pages."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from agent_ui.context import site_of
from agent_ui.i18n import LANGUAGES
from agent_ui.identity import (
    COOKIE,
    AnyUser,
    LoginFailedError,
    User,
    find_user,
    refuse_foreign,
    set_cookie,
    sign_in,
    sign_out,
)
from agent_ui.render import LANGUAGE_COOKIE, page, speech_of
from core.models import Role

router = APIRouter()

HOMES = {Role.AGENT: "/desk", Role.SUPERVISOR: "/floor", Role.MANAGER: "/reports", Role.ADMIN: "/floor"}


class Credentials(BaseModel):
    """What a machine logs in with."""

    model_config = ConfigDict(extra="forbid")
    login: str = Field(max_length=200)
    password: str = Field(max_length=500)


def home_of(user: User) -> str:
    """Where a user's day begins."""
    return HOMES[user.role]


@router.get("/")
async def start(request: Request) -> Response:
    """Everybody's front door."""
    user = await find_user(request)
    return RedirectResponse(home_of(user) if user else "/login", 303)


@router.get("/login")
async def show(request: Request, to: str = "") -> Response:
    """The login page."""
    return page(request, "login.html", None, error="", login="", to=to)


@router.post("/login")
async def enter(
    request: Request,
    login: Annotated[str, Form(max_length=200)] = "",
    password: Annotated[str, Form(max_length=500)] = "",
    to: Annotated[str, Form()] = "",
) -> Response:
    """Log in and go where the user wanted to; a failure says so and keeps the login typed."""
    refuse_foreign(request)
    site = site_of(request)
    try:
        token, _ = await sign_in(site, login, password)
    except LoginFailedError as error:
        told = speech_of(request).text(str(error))
        return page(request, "login.html", None, status=401, error=told, login=login, to=to)
    answer = RedirectResponse(to if _ours(to) else "/", 303)
    set_cookie(site, request, answer, token)
    return answer


@router.post("/logout")
async def leave(request: Request, user: AnyUser) -> Response:
    """Log out. An open shift stays open: the telephone is the agent's, not the page's."""
    await sign_out(site_of(request), user)
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(COOKIE, path="/")
    return answer


@router.post("/language/{code}")
async def speak(request: Request, code: str) -> Response:
    """Choose the pages' language on this browser."""
    refuse_foreign(request)
    back = request.headers.get("referer", "/")
    answer = RedirectResponse(back, 303)
    if code in LANGUAGES:
        answer.set_cookie(LANGUAGE_COOKIE, code, max_age=365 * 86400, samesite="lax", httponly=True, path="/")
    return answer


@router.post("/api/login")
async def enter_as_machine(request: Request, given: Credentials) -> Response:
    """Log in: ``{"csrf"}`` and the cookie."""
    refuse_foreign(request)
    site = site_of(request)
    token, csrf = await sign_in(site, given.login, given.password)
    answer = JSONResponse({"csrf": csrf})
    set_cookie(site, request, answer, token)
    return answer


def _ours(path: str) -> bool:
    """Whether ``path`` leads to a page of this site and nowhere else."""
    return path.startswith("/") and not path.startswith(("//", "/\\"))
