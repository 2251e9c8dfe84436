"""Commands of the operator: help, people, brands, migrations, backup and restore, settings."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from cli import outcomes_page, settings_page
from core.db import Database
from core.models import AuditEvent, Brand, Login, UserAccount
from core.security import Keys, verify_password
from core.settings import Settings
from dialer.agents.models import Agent, Disposition
from dialer.call import Outcome
from tests.support.servers import Servers

Run = Callable[..., Any]

COMMANDS = ["up", "demo", "web", "engine", "media", "detector", "worker", "carrier", "agents"]
COMMANDS += [
    "migrate",
    "trunk",
    "caller-id",
    "campaign",
    "import",
    "user",
    "brand",
    "backup",
    "restore",
    "settings",
    "ready",
    "version",
]
PASSWORD = "dziesięć-znaków"


@pytest.mark.unit
def test_help_names_every_command() -> None:
    script = Path(sys.executable).with_name("callfloor")
    words = subprocess.run([str(script), "--help"], capture_output=True, text=True, check=True).stdout.split()
    assert [name for name in COMMANDS if name not in words] == []


@pytest.mark.unit
@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_explains_itself(callfloor: Run, name: str) -> None:
    done = callfloor(name, "--help")
    assert done.code == 0, done.err
    assert "Usage: callfloor" in done.out


@pytest.mark.unit
def test_a_setting_that_cannot_be_is_told_in_a_line(callfloor: Run) -> None:
    done = callfloor("web", "--port", "70000")
    assert done.code == 2
    assert done.err.startswith("Setting web_port:")
    assert "Traceback" not in done.err


@pytest.mark.unit
def test_the_page_of_settings_is_current() -> None:
    page = Path(__file__).parents[2] / settings_page.PAGE
    assert page.read_text() == settings_page.markdown(), (
        "run: callfloor settings --markdown > docs/operator/settings.md"
    )
    assert all(entry.meaning for entry in settings_page.entries()), "each setting says what it means"


@pytest.mark.unit
def test_the_page_of_outcomes_is_current() -> None:
    page = Path(__file__).parents[2] / outcomes_page.PAGE
    assert page.read_text() == outcomes_page.markdown(), (
        "run: callfloor outcomes --markdown > docs/operator/outcomes.md"
    )
    assert {f"`{outcome}`" for outcome in Outcome} <= set(page.read_text().split()), "each outcome is on it"


@pytest.mark.unit
def test_settings_are_shown_without_passwords(callfloor: Run) -> None:
    done = callfloor("settings", database_url="postgresql://anna:geheim@db/callfloor", web_port=8499)
    assert "8499" in done.out
    assert "postgresql://anna:***@db/callfloor" in done.out
    assert "geheim" not in done.out


@pytest.mark.unit
def test_ready_says_who_does_not_answer(callfloor: Run) -> None:
    done = callfloor("ready", "web", "media")
    assert done.code == 1
    assert done.err == "No answer: web, media\n"
    assert callfloor("ready", "kettle").code == 2


@pytest.mark.db
async def test_a_brand_and_its_people(callfloor: Run, database: Database) -> None:
    assert callfloor("brand", "add", "Przykład", "--callback-number", "22 123 45 67").code == 0
    assert callfloor("brand", "add", "Przykład", "--callback-number", "22 123 45 67").code == 1
    added = callfloor("user", "add", "anna", "--phone", "sip:anna@127.0.0.1:5999", typed=f"{PASSWORD}\n")
    assert added.code == 0, added.err
    assert callfloor("user", "add", "szef", "--role", "admin", typed=f"{PASSWORD}\n").code == 0
    async with database.begin() as session:
        brand = (await session.exec(select(Brand))).one()
        assert (brand.name, brand.callback_number) == ("Przykład", "+48221234567")
        assert (await session.exec(select(Disposition).where(Disposition.code == "promise"))).one().brand_id == brand.id
        anna = (await session.exec(select(UserAccount).where(UserAccount.login == "anna"))).one()
        assert verify_password(anna.password_hash, PASSWORD)
        assert (anna.role, anna.brand_ids) == ("agent", [str(brand.id)])
        assert (await session.exec(select(Agent))).one().phone_uri == "sip:anna@127.0.0.1:5999"
        chief = (await session.exec(select(UserAccount).where(UserAccount.login == "szef"))).one()
        assert (chief.role, chief.brand_ids) == ("admin", [])
        actions = sorted(event.action for event in (await session.exec(select(AuditEvent))).all())
        assert actions == ["brand.add", "user.add", "user.add"]
    listed = callfloor("user", "list").out
    assert "anna" in listed
    assert PASSWORD not in listed


@pytest.mark.db
@pytest.mark.parametrize(
    ("arguments", "typed", "says"),
    [
        (("nowy", "--role", "king"), PASSWORD, "No role king; there are: agent, supervisor, manager, admin"),
        (("nowy",), PASSWORD, "An agent needs a telephone"),
        (("nowy", "--role", "manager"), "krótkie", "at least 10 characters"),
        (("nowy", "--role", "manager", "--brand", "Inna"), PASSWORD, "No brand Inna"),
    ],
)
def test_people_who_cannot_be_added(callfloor: Run, brand: Brand, arguments: tuple[str], typed: str, says: str) -> None:
    done = callfloor("user", "add", *arguments, typed=f"{typed}\n")
    assert done.code == 1
    assert says in done.err
    assert "Traceback" not in done.err


@pytest.mark.db
async def test_password_and_deactivation_end_the_sessions(
    callfloor: Run, database: Database, settings: Settings, brand: Brand
) -> None:
    assert callfloor("user", "add", "ewa", "--role", "manager", typed=f"{PASSWORD}\n").code == 0

    async def log_in() -> None:
        async with database.begin() as session:
            user = (await session.exec(select(UserAccount))).one()
            now = settings.clock().now()
            session.add(Login(id=user.id, created_at=now, user_id=user.id, token_hash=b"t", csrf="c", expires_at=now))

    await log_in()
    assert callfloor("user", "password", "ewa", typed="inne-hasło-teraz\n").code == 0
    async with database.begin() as session:
        user = (await session.exec(select(UserAccount))).one()
        assert verify_password(user.password_hash, "inne-hasło-teraz")
        assert (await session.exec(select(Login))).all() == []
    await log_in()
    assert callfloor("user", "deactivate", "ewa").code == 0
    async with database.begin() as session:
        assert not (await session.exec(select(UserAccount))).one().active
        assert (await session.exec(select(Login))).all() == []
    assert "No login nikt" in callfloor("user", "deactivate", "nikt").err


@pytest.mark.db
def test_migrate_makes_the_tables_and_may_be_repeated(callfloor: Run, servers: Servers) -> None:
    url = servers.create_database(migrated=False)
    before = callfloor("user", "list", database_url=url)
    assert before.code == 1
    assert "callfloor migrate" in before.err
    for _ in range(2):
        done = callfloor("migrate", database_url=url)
        assert done.code == 0, done.err
    assert callfloor("user", "list", database_url=url).code == 0


@pytest.mark.db
async def test_a_backup_restored_elsewhere_is_the_same(
    callfloor: Run, servers: Servers, settings: Settings, tmp_path: Path, brand: Brand
) -> None:
    Keys.load(settings)
    file = tmp_path / "callfloor.backup"
    assert callfloor("user", "add", "ewa", "--role", "manager", typed=f"{PASSWORD}\n").code == 0
    done = callfloor("backup", str(file))
    assert done.code == 0, done.err
    assert file.stat().st_mode & 0o777 == 0o600
    assert "keys" in done.out
    assert "exists" in callfloor("backup", str(file)).err

    fresh = servers.create_database(migrated=False)
    done = callfloor("restore", str(file), database_url=fresh)
    assert done.code == 0, done.err
    elsewhere = Database(fresh)
    async with elsewhere.begin() as session:
        user = (await session.exec(select(UserAccount))).one()
        assert (user.login, user.brand_ids) == ("ewa", [str(brand.id)])
        assert (await session.exec(select(Brand))).one().name == brand.name
    await elsewhere.close()

    again = callfloor("restore", str(file), database_url=fresh)
    assert again.code == 1
    assert "not empty" in again.err


@pytest.mark.db
def test_what_is_no_backup_is_refused(callfloor: Run, servers: Servers, tmp_path: Path) -> None:
    fresh = servers.create_database(migrated=False)
    letter, torn = tmp_path / "letter.txt", tmp_path / "torn.backup"
    letter.write_text("Dzień dobry")
    torn.write_bytes(b"PGDMP" + bytes(64))
    for file, says in ((letter, "no backup"), (torn, "pg_restore failed"), (tmp_path / "none", "can't be read")):
        done = callfloor("restore", str(file), database_url=fresh)
        assert done.code == 1
        assert says in done.err
        assert "Traceback" not in done.err
    assert callfloor("migrate", database_url=fresh).code == 0


@pytest.mark.db
def test_a_database_that_does_not_answer_is_told_in_a_line(callfloor: Run) -> None:
    done = callfloor("user", "list", database_url="postgresql://127.0.0.1:1/nothing")
    assert done.code == 1
    assert done.err.strip() == "The database does not answer: is DATABASE_URL right, and the server up?"
