"""The settings as text: a table of present values, and the page ``docs/operator/settings.md``."""

from __future__ import annotations

import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin

from annotated_types import Ge, Le
from pydantic import AliasChoices
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from sqlalchemy.engine import make_url

from core.settings import Settings

PAGE = Path("docs/operator/settings.md")
HEAD = """\
# Settings

<!-- Generated from core/settings.py: `callfloor settings --markdown > docs/operator/settings.md` -->

Every process reads the same settings. The strongest source wins: environment variables (an empty one counts as not
set), then the TOML file named by `CALLFLOOR_CONFIG` (default `callfloor.toml` in the working directory; its keys are
the names below in small letters, without `CALLFLOOR_`), then the default. `callfloor settings` prints what is in force.

| Variable | Values | Default | Meaning |
|---|---|---|---|
"""


class Entry(NamedTuple):
    """One setting as the operator sees it."""

    field: str
    variables: tuple[str, ...]
    values: str
    default: str
    meaning: str


def entries() -> Iterator[Entry]:
    """All settings in the order of their file."""
    for name, info in Settings.model_fields.items():
        default = "" if info.default in (None, PydanticUndefined) else str(info.default)
        yield Entry(name, variables_of(name, info), _values(info), default, info.description or "")


def variables_of(name: str, info: FieldInfo) -> tuple[str, ...]:
    """Environment variables a setting is read from, the strongest first."""
    if isinstance(info.validation_alias, AliasChoices):
        return tuple(str(choice) for choice in info.validation_alias.choices if str(choice).isupper())
    return (f"CALLFLOOR_{name.upper()}",)


def markdown() -> str:
    """The page for operators."""
    rows = []
    for entry in entries():
        variables = " or ".join(f"`{variable}`" for variable in entry.variables)
        default = f"`{entry.default}`" if entry.default else ""
        cells = (variables, entry.values, default, entry.meaning)
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n")
    return HEAD + "".join(rows)


def table(settings: Settings) -> str:
    """Variable and value in force, one a line; passwords in URLs are hidden."""
    pairs = [(entry.variables[0], _shown(getattr(settings, entry.field))) for entry in entries()]
    width = max(len(variable) for variable, _ in pairs)
    return "".join(f"{variable:<{width}}  {value}".rstrip() + "\n" for variable, value in pairs)


def _shown(value: object) -> str:
    if value is None:
        return ""
    text = str(value)
    return make_url(text).render_as_string(hide_password=True) if "://" in text else text


def _values(info: FieldInfo) -> str:
    words = _type(info.annotation)
    low = next((m.ge for m in info.metadata if isinstance(m, Ge)), None)
    high = next((m.le for m in info.metadata if isinstance(m, Le)), None)
    if low is not None and high is not None:
        return f"{low} to {high}"
    return words if low is None else f"{words}, at least {low}"


def _type(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        return ", ".join(str(choice) for choice in get_args(annotation))
    if get_origin(annotation) in (Union, types.UnionType):
        return next(_type(arm) for arm in get_args(annotation) if arm is not type(None))
    names = {"Path": "path", "datetime": "ISO 8601 instant", "int": "whole number", "float": "number", "str": "text"}
    return names[annotation.__name__]
