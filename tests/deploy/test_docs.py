"""What README and pages name is there: make targets, commands with their options, settings, files, links."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from cli.main import app
from core.settings import Settings

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
NOT_SETTINGS = {"CALLFLOOR_CONFIG", "CALLFLOOR_AGENT_PASSWORD"}  # read before, or beside, the settings


@pytest.fixture(params=PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def page(request: pytest.FixtureRequest) -> Path:
    """Each page in turn."""
    found = request.param
    assert isinstance(found, Path)
    return found


def code(page: Path) -> Iterator[str]:
    """Pieces of code on a page: what stands between backticks, and the lines of indented or fenced blocks."""
    fenced = False
    for line in page.read_text().splitlines():
        if line.startswith("```"):
            fenced = not fenced
        elif fenced or line.startswith("    "):
            yield line.strip()
        else:
            yield from re.findall(r"`([^`]+)`", line)


def commands(page: Path) -> Iterator[list[str]]:
    """Words after each ``callfloor`` on a page, up to the end of the command."""
    for piece in code(page):
        for found in re.finditer(r"(?:^|[\s/(])callfloor ([a-z][^|;&>#]*)", piece):
            yield shlex.split(found[1].replace("'", ""))


def find(words: list[str]) -> Any:
    """The command these words begin with; every option among them must be one of its."""
    command: Any = get_command(app)
    for word in words:
        if isinstance(command, TyperGroup) and not word.startswith("-"):
            assert word in command.commands, f"no command: callfloor {' '.join(words)}"
            command = command.commands[word]
    known = {name for option in command.params for name in (*option.opts, *option.secondary_opts)} | {"--help"}
    asked = {word.split("=")[0] for word in words if word.startswith("--")}
    assert asked <= known, f"no option {asked - known} in: callfloor {' '.join(words)}"
    return command


def test_commands(page: Path) -> None:
    for words in commands(page):
        find(words)


def test_the_check_sees_commands_and_faults(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "Say `callfloor trunk add X --host Y`, or `callfloor lunch`.\n\n    .venv/bin/callfloor up --fast\n"
    )
    good, lunch, fast = commands(page)
    assert find(good).name == "add"
    for wrong in (lunch, fast):
        with pytest.raises(AssertionError):
            find(wrong)


def test_make_targets(page: Path) -> None:
    targets = set(re.findall(r"^([a-z0-9]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for piece in code(page):
        for named in re.findall(r"(?:^|&& )make ([a-z0-9]+)", piece):
            assert named in targets, f"no target: make {named}"


def test_readme_lists_every_target() -> None:
    targets = re.findall(r"^([a-z0-9]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert [target for target in targets if f"| `make {target}` |" not in (ROOT / "README.md").read_text()] == []


def test_settings(page: Path) -> None:
    known = {f"CALLFLOOR_{name.upper()}" for name in Settings.model_fields} | NOT_SETTINGS
    named = set(re.findall(r"\bCALLFLOOR_[A-Z_]*[A-Z]\b", page.read_text()))
    assert named <= known
    keys = set(re.findall(r"^    ([a-z_]+) = ", page.read_text(), re.MULTILINE))  # lines of callfloor.toml
    assert keys <= set(Settings.model_fields)


def test_links(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        path, _, anchor = target.partition("#")
        if "://" in path:
            continue
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), f"{target} leads nowhere"
        if anchor:
            assert anchor in anchors(there), f"{target} leads to no heading"


def anchors(page: Path) -> set[str]:
    """Anchors of a page's headings, as Git servers make them."""
    heads = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", head.lower()).strip().replace(" ", "-") for head in heads}


def test_files_the_readme_names() -> None:
    """``cases/importing/columns.py``, and ``fields.py`` after it in the same cell."""
    rows = [line for line in (ROOT / "README.md").read_text().splitlines() if line.startswith("|")]
    for row in rows:
        folder = ROOT
        for cell in row.split("|")[2:3]:
            for name in re.findall(r"`([\w./-]+(?:\.py|\.in|\.toml|\.sh|/))`", cell):
                if "LANGUAGE" in name:
                    continue
                here = ROOT / name if (ROOT / name).exists() else folder / name
                assert here.exists(), f"README names {name}"
                folder = here if here.is_dir() else here.parent
