"""``callfloor user``: the people who log in."""

from __future__ import annotations

from sqlmodel import col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from cli.asking import ask_password
from cli.transaction import OperatorError, in_transaction
from core import audit
from core.ids import new_id
from core.models import Brand, Login, Role, UserAccount
from core.security import hash_password
from core.settings import Settings
from dialer.agents.models import Agent

ACTOR = "operator"  # in the audit trail: somebody with the machine's command line
SHORTEST = 10  # characters of a password


def add(settings: Settings, login: str, *, role: str, name: str, brands: list[str], phone: str | None) -> None:
    """Add a login; with ``phone`` (a SIP URI) also an agent of each of its brands."""
    kind = _role(role)
    if kind is Role.AGENT and phone is None:
        raise SystemExit("An agent needs a telephone: --phone sip:NAME@HOST[:PORT]")
    password = ask_password(SHORTEST)
    clock = settings.clock()

    async def act(session: AsyncSession) -> None:
        if (await session.exec(select(UserAccount).where(UserAccount.login == login))).first() is not None:
            raise OperatorError(f"There is a login {login} already")
        chosen = await _brands(session, brands, everything=kind is Role.ADMIN)
        user = UserAccount(
            id=new_id(clock),
            created_at=clock.now(),
            login=login,
            name=name,
            password_hash=hash_password(password),
            role=kind,
            brand_ids=[str(brand.id) for brand in chosen],
        )
        session.add(user)
        await session.flush()
        if phone is not None:
            session.add_all(
                Agent(
                    id=new_id(clock),
                    created_at=clock.now(),
                    brand_id=brand.id,
                    user_id=user.id,
                    name=name,
                    phone_uri=phone,
                )
                for brand in chosen
            )
        await audit.record(session, clock, actor=ACTOR, action="user.add", subject=f"user:{user.id}")

    in_transaction(settings, act)
    print(f"Added {login} ({kind})")


def password(settings: Settings, login: str) -> None:
    """Set a new password, unlock the login and end its sessions."""
    new = ask_password(SHORTEST)
    clock = settings.clock()

    async def act(session: AsyncSession) -> None:
        user = await _user(session, login)
        user.password_hash = hash_password(new)
        user.failed_logins, user.locked_until = 0, None
        session.add(user)
        await session.exec(delete(Login).where(col(Login.user_id) == user.id))
        await audit.record(session, clock, actor=ACTOR, action="user.password", subject=f"user:{user.id}")

    in_transaction(settings, act)
    print(f"{login} has a new password")


def deactivate(settings: Settings, login: str) -> None:
    """Refuse a login from now on and end its sessions."""
    clock = settings.clock()

    async def act(session: AsyncSession) -> None:
        user = await _user(session, login)
        user.active = False
        session.add(user)
        await session.exec(delete(Login).where(col(Login.user_id) == user.id))
        await audit.record(session, clock, actor=ACTOR, action="user.deactivate", subject=f"user:{user.id}")

    in_transaction(settings, act)
    print(f"{login} can no longer log in")


def show(settings: Settings) -> None:
    """Print the logins, one a line: login, role, state, name."""
    clock = settings.clock()

    async def act(session: AsyncSession) -> list[UserAccount]:
        return list((await session.exec(select(UserAccount).order_by(UserAccount.login))).all())

    for user in in_transaction(settings, act):
        locked = user.locked_until is not None and user.locked_until > clock.now()
        state = "inactive" if not user.active else "locked" if locked else "active"
        print(f"{user.login:<20} {user.role:<12} {state:<10} {user.name}")


def _role(text: str) -> Role:
    try:
        return Role(text)
    except ValueError:
        raise SystemExit(f"No role {text}; there are: {', '.join(Role)}") from None


async def _user(session: AsyncSession, login: str) -> UserAccount:
    found = (await session.exec(select(UserAccount).where(UserAccount.login == login).with_for_update())).first()
    if found is None:
        raise OperatorError(f"No login {login}; `callfloor user list` shows them")
    return found


async def _brands(session: AsyncSession, names: list[str], *, everything: bool) -> list[Brand]:
    """The named brands; none named: all for an administrator (bound to none), else the only one there is."""
    known = {brand.name: brand for brand in (await session.exec(select(Brand).order_by(Brand.name))).all()}
    if unknown := [name for name in names if name not in known]:
        raise OperatorError(f"No brand {unknown[0]}; there are: {', '.join(known) or 'none yet'}")
    if names or everything:
        return [known[name] for name in names]
    if len(known) != 1:
        raise OperatorError(f"Say for which brand, --brand NAME; there are: {', '.join(known) or 'none yet'}")
    return list(known.values())
