"""Trunks: the carriers we call through, and what their signals mean."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Column, LargeBinary, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from core.db import BrandRow, check, choice, instant


class TrunkAuth(StrEnum):
    """How the carrier knows us."""

    IP = "ip"
    REGISTER = "register"


class Transport(StrEnum):
    """SIP transport."""

    UDP = "udp"
    TCP = "tcp"
    TLS = "tls"


class SrtpUse(StrEnum):
    """SRTP towards the carrier."""

    OFF = "off"
    OPTIONAL = "optional"
    MANDATORY = "mandatory"


class CallerIdHeader(StrEnum):
    """Where the shown number goes (RFC 3261, RFC 3325, draft-ietf-sip-privacy-04)."""

    FROM = "from"
    PAI = "p_asserted_identity"
    PPI = "p_preferred_identity"
    RPID = "remote_party_id"


class NumberFormat(StrEnum):
    """How the called number is written in the request URI: +48221234567, 48221234567, 0048..., 0221234567."""

    PLUS = "plus"
    DIGITS = "digits"
    ZEROS = "zeros"
    NATIONAL = "national"


class Trunk(BrandRow, table=True):
    """A carrier connection."""

    __table_args__ = (UniqueConstraint("brand_id", "name"), check("limits", "max_calls > 0 AND max_cps > 0"))
    name: str
    auth: TrunkAuth = choice(TrunkAuth, default=TrunkAuth.IP)
    host: str = Field(description="host or host:port; SRV is looked up when no port is given")
    outbound_proxy: str | None = None
    transport: Transport = choice(Transport, default=Transport.UDP)
    srtp: SrtpUse = choice(SrtpUse, default=SrtpUse.OFF)
    username: str | None = None
    password_sealed: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    from_domain: str | None = None
    caller_id_header: CallerIdHeader = choice(CallerIdHeader, default=CallerIdHeader.PAI)
    privacy: str | None = Field(default=None, description="value of a Privacy header (RFC 3323), e.g. id")
    number_format: NumberFormat = choice(NumberFormat, default=NumberFormat.PLUS)
    allowed_prefixes: list[str] = Field(
        default_factory=lambda: ["+48"], sa_column=Column(JSONB, nullable=False), description="E.164 prefixes dialled"
    )
    max_calls: int = 30
    max_cps: float = 5.0
    ring_timeout: int = Field(default=25, description="s")
    max_duration: int = Field(default=3600, description="s")
    options_interval: int = Field(default=30, description="s between OPTIONS; 0: no health check")
    codecs: list[str] = Field(default_factory=lambda: ["PCMA", "PCMU"], sa_column=Column(JSONB, nullable=False))
    enabled: bool = True
    backoff_until: datetime | None = instant()


class OutcomeRule(BrandRow, table=True):
    """A trunk's own reading of a signal; goes before the shipped table (``dialer/trunks/outcomes.py``)."""

    __tablename__ = "outcome_rule"
    trunk_id: UUID = Field(foreign_key="trunk.id", index=True)
    position: int = 0
    sip_code: int | None = None
    q850: int | None = None
    outcome: str
    detail: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSONB, nullable=False))
