"""From view to HTML: one Jinja environment per language, with the words, icons and formats pages need."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.requests import HTTPConnection

from agent_ui import words
from agent_ui.context import Site, site_of
from agent_ui.i18n import LANGUAGES, Speech, best_language, duration
from agent_ui.identity import DEFAULT_ZONE, User
from cases.contact.texts import TEXTS, reason_text
from core.models import Role

LANGUAGE_COOKIE: Final = "language"
_TEMPLATES: Final = Path(__file__).parent / "templates"


def speech_of(request: HTTPConnection, user: User | None = None) -> Speech:
    """The language of a page: what was chosen on this browser, else the user's, else what the browser prefers."""
    chosen = request.cookies.get(LANGUAGE_COOKIE, "")
    if chosen not in LANGUAGES:
        chosen = user.language if user else best_language(request.headers.get("accept-language", ""))
    return Speech(chosen, user.zone if user else DEFAULT_ZONE)


@lru_cache
def environment(language: str, zone: str) -> Environment:
    """The templates, speaking ``language`` and writing instants in ``zone``."""
    speech = Speech(language, zone)
    env = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters.update(
        money=speech.money,
        number=speech.number,
        percent=speech.percent,
        instant=speech.instant,
        day=speech.day,
        clock=speech.clock,
        duration=duration,
        epoch=epoch,
        phone=phone,
        outcome=lambda code: speech.text(words.outcome(code)),
        reason=lambda code: reason(speech, code),
        error=speech.error,
        refusal=lambda code, figures: refusal(speech, code, figures),
        word=lambda code, table: speech.text(getattr(words, table).get(str(code), str(code))),
    )
    env.globals.update(
        _=speech.text,
        plural=speech.plural,
        icon=icon,
        language=speech.language,
        languages=LANGUAGES,
        words=words,
        Role=Role,
    )
    return env


def render(template: str, speech: Speech, **values: Any) -> str:
    """One template, filled in."""
    return environment(speech.language, speech.zone.key).get_template(template).render(**values)


def page(
    request: Request,
    template: str,
    user: User | None,
    *,
    status: int = 200,
    speech: Speech | None = None,
    **values: Any,
) -> HTMLResponse:
    """A whole page for ``user`` (None: nobody is logged in)."""
    site: Site = site_of(request)
    spoken = speech or speech_of(request, user)
    html = render(template, spoken, user=user, path=request.url.path, now=site.clock.now(), **values)
    return HTMLResponse(html, status)


def partial(target: str, html: str, swap: str = "outerMorph") -> str:
    """A piece for htmx to put in the place of ``target`` (a CSS selector), keeping focus and what did not change."""
    return f'<hx-partial hx-target="{escape(target)}" hx-swap="{swap}">{html}</hx-partial>'


def reason(speech: Speech, code: str) -> str:
    """A reason code in words; those made of an outcome say so."""
    for prefix, template in (("after_", "Waits after: %(what)s"), ("finished_", "Finished: %(what)s")):
        if code.startswith(prefix):
            return speech.text(template, what=speech.text(words.outcome(code.removeprefix(prefix))))
    return speech.text(words.reason(code))


def refusal(speech: Speech, code: str, figures: Mapping[str, Any]) -> str:
    """Why the contact policy says no, with its figures: "3 of 3 attempts today"."""
    if code not in TEXTS:
        return reason(speech, code)
    named = {**figures, "suppressed": speech.text(words.outcome(figures.get("suppressed", "")))}
    return reason_text(code, speech.language, named)


def epoch(value: datetime | None) -> str:
    """Unix milliseconds for the page's timers."""
    return str(round(value.timestamp() * 1000)) if value else ""


def phone(number: str) -> str:
    """An E.164 number with the gaps people read by; foreign ones as they are."""
    if number.startswith("+48") and len(number) == 12:
        rest = number[3:]
        return f"+48 {rest[:3]} {rest[3:6]} {rest[6:]}".replace(" ", "\N{NO-BREAK SPACE}")
    return number


def icon(name: str, css: str = "") -> Markup:
    """A drawing of the sprite; the word beside it says the same, so readers of screens pass over it."""
    return Markup('<svg class="icon {css}" aria-hidden="true"><use href="/static/icons.svg#{name}"/></svg>').format(
        css=css, name=name
    )
