"""One short act of an operator on the database, outside any long-running process."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from psycopg.errors import UndefinedTable
from sqlalchemy.exc import ProgrammingError
from sqlmodel.ext.asyncio.session import AsyncSession

from cli.up import database_server
from core import tables
from core.db import Database
from core.embedded import postgres_url
from core.settings import Settings

T = TypeVar("T")


class OperatorError(Exception):
    """What the operator asked for can't be done; the text says why."""


def in_transaction(settings: Settings, act: Callable[[AsyncSession], Awaitable[T]]) -> T:
    """Run ``act`` in one transaction and return what it returns.

    The embedded server is started for it if it does not run. An :class:`OperatorError` undoes everything and ends
    the command with its text.
    """
    tables.load()

    async def run() -> T:
        database = Database(postgres_url(settings), pool=1)
        try:
            async with database.begin() as session:
                return await act(session)
        finally:
            await database.close()

    with database_server(settings):
        try:
            return asyncio.run(run())
        except OperatorError as error:
            raise SystemExit(str(error)) from None
        except ProgrammingError as error:
            if isinstance(error.orig, UndefinedTable):
                raise SystemExit("The database has no tables yet: run `callfloor migrate`") from None
            raise
