"""docker-compose.yml against what it stands on: the command line, the settings, the files of this checkout."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml
from typer.core import TyperGroup

from cli.main import app
from cli.probes import PROBES
from cli.settings_page import entries
from core.settings import Settings

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service.get("image") == "callfloor"}
VARIABLES = {variable: entry.field for entry in entries() for variable in entry.variables}
SERVERS_OWN = {"POSTGRES_PASSWORD", "POSTGRES_USER"}  # of the postgres image


def cli() -> TyperGroup:
    found = typer.main.get_command(app)
    assert isinstance(found, TyperGroup)
    return found


def filled(text: str) -> str:
    """A value as compose puts it, with the defaults of its variables and a word where one must be given."""
    return re.sub(r"\$\{(\w+)(?::([-?])([^}]*))?\}", lambda m: m[3] if m[2] == "-" else "word", text)


def variables(value: object) -> set[str]:
    return set(re.findall(r"\$\{(\w+)", yaml.safe_dump(value)))


def test_the_same_processes_as_callfloor_up() -> None:
    from cli.up import house

    alone = {spec.name for spec in house(Settings(database_url=None, redis_url=None))}
    assert set(SERVICES) == alone | {"kamailio"}


@pytest.mark.parametrize("name", sorted(OURS))
def test_commands_exist_and_take_their_arguments(name: str) -> None:
    command, *arguments = OURS[name]["command"]
    found = cli().commands[command]
    found.make_context(command, list(arguments))
    assert command == name


@pytest.mark.parametrize("name", sorted(OURS))
def test_every_variable_is_a_setting_and_fits(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = {key: filled(str(value)) for key, value in OURS[name]["environment"].items()}
    assert [key for key in environment if key not in VARIABLES] == []
    for key, value in environment.items():
        monkeypatch.setenv(key, value)
    read = Settings()
    for key, value in environment.items():
        found = getattr(read, VARIABLES[key])
        assert found is None if value == "" else str(found) == value


def test_variables_of_the_env_file_are_settings_too() -> None:
    assert variables(COMPOSE) - SERVERS_OWN <= set(VARIABLES)


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_health_is_asked_for(name: str) -> None:
    if name == "migrate":
        assert SERVICES[name]["restart"] == "no"
        return
    check = SERVICES[name]["healthcheck"]["test"]
    assert check[0] in ("CMD", "CMD-SHELL")
    if name in OURS:
        assert check[1:3] == ["callfloor", "ready"]
        assert set(check[3:]) <= set(PROBES)
        assert check[3:]
    assert SERVICES[name]["restart"] == "unless-stopped"


def test_who_waits_for_whom() -> None:
    for name, service in OURS.items():
        waits = service["depends_on"]
        assert set(waits) <= set(SERVICES)
        for other, how in waits.items():
            done = how["condition"] == "service_completed_successfully"
            assert done == (other == "migrate")
            assert done or "healthcheck" in SERVICES[other]
        assert name == "migrate" or "migrate" in waits


def test_volumes_are_declared_and_shared_as_meant() -> None:
    used: dict[str, set[str]] = {}
    for name, service in SERVICES.items():
        for mount in service.get("volumes", []):
            source = mount.split(":")[0]
            if source.startswith("."):
                assert (ROOT / source).exists(), f"{name} mounts {source}"
            else:
                used.setdefault(source, set()).add(name)
    assert set(used) == set(COMPOSE["volumes"])
    assert used["taps"] == {"media", "detector"}
    assert used["postgres"] == {"postgres"}
    assert used["data"] == used["keys"] == set(OURS)
    assert COMPOSE["volumes"]["taps"]["driver_opts"]["type"] == "tmpfs"
    media, detector = (SERVICES[name]["environment"] for name in ("media", "detector"))
    for key in ("CALLFLOOR_TAP_DIR", "CALLFLOOR_NODE", "CALLFLOOR_MEDIA_SIP_PORT"):
        assert media[key] == detector[key], "both must mean the same folder of taps"
    assert f"taps:{media['CALLFLOOR_TAP_DIR']}" in SERVICES["detector"]["volumes"]


def test_nothing_is_published_beyond_loopback_unasked() -> None:
    published: list[str] = []
    for name, service in SERVICES.items():
        assert not (service.get("network_mode") == "host" and "ports" in service), name
        for port in service.get("ports", []):
            host, outside, inside = port.split(":")
            assert host == "127.0.0.1"
            published.append(outside)
            if name == "web":
                assert inside == service["environment"]["CALLFLOOR_WEB_PORT"]
    assert len(published) == len(set(published))
    urls = SERVICES["media"]["environment"]
    assert urls["DATABASE_URL"].split("@")[1].startswith("127.0.0.1:15432/")
    assert urls["REDIS_URL"].startswith("redis://127.0.0.1:16379/")
    assert {"15432", "16379"} <= set(published)


def test_ports_of_the_machine_do_not_meet() -> None:
    media = SERVICES["media"]["environment"]
    first, many = int(media["CALLFLOOR_MEDIA_RTP_PORT"]), int(media["CALLFLOOR_MEDIA_RTP_PORTS"])
    sip = int(media["CALLFLOOR_MEDIA_SIP_PORT"])
    single = [sip, sip + 1, 5060, 5061, 5066, 5067, 8400, 15432, 16379]
    assert len(single) == len(set(single))
    assert not any(first <= port < first + many for port in single)
    assert first + many <= 65536
    dispatcher = (ROOT / "deploy/kamailio/dispatcher.list").read_text()
    assert f"1 sip:127.0.0.1:{sip}\n" in dispatcher
