"""The main job from end to end, as `make demo` runs it: real SIP and RTP, real servers, figures from the database."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.alone import alone
from tests.support.ports import Ports

pytestmark = [pytest.mark.sip, pytest.mark.timeout(600)]  # the wait for its turn included

KEYS = {
    "attempts", "outcomes", "live", "bridged", "abandoned", "abandoned_pct", "answer_to_agent_ms",
    "decision_to_agent_ms", "utilisation", "machines_hung_up", "cancelled_before_answer", "dispositions", "rows_in",
    "rows_accounted", "attempts_without_end",
}  # fmt: skip


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Figures of a demo of 25 s with its drain."""
    folder = tmp_path_factory.mktemp("demo")
    ports = Ports()
    env = {name: value for name, value in os.environ.items() if not name.startswith("CALLFLOOR_")} | {
        "CALLFLOOR_DATA_DIR": str(folder),
        "CALLFLOOR_WEB_PORT": str(ports.take()),
        "CALLFLOOR_MEDIA_SIP_PORT": str(ports.take(2)),
        "CALLFLOOR_CARRIER_SIP_PORT": str(ports.take(2)),
        "CALLFLOOR_AGENTS_SIP_PORT": str(ports.take(2)),
        "CALLFLOOR_MEDIA_RTP_PORT": str(ports.take(400)),
        "CALLFLOOR_MEDIA_RTP_PORTS": "400",
        "CALLFLOOR_CARRIER_RTP_PORT": str(ports.take(400)),
        "CALLFLOOR_AGENTS_RTP_PORT": str(ports.take(400)),
    }
    file = folder / "report.json"
    script = Path(sys.executable).with_name("callfloor")
    try:
        with alone():
            done = subprocess.run(
                [str(script), "demo", "--for", "25", "--report", str(file)],
                env=env,
                capture_output=True,
                text=True,
                timeout=250,
                check=False,
            )
    finally:
        ports.close()
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def test_the_report_has_every_figure(report: dict[str, Any]) -> None:
    assert set(report) == KEYS


def test_it_adds_up(report: dict[str, Any]) -> None:
    assert report["attempts_without_end"] == 0
    assert report["rows_in"] == report["rows_accounted"] > 0
    assert report["attempts"] == sum(report["outcomes"].values())
    assert report["bridged"] == report["dispositions"] == report["outcomes"]["connected"]
    assert report["live"] >= report["bridged"] + report["abandoned"]


def test_the_main_job_is_done(report: dict[str, Any]) -> None:
    """Calls of all kinds come out as what they are: people with agents, machines hung up or never answered."""
    assert report["bridged"] >= 3
    assert report["cancelled_before_answer"] >= 1
    assert report["machines_hung_up"] >= 1
    assert {"connected", "machine_early", "busy", "phone_off"} <= set(report["outcomes"])
    assert 0 < report["utilisation"] <= 1


def test_settings_of_a_real_installation_are_refused(tmp_path: Path) -> None:
    script = Path(sys.executable).with_name("callfloor")
    env = dict(os.environ) | {"DATABASE_URL": "postgresql://localhost/real", "CALLFLOOR_DATA_DIR": str(tmp_path)}
    done = subprocess.run([str(script), "demo"], env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "unset DATABASE_URL" in done.stdout
