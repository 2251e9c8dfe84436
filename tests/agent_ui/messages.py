"""Every sentence a page can say, gathered from templates, tables of words, and the errors people are shown."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from jinja2 import Environment, nodes

from agent_ui import manager, words

ROOT = Path(__file__).parents[2]
TEMPLATES = ROOT / "agent_ui" / "templates"
ERRORS = {
    "SessionError", "DispositionError", "DeskError", "CampaignError", "UploadError", "RefusedError", "BrokenFileError",
    "MappingError",
}  # fmt: skip
SPEAKERS = ("agent_ui", "dialer/agents", "dialer/campaigns", "cases/importing")
UNSPOKEN = {"mappings.py"}  # saved mappings are made on the command line


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
    """Texts of the errors that reach people, values in them named a, b, c; and what the application says itself."""
    for folder in SPEAKERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if path.name in UNSPOKEN:
                continue
            tree = ast.parse(path.read_text())
            for node in ast.walk(tree):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ERRORS:
                    yield from (text for argument in node.args if (text := message(argument, constants(tree))))
                if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
                    targets = [t.id for t in node.targets if isinstance(t, ast.Name)]
                    if targets == ["failure"] and isinstance(node.value.value, str):
                        yield node.value.value
    yield from ("There is no such page.", "The database is away for a moment: try again.")


def constants(tree: ast.Module) -> dict[str, str]:
    """The module's named texts."""
    return {
        node.target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.AnnAssign)
        and isinstance(node.target, ast.Name)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    }


def message(node: ast.expr, named: dict[str, str]) -> str | None:
    """The catalogue's form of an error's text: the values of an f-string or a template become ``%(a)s`` and so on."""
    names = iter("abcdefg")
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.Name):
        return named.get(node.id)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name):
        return named.get(node.func.value.id, "").replace("{}", f"%({next(names)})s") or None
    if isinstance(node, ast.JoinedStr):
        parts = (p.value if isinstance(p, ast.Constant) else f"%({next(names)})s" for p in node.values)
        return "".join(str(part) for part in parts)
    return None


def every() -> list[str | tuple[str, str]]:
    """All messages, once each, in order."""
    return list(dict.fromkeys([*of_templates(), *of_words(), *of_errors()]))
