"""Logs are JSON and carry no personal data."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from core.telemetry import without_personal_data

pytestmark = pytest.mark.unit

PROGRAM = """
import logging
from core.settings import Settings
from core.telemetry import configure, log
configure(Settings(), "engine")
log.info("call.placed", attempt_id="a1", phone="+48600100200", deep={"pesel": "44051401458", "n": 3})
log.debug("not.shown")
logging.getLogger("library").warning("refused +48600100200 at once")
logging.getLogger("procrastinate").info("not shown either")
try:
    raise ValueError("Key (value)=(+48600100200) already exists")
except ValueError:
    log.exception("import.failed")
"""


def test_lines_are_json_without_numbers_of_people() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert done.stdout == ""
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line["event"] for line in lines] == ["call.placed", "refused <number> at once", "import.failed"]
    assert {line["process"] for line in lines} == {"engine"}
    assert lines[0]["deep"] == {"n": 3}
    assert "ValueError" in lines[2]["exception"]
    assert "600100200" not in done.stderr
    assert "44051401458" not in done.stderr


@pytest.mark.parametrize("text", ["+48221234567", "600100200", "44051401458", "sip:+48600100200@example.net"])
def test_numbers_in_texts_are_masked(text: str) -> None:
    cleaned = without_personal_data(None, "info", {"event": f"refused {text}.", "list": [text, {"x": text}]})
    assert not any(digits in json.dumps(cleaned) for digits in ("1234567", "600100200", "44051401458"))


def test_ids_and_figures_stay() -> None:
    event = {"event": "x", "attempt_id": "01a205b3-d000-7000-86ad-85815d5054af", "ms": 1234567890, "ratio": 0.25}
    assert without_personal_data(None, "info", dict(event)) == event
