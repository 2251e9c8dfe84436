"""Number formats, what is never dialled, identity headers, and trunks in the database."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from core.clock import Clock
from core.db import Database
from core.models import Brand
from core.security import Keys
from core.settings import Settings
from dialer.trunks.headers import ANONYMOUS, caller_identity
from dialer.trunks.models import CallerIdHeader, NumberFormat, SrtpUse, Transport
from dialer.trunks.numbers import why_not, written
from dialer.trunks.service import TrunkError, create_trunk, edit_trunk, load_specs
from dialer.trunks.specs import Secret, TrunkSpec

NUMBER = "+48221112233"


def spec(**changes: Any) -> TrunkSpec:
    fields: dict[str, Any] = {
        "id": uuid4(), "name": "t", "host": "carrier.invalid:5070", "proxy": None, "transport": Transport.UDP,
        "srtp": SrtpUse.OFF, "registers": False, "username": None, "password": Secret(None), "from_domain": None,
        "caller_id_header": CallerIdHeader.PAI, "privacy": None, "number_format": NumberFormat.PLUS,
        "allowed_prefixes": ("+48",), "max_calls": 1, "max_cps": 1.0, "max_duration": 1, "options_interval": 0,
        "codecs": ("PCMA", "PCMU"),
    }  # fmt: skip
    return TrunkSpec(**{**fields, **changes})


@pytest.mark.unit
@pytest.mark.parametrize(
    ("number", "why"),
    [
        ("+48501234567", None),
        ("+48221234567", None),
        ("+442079460000", "foreign"),
        ("+48112", "short"),
        ("+48999", "short"),
        ("+48703123456", "premium"),
        ("+48300123456", "premium"),
        ("+48400123456", "premium"),
        ("+48801123456", "premium"),
        ("48501234567", "format"),
        ("+48 501", "format"),
        ("+48501234567890123", "format"),
    ],
)
def test_what_is_never_dialled(number: str, why: str | None) -> None:
    assert why_not(number, ["+48"]) == why


@pytest.mark.unit
def test_no_prefix_means_no_number() -> None:
    assert why_not("+48501234567", []) == "foreign"
    assert why_not("+48501234567", [""]) == "foreign"


@pytest.mark.unit
@pytest.mark.parametrize(
    ("form", "text"),
    [
        (NumberFormat.PLUS, "+48221112233"),
        (NumberFormat.DIGITS, "48221112233"),
        (NumberFormat.ZEROS, "0048221112233"),
        (NumberFormat.NATIONAL, "0221112233"),
    ],
)
def test_number_formats(form: NumberFormat, text: str) -> None:
    assert written(NUMBER, form) == text


@pytest.mark.unit
def test_the_shown_number_goes_where_the_trunk_reads_it() -> None:
    shown = "<sip:+48221112233@carrier.invalid>"
    assert caller_identity(spec(), NUMBER, "h") == (shown, {"P-Asserted-Identity": shown})
    assert caller_identity(spec(caller_id_header=CallerIdHeader.FROM), NUMBER, "h") == (shown, {})
    assert caller_identity(spec(caller_id_header=CallerIdHeader.PPI), NUMBER, "h").headers == {
        "P-Preferred-Identity": shown
    }
    rpid = caller_identity(spec(caller_id_header=CallerIdHeader.RPID), NUMBER, "h").headers["Remote-Party-ID"]
    assert rpid == f"{shown};party=calling;screen=yes;privacy=off"
    account = spec(registers=True, username="shop", from_domain="sip.invalid")
    assert caller_identity(account, NUMBER, "h").from_uri == "<sip:shop@sip.invalid>"


@pytest.mark.unit
def test_privacy_hides_the_caller_in_from() -> None:
    hidden = caller_identity(spec(privacy="id;critical"), NUMBER, "h")
    assert hidden.from_uri == ANONYMOUS
    assert hidden.headers["Privacy"] == "id;critical"
    assert NUMBER in hidden.headers["P-Asserted-Identity"]
    assert caller_identity(spec(privacy="none"), NUMBER, "h").from_uri != ANONYMOUS


@pytest.mark.unit
def test_uris_name_the_transport() -> None:
    plain = spec(number_format=NumberFormat.NATIONAL)
    assert plain.target(NUMBER) == "sip:0221112233@carrier.invalid:5070"
    secure = spec(transport=Transport.TLS, proxy="edge.invalid:5061")
    assert secure.target(NUMBER).endswith(";transport=tls")
    assert secure.proxy_uri() == "sip:edge.invalid:5061;transport=tls;lr"
    assert "hush" not in repr(spec(password=Secret("hush")))


@pytest.mark.db
async def test_a_trunk_is_made_changed_and_loaded_with_its_password_sealed(
    database: Database, clock: Clock, settings: Settings, brand: Brand
) -> None:
    keys = Keys.load(settings)
    async with database.begin() as session:
        trunk = await create_trunk(
            session, clock, keys, brand_id=brand.id, name="a", host="sip.invalid", username="shop", password="hush"
        )
        off = await create_trunk(session, clock, keys, brand_id=brand.id, name="b", host="x.invalid", enabled=False)
    assert b"hush" not in (trunk.password_sealed or b"")
    async with database.begin() as session:
        await edit_trunk(session, clock, keys, trunk.id, max_calls=3, host="sip2.invalid:5070")
    specs = await load_specs(database, keys)
    assert off.id not in specs
    found = specs[trunk.id]
    assert (found.password.text, found.max_calls, found.host) == ("hush", 3, "sip2.invalid:5070")


@pytest.mark.db
@pytest.mark.parametrize(
    "fields",
    [
        {"host": "no host"},
        {"allowed_prefixes": ["48"]},
        {"max_cps": 0},
        {"privacy": "id\r\nX: y"},
        {"colour": "red"},
        {"codecs": []},
        {"codecs": ["G729"]},
        {"codecs": ["PCMA", "PCMA"]},
    ],
)
async def test_what_cannot_work_is_refused(
    database: Database, clock: Clock, settings: Settings, brand: Brand, fields: dict[str, Any]
) -> None:
    asked: dict[str, Any] = {"host": "sip.invalid", **fields}
    async with database.begin() as session:
        with pytest.raises(TrunkError):
            await create_trunk(session, clock, Keys.load(settings), brand_id=brand.id, name="c", **asked)
