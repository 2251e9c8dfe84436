"""Every sentence a page can say, gathered from templates, tables of words, and the errors people are shown."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from jinja2 import Environment, nodes

from agent_ui import manager, words

ROOT = Path(__file__).parents[2]
TEMPLATES = ROOT / "agent_ui" / "templates"
ERRORS = {"SessionError", "DispositionError", "DeskError", "CampaignError", "UploadError", "RefusedError"}
SPEAKERS = ("agent_ui", "dialer/agents", "dialer/campaigns")


def of_templates() -> Iterator[str | tuple[str, str]]:
    """Messages of ``_()`` and pairs of ``plural()`` in all templates."""
    for path in sorted(TEMPLATES.rglob("*.html")):
        tree = Environment(autoescape=True).parse(path.read_text())
        for call in tree.find_all(nodes.Call):
            if not isinstance(call.node, nodes.Name):
                continue
            texts = [arg.value for arg in call.args if isinstance(arg, nodes.Const)]
            if call.node.name == "_" and texts:
                yield texts[0]
            elif call.node.name == "plural":
                yield texts[0], texts[1]


def of_words() -> Iterator[str]:
    """The tables of :mod:`agent_ui.words` and the headings of reports."""
    for name, table in vars(words).items():
        if name.isupper() and isinstance(table, dict):
            yield from table.values()
    yield words.IN_PROGRESS
    yield from manager.HEADINGS.values()
    yield from ("Waits after: %(what)s", "Finished: %(what)s")


def of_errors() -> Iterator[str]:
    """Constant texts of the errors that reach people, and what the application says itself."""
    for folder in SPEAKERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ERRORS:
                    yield from (a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str))
                if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
                    targets = [t.id for t in node.targets if isinstance(t, ast.Name)]
                    if targets == ["failure"] and isinstance(node.value.value, str):
                        yield node.value.value
    yield from ("There is no such page.", "The database is away for a moment: try again.")


def every() -> list[str | tuple[str, str]]:
    """All messages, once each, in order."""
    return list(dict.fromkeys([*of_templates(), *of_words(), *of_errors()]))
