"""Set-up for somebody who may not install packages: one line that says what to ask for."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]
NEEDED = ("bash", "dirname", "sed", "id", "env")


@pytest.fixture
def bare() -> Iterator[Path]:
    """A folder anyone may read: the scripts, and programs with apt but without sudo, which find nothing installed."""
    folder = Path(tempfile.mkdtemp(prefix="cf-setup-"))
    folder.chmod(0o755)
    for name in ("packages.sh", "find-python.sh"):
        shutil.copy(ROOT / "deploy/setup" / name, folder)
    programs = folder / "bin"
    programs.mkdir()
    for name in NEEDED:
        found = shutil.which(name)
        assert found is not None, name
        (programs / name).symlink_to(found)
    for name in ("apt-get", "dpkg-query"):
        (programs / name).write_text("#!/bin/sh\nexit 1\n")
        (programs / name).chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def test_without_root_and_sudo_one_line_names_the_packages(bare: Path) -> None:
    nobody: dict[str, Any] = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.getuid() == 0 else {}
    done = subprocess.run(
        [str(bare / "packages.sh"), "base", "build", "tools"],
        env={"PATH": str(bare / "bin")},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        **nobody,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("Neither root nor sudo here; as root run: apt-get install --no-install-recommends ")
    for package in ("nodejs", "swig", "libsrtp2-dev", "espeak-ng", "sip-tester", "chromium"):
        assert f" {package}" in line
