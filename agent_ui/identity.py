"""Who is asking: the login behind a cookie, its role and brands, and proof that the request is its own.

The cookie holds a random token, the database its hash. Every unsafe request carries the login's CSRF token in the
header ``X-CSRF-Token`` or the form field ``csrf``; besides, browsers name the origin of a request, and a foreign one is
refused (this guards the login itself too, which has no token yet).
"""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Final
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import Depends, Request
from sqlmodel import col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession
from starlette.requests import HTTPConnection
from starlette.responses import Response

from agent_ui.context import Site, site_of
from core import audit
from core.ids import new_id
from core.models import Brand, Login, Role, UserAccount
from core.security import hash_password, new_token, token_hash, verify_password

COOKIE: Final = "callfloor"
CSRF_HEADER: Final = "X-CSRF-Token"
CSRF_FIELD: Final = "csrf"
MAX_FAILURES: Final = 5  # wrong passwords in a row; then the account rests
LOCK: Final = timedelta(minutes=15)
DEFAULT_ZONE: Final = "Europe/Warsaw"  # of a house without brands
RANK: Final = {role: rank for rank, role in enumerate(Role)}
_NOBODY: Final = hash_password(new_token())  # checked when there is no such login, so that it takes as long


class NotLoggedInError(Exception):
    """There is no valid login behind the request."""


class RefusedError(Exception):
    """The login may not do this; the text says why."""


class LoginFailedError(Exception):
    """Wrong login or password, or the account is locked or closed; the text says which as far as it may."""


@dataclass(frozen=True)
class User:
    """The person behind a request.

    ``brands`` None: all (an administrator bound to none). ``zone``: the time zone of their (first) brand, in which
    pages write instants and begin days.
    """

    id: UUID
    login_id: UUID
    login: str
    name: str
    role: Role
    brands: frozenset[UUID] | None
    language: str
    csrf: str
    zone: str

    def may(self, role: Role) -> bool:
        """Whether the user has ``role`` or one that includes it."""
        return RANK[self.role] >= RANK[role]


async def sign_in(site: Site, login: str, password: str) -> tuple[str, str]:
    """Check the password and open a login: the cookie's token and the CSRF token.

    Raises:
        LoginFailedError: see there; each failure is counted, committed and audited.
    """
    now = site.clock.now()
    failure: str | None = None
    token, csrf = new_token(), new_token()
    async with site.database.begin() as session:
        found = (
            await session.exec(select(UserAccount).where(UserAccount.login == login.strip()).with_for_update())
        ).first()
        right = verify_password(found.password_hash if found else _NOBODY, password)
        if found is None or not found.active:
            failure = "Wrong login or password."
        elif found.locked_until is not None and found.locked_until > now:
            failure = "Too many wrong passwords: this login is locked for a quarter of an hour."
        elif not right:
            failure = "Wrong login or password."
            found.failed_logins += 1
            if found.failed_logins >= MAX_FAILURES:
                found.failed_logins, found.locked_until = 0, now + LOCK
            await audit.record(session, site.clock, actor=found.login, action="login.fail", subject=f"user:{found.id}")
        else:
            found.failed_logins, found.locked_until = 0, None
            await session.exec(delete(Login).where(col(Login.user_id) == found.id, col(Login.expires_at) <= now))
            row = Login(
                id=new_id(site.clock),
                created_at=now,
                user_id=found.id,
                token_hash=token_hash(token),
                csrf=csrf,
                expires_at=now + timedelta(hours=site.settings.session_hours),
            )
            session.add(row)
            await audit.record(session, site.clock, actor=found.login, action="login", subject=f"user:{found.id}")
        if found is not None:
            session.add(found)
    if failure is not None:
        raise LoginFailedError(failure)
    return token, csrf


async def sign_out(site: Site, user: User) -> None:
    """End the login; its cookie is worth nothing from now on."""
    async with site.database.begin() as session:
        await session.exec(delete(Login).where(col(Login.id) == user.login_id))
        await audit.record(session, site.clock, actor=user.login, action="logout", subject=f"user:{user.id}")


def set_cookie(site: Site, request: HTTPConnection, response: Response, token: str) -> None:
    """Hand the browser its token: not readable by scripts, not sent along with foreign pages' requests."""
    response.set_cookie(
        COOKIE,
        token,
        max_age=site.settings.session_hours * 3600,
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
        path="/",
    )


async def find_user(connection: HTTPConnection) -> User | None:
    """The user of a request or WebSocket, None without a valid login."""
    token = connection.cookies.get(COOKIE)
    if not token:
        return None
    site = site_of(connection)
    async with site.database.begin() as session:
        row = (
            await session.exec(
                select(Login, UserAccount)
                .join(UserAccount, col(UserAccount.id) == Login.user_id)
                .where(Login.token_hash == token_hash(token), Login.expires_at > site.clock.now())
            )
        ).first()
        if row is None or not row[1].active:
            return None
        login, account = row
        brands = frozenset(UUID(text) for text in account.brand_ids)
        own = select(Brand.timezone).order_by(Brand.name).limit(1)
        zone = (await session.exec(own.where(col(Brand.id).in_(brands)) if brands else own)).first()
    return User(
        id=account.id,
        login_id=login.id,
        login=account.login,
        name=account.name,
        role=account.role,
        brands=None if account.role is Role.ADMIN and not brands else brands,
        language=account.locale,
        csrf=login.csrf,
        zone=zone or DEFAULT_ZONE,
    )


async def current_user(request: Request) -> User:
    """The user of a request; an unsafe one must prove that it is their own.

    Raises:
        NotLoggedInError: no valid login.
        RefusedError: the CSRF token is missing or wrong, or the request came from another site.
    """
    user = await find_user(request)
    if user is None:
        raise NotLoggedInError
    if request.method not in ("GET", "HEAD", "OPTIONS"):
        refuse_foreign(request)
        given = request.headers.get(CSRF_HEADER)
        if given is None and "form" in request.headers.get("content-type", ""):
            given = str((await request.form()).get(CSRF_FIELD, ""))
        if not hmac.compare_digest((given or "").encode(), user.csrf.encode()):
            raise RefusedError("This page is out of date: load it again.")
    return user


def refuse_foreign(connection: HTTPConnection) -> None:
    """Refuse what another site's page sent.

    Raises:
        RefusedError: the browser named another origin.
    """
    origin = connection.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != connection.headers.get("host"):
        raise RefusedError("This request came from another site.")
    if connection.headers.get("sec-fetch-site") == "cross-site":
        raise RefusedError("This request came from another site.")


def at_least(role: Role) -> Callable[[User], Awaitable[User]]:
    """A dependency: the user, if they have ``role``."""

    async def check(user: Annotated[User, Depends(current_user)]) -> User:
        if not user.may(role):
            raise RefusedError("Your role does not allow this.")
        return user

    return check


AnyUser = Annotated[User, Depends(current_user)]
Supervisor = Annotated[User, Depends(at_least(Role.SUPERVISOR))]
Manager = Annotated[User, Depends(at_least(Role.MANAGER))]


@asynccontextmanager
async def transaction(site: Site, user: User) -> AsyncIterator[AsyncSession]:
    """One transaction that sees the user's brands and no others."""
    async with site.database.begin(user.brands) as session:
        yield session


async def brands_of(session: AsyncSession, user: User) -> list[Brand]:
    """The brands the user may see, by name."""
    query = select(Brand).order_by(Brand.name)
    if user.brands is not None:
        query = query.where(col(Brand.id).in_(user.brands))
    return list((await session.exec(query)).all())
