"""A trunk row as media needs it: plain values, the password unsealed, URIs ready to use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from dialer.trunks.models import CallerIdHeader, NumberFormat, SrtpUse, Transport, Trunk, TrunkAuth
from dialer.trunks.numbers import written


@dataclass(frozen=True)
class TrunkSpec:
    """SIP settings of one enabled trunk. ``password`` never leaves this process and is not shown."""

    id: UUID
    name: str
    host: str
    proxy: str | None
    transport: Transport
    srtp: SrtpUse
    registers: bool
    username: str | None
    password: Secret
    from_domain: str | None
    caller_id_header: CallerIdHeader
    privacy: str | None
    number_format: NumberFormat
    allowed_prefixes: tuple[str, ...]
    max_calls: int
    max_cps: float
    max_duration: int
    options_interval: int
    codecs: tuple[str, ...]

    @property
    def domain(self) -> str:
        """The carrier's host without its port."""
        return self.host.partition(":")[0]

    @property
    def hides_caller(self) -> bool:
        """Whether Privacy asks to hide who calls (RFC 3323, RFC 3325: id, user, header)."""
        return bool({"id", "user", "header"} & set((self.privacy or "").replace(" ", "").split(";")))

    @property
    def account(self) -> tuple[object, ...]:
        """Everything a SIP account is made of: if it changes, the account must be made anew."""
        return (
            self.host, self.proxy, self.transport, self.srtp, self.registers, self.username, self.password.text,
            self.from_domain,
        )  # fmt: skip

    def write(self, e164: str) -> str:
        """A number in the trunk's format."""
        return written(e164, self.number_format)

    def target(self, e164: str) -> str:
        """The request URI of a call to ``e164``."""
        return f"sip:{self.write(e164)}@{self.host}{self._transport}"

    def self_uri(self) -> str:
        """The carrier's own URI: what OPTIONS and REGISTER go to."""
        return f"sip:{self.host}{self._transport}"

    def proxy_uri(self) -> str | None:
        """The outbound proxy as a loose route, None if there is none."""
        if self.proxy is None:
            return None
        host = self.proxy.removeprefix("sip:")
        return f"sip:{host}{'' if ';transport=' in host else self._transport};lr"

    @property
    def _transport(self) -> str:
        return "" if self.transport is Transport.UDP else f";transport={self.transport.value}"


@dataclass(frozen=True, repr=False)
class Secret:
    """A password that shows in no log."""

    text: str | None

    def __repr__(self) -> str:
        return "Secret(***)" if self.text else "Secret(None)"


def spec_of(trunk: Trunk, unseal: Callable[[bytes], str]) -> TrunkSpec:
    """The settings of a row; ``unseal`` opens its password (``core.security.Keys.unseal``)."""
    sealed = trunk.password_sealed
    return TrunkSpec(
        id=trunk.id,
        name=trunk.name,
        host=trunk.host,
        proxy=trunk.outbound_proxy or None,
        transport=trunk.transport,
        srtp=trunk.srtp,
        registers=trunk.auth is TrunkAuth.REGISTER,
        username=trunk.username,
        password=Secret(unseal(sealed) if sealed else None),
        from_domain=trunk.from_domain,
        caller_id_header=trunk.caller_id_header,
        privacy=trunk.privacy,
        number_format=trunk.number_format,
        allowed_prefixes=tuple(trunk.allowed_prefixes),
        max_calls=trunk.max_calls,
        max_cps=trunk.max_cps,
        max_duration=trunk.max_duration,
        options_interval=trunk.options_interval,
        codecs=tuple(trunk.codecs),
    )
