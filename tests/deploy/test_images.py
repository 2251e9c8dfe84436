"""The Dockerfiles, Kamailio's configuration and the systemd unit name only what is there."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import typer.main
from typer.core import TyperGroup

from cli.main import app
from cli.settings_page import entries

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]
VARIABLES = {variable for entry in entries() for variable in entry.variables} | {"CALLFLOOR_CONFIG"}


def instructions(path: Path) -> list[tuple[str, str]]:
    """A Dockerfile's instructions with their arguments, lines joined, comments left out."""
    lines = [line for line in path.read_text().splitlines() if line.strip() and not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines)).splitlines()
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in joined]


@pytest.mark.parametrize("path", ["Dockerfile", "deploy/kamailio/Dockerfile"])
def test_what_is_copied_exists(path: str) -> None:
    folder = (ROOT / path).parent
    copies = [rest for word, rest in instructions(ROOT / path) if word == "COPY" and "--from" not in rest]
    assert copies
    for copy in copies:
        *sources, _target = copy.split()
        for source in sources:
            assert (folder / source).exists(), f"{path} copies {source}"


def test_every_package_is_in_the_image() -> None:
    copied = {rest.split()[0] for word, rest in instructions(ROOT / "Dockerfile") if word == "COPY"}
    roots = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["root_packages"]
    assert set(roots) - {"numbering"} | {"numbers", "alembic"} <= copied


def test_the_image_runs_our_command_as_nobody_special() -> None:
    found = instructions(ROOT / "Dockerfile")
    assert ("USER", "callfloor") in found
    assert ("ENTRYPOINT", '["callfloor"]') in found
    set_up = next(rest for word, rest in found if word == "RUN" and "setup.sh" in rest)
    assert (ROOT / set_up.split()[-1]).exists()
    named = set(re.findall(r"\bCALLFLOOR_\w+", (ROOT / "Dockerfile").read_text()))
    assert named
    assert named <= VARIABLES


def test_the_images_user_owns_the_taps() -> None:
    uid = re.search(r"useradd .*--uid (\d+)", (ROOT / "Dockerfile").read_text())
    assert uid is not None
    assert f"uid={uid[1]}," in (ROOT / "docker-compose.yml").read_text()


def test_the_systemd_unit_starts_a_command_there_is() -> None:
    unit = (ROOT / "deploy/systemd/callfloor.service").read_text()
    command = re.search(r"^ExecStart=\S+/callfloor (\w+)$", unit, re.MULTILINE)
    cli = typer.main.get_command(app)
    assert isinstance(cli, TyperGroup)
    assert command is not None
    assert command[1] in cli.commands
    assert set(re.findall(r"^Environment=(\w+)=", unit, re.MULTILINE)) <= VARIABLES


def test_kamailio_reads_only_files_that_are_delivered() -> None:
    folder = ROOT / "deploy/kamailio"
    text = (folder / "kamailio.cfg").read_text()
    for name in re.findall(r'/etc/kamailio/([\w./]+)"', text):
        assert (folder / name).exists(), name
    loaded = re.findall(r'^loadmodule "(\w+)\.so"', text, re.MULTILINE)
    assert len(loaded) == len(set(loaded))
    configured = {
        name for names in re.findall(r'^modparam\("([\w|]+)"', text, re.MULTILINE) for name in names.split("|")
    }
    assert configured <= set(loaded)
    routes = set(re.findall(r"route\[(\w+)\] \{", text))
    assert set(re.findall(r"\broute\((\w+)\)", text)) <= routes
