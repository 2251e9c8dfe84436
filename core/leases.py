"""Leases: who holds a named resource, until when by the database's clock, and under which fencing token.

The token grows with every acquisition. Work done under a lease calls :func:`check` in its own transaction: from then
to the commit nobody else can take the lease over.
"""

from __future__ import annotations

from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from core.driver import run

_ACQUIRE = """
INSERT INTO lease (name, holder, token, expires_at)
VALUES (%(name)s, %(holder)s, 1, clock_timestamp() + make_interval(secs => %(seconds)s))
ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, token = lease.token + 1, expires_at = excluded.expires_at
WHERE lease.expires_at <= clock_timestamp() OR lease.holder = excluded.holder
RETURNING token
"""
_RENEW = """
UPDATE lease SET expires_at = clock_timestamp() + make_interval(secs => %(seconds)s)
WHERE name = %(name)s AND holder = %(holder)s AND token = %(token)s AND expires_at > clock_timestamp()
RETURNING token
"""
_RELEASE = """
UPDATE lease SET expires_at = clock_timestamp() WHERE name = %(name)s AND holder = %(holder)s AND token = %(token)s
"""
_CHECK = """
SELECT token FROM lease WHERE name = %(name)s AND token = %(token)s AND expires_at > clock_timestamp() FOR SHARE
"""


class LeaseLost(Exception):  # noqa: N818 - the term of the field
    """The lease has run out or another holder has it: nothing may be done under its token."""


async def acquire(session: AsyncSession, name: str, holder: str, seconds: float) -> int | None:
    """Take the lease for ``seconds``: the new fencing token, or None while another holds it.

    A holder that asks again gets a new token, so ``holder`` names one incarnation of a process.
    """
    return await _token(session, _ACQUIRE, name=name, holder=holder, seconds=seconds)


async def renew(session: AsyncSession, name: str, holder: str, token: int, seconds: float) -> bool:
    """Hold on for ``seconds`` from now; False if the lease has run out or changed hands."""
    return await _token(session, _RENEW, name=name, holder=holder, token=token, seconds=seconds) is not None


async def release(session: AsyncSession, name: str, holder: str, token: int) -> None:
    """Give the lease back; the row stays, so that the token goes on growing."""
    await run(session, _RELEASE, {"name": name, "holder": holder, "token": token})


async def check(session: AsyncSession, name: str, token: int) -> None:
    """Prove that the lease is held under ``token`` and keep it so until the transaction ends.

    Raises:
        LeaseLost: it is not.
    """
    if await _token(session, _CHECK, name=name, token=token) is None:
        raise LeaseLost(f"lease {name} is not held under token {token}")


async def _token(session: AsyncSession, statement: str, **values: Any) -> int | None:
    row = await (await run(session, statement, values)).fetchone()
    return None if row is None else int(row[0])
