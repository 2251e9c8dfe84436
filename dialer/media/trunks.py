"""Trunks as the library sees them: an account each, its lines in use, its health."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pjsua2 as pj
import structlog

from dialer.media.endpoint import Endpoint
from dialer.media.events import Events
from dialer.media.limits import TokenBucket
from dialer.media.loop import Loop, Timer, guarded
from dialer.media.messages import TrunkStatus
from dialer.trunks.models import SrtpUse, Transport
from dialer.trunks.specs import TrunkSpec

log = structlog.get_logger()
DOWN = frozenset({408, 502, 503, 504})  # answers to OPTIONS that mean: don't call through it
SRTP = {
    SrtpUse.OFF: pj.PJMEDIA_SRTP_DISABLED,
    SrtpUse.OPTIONAL: pj.PJMEDIA_SRTP_OPTIONAL,
    SrtpUse.MANDATORY: pj.PJMEDIA_SRTP_MANDATORY,
}


@dataclass
class TrunkLine:
    """One trunk in use. ``calls`` holds the attempts that take a line of it."""

    spec: TrunkSpec
    account: TrunkAccount
    bucket: TokenBucket
    calls: set[UUID] = field(default_factory=set)
    options_ok: bool = True
    registered: bool = True
    timer: Timer | None = None

    @property
    def up(self) -> bool:
        """Whether it answers and, if it asks for it, has us registered."""
        return self.options_ok and self.registered


class Refusing(pj.Account):  # type: ignore[misc]  # pjsua2 has no types
    """An account that takes no calls: incoming ones are not a feature yet."""

    @guarded
    def onIncomingCall(self, prm: Any) -> None:  # noqa: N802 - the library's name
        call = pj.Call(self, prm.callId)
        answer = pj.CallOpParam()
        answer.statusCode = pj.PJSIP_SC_TEMPORARILY_UNAVAILABLE
        with suppress(pj.Error):
            call.hangup(answer)


class TrunkAccount(Refusing):
    """The SIP account of one trunk: registration and OPTIONS report to ``status``."""

    def __init__(self, status: Callable[[TrunkAccount, str, int], None]) -> None:
        super().__init__()
        self._status = status

    @guarded
    def onRegState(self, prm: Any) -> None:  # noqa: N802
        self._status(self, "register", int(prm.code))

    @guarded
    def onSendRequest(self, prm: Any) -> None:  # noqa: N802
        self._status(self, "options", int(prm.e.body.tsxState.tsx.statusCode))


class Trunks:
    """Every trunk of this process, kept as the database has them."""

    def __init__(self, loop: Loop, endpoint: Endpoint, events: Events) -> None:
        self._loop, self._endpoint, self._events = loop, endpoint, events
        self.lines: dict[UUID, TrunkLine] = {}
        self._retired: list[TrunkLine] = []
        self.local = Refusing()  # for agents' legs, and for whoever calls us
        self.local.create(endpoint.account_config(f"sip:callfloor@{endpoint.public_host or endpoint.host}"), True)

    def load(self, specs: Mapping[UUID, TrunkSpec]) -> None:
        """Take over what the database holds. Calls that are up go on, whatever happens to their trunk."""
        for trunk_id in set(self.lines) - set(specs):
            self._retire(self.lines.pop(trunk_id))
        for trunk_id, spec in specs.items():
            line = self.lines.get(trunk_id)
            if line is not None and line.spec.account == spec.account:
                if line.spec.max_cps != spec.max_cps:
                    line.bucket = TokenBucket(spec.max_cps)
                line.spec = spec
                continue
            if line is not None:
                self._retire(line)
            try:
                self.lines[trunk_id] = self._add(spec)
            except pj.Error as error:
                self.lines.pop(trunk_id, None)
                log.error("trunk_refused", trunk=spec.name, status=error.status)
        self._clear_retired()
        log.info("trunks_loaded", trunks=len(self.lines))

    def _add(self, spec: TrunkSpec) -> TrunkLine:
        account = TrunkAccount(self._status)
        line = TrunkLine(spec, account, TokenBucket(spec.max_cps))
        line.registered = not spec.registers
        account.create(self._config(spec))
        if spec.options_interval > 0:
            line.timer = self._loop.after(0.0, lambda: self._ask(line))
        return line

    def _config(self, spec: TrunkSpec) -> Any:
        domain = spec.from_domain or spec.domain
        config = self._endpoint.account_config(f"sip:{spec.username or 'callfloor'}@{domain}")
        if (proxy := spec.proxy_uri()) is not None:
            config.sipConfig.proxies.append(proxy)
        if spec.username and spec.password.text:
            credential = pj.AuthCredInfo("digest", "*", spec.username, 0, spec.password.text)
            config.sipConfig.authCreds.append(credential)
        if spec.registers:
            config.regConfig.registrarUri = spec.self_uri()
            config.regConfig.retryIntervalSec = config.regConfig.firstRetryIntervalSec = 15
        config.mediaConfig.srtpUse = SRTP[spec.srtp]
        # The key stands in the SDP: over UDP anyone on the way reads it, but many carriers offer nothing better.
        config.mediaConfig.srtpSecureSignaling = 1 if spec.transport is Transport.TLS else 0
        config.callConfig.timerUse = pj.PJSUA_SIP_TIMER_OPTIONAL
        config.callConfig.timerSessExpiresSec = 1800
        return config

    def _ask(self, line: TrunkLine) -> None:
        """One OPTIONS, and the next one in its time (RFC 3261 11)."""
        if self.lines.get(line.spec.id) is not line or line.spec.options_interval <= 0:
            return
        line.timer = self._loop.after(line.spec.options_interval, lambda: self._ask(line))
        request = pj.SendRequestParam()
        request.method = "OPTIONS"
        request.txOption.targetUri = line.spec.self_uri()
        try:
            line.account.sendRequest(request)
        except pj.Error:
            self._status(line.account, "options", 503)

    def _status(self, account: TrunkAccount, what: str, code: int) -> None:
        line = next((line for line in self.lines.values() if line.account is account), None)
        if line is None or code < 200:
            return
        was = line.up
        if what == "options":
            line.options_ok = code not in DOWN
        else:
            line.registered = code < 300
        if line.up is not was:
            log.warning("trunk_status", trunk=line.spec.name, up=line.up, sip_code=code)
            for campaign_id in list(self._events.campaigns):
                self._events.tell(TrunkStatus, campaign_id, trunk_id=line.spec.id, up=line.up, sip_code=code)

    def _retire(self, line: TrunkLine) -> None:
        if line.timer is not None:
            line.timer.cancel()
        self._retired.append(line)

    def _clear_retired(self) -> None:
        """Shut accounts down whose last call has ended; look again while there are any."""
        for line in [line for line in self._retired if not line.calls]:
            self._retired.remove(line)
            with suppress(pj.Error):
                line.account.shutdown()
        if self._retired:
            self._loop.after(5.0, self._clear_retired)
