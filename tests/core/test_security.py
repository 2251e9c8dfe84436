"""Keys, sealed values, passwords, tokens."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.security import Keys, KeysError, hash_password, new_token, token_hash, verify_password
from core.settings import Settings

pytestmark = pytest.mark.unit

KEYS = Keys(b"s" * 32, b"i" * 32)


@given(st.text())
def test_what_is_sealed_comes_back(text: str) -> None:
    sealed = KEYS.seal(text)
    assert KEYS.unseal(sealed) == text
    assert KEYS.seal(text) != sealed
    assert KEYS.blind_index(text) == KEYS.blind_index(text)


def test_other_keys_refuse() -> None:
    sealed = KEYS.seal("44051401458")
    other = Keys(b"t" * 32, b"j" * 32)
    with pytest.raises(KeysError, match="other keys"):
        other.unseal(sealed)
    assert other.blind_index("44051401458") != KEYS.blind_index("44051401458")


@pytest.mark.parametrize("change", [lambda s: s[:-1], lambda s: b"\x02" + s[1:], lambda s: s[:5], lambda _: b""])
def test_changed_values_are_refused(change: object) -> None:
    assert callable(change)
    with pytest.raises(KeysError):
        KEYS.unseal(change(KEYS.seal("tajne")))


def test_the_first_run_makes_a_file_only_we_can_read(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "var", keys_file=tmp_path / "house" / "keys.json")
    sealed = Keys.load(settings).seal("x")
    assert settings.keys_file is not None
    assert settings.keys_file.stat().st_mode & 0o777 == 0o600
    assert [p.name for p in settings.keys_file.parent.iterdir()] == ["keys.json"]
    assert Keys.load(settings).unseal(sealed) == "x"


def test_processes_that_start_together_share_one_key(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "var", keys_file=tmp_path / "keys.json")
    found: list[Keys] = []
    barrier = threading.Barrier(8)

    def load() -> None:
        barrier.wait()
        found.append(Keys.load(settings))

    threads = [threading.Thread(target=load) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({keys.blind_index("x") for keys in found}) == 1
    assert len(found) == 8


def test_a_file_others_may_read_is_refused(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "var", keys_file=tmp_path / "keys.json")
    Keys.load(settings)
    (tmp_path / "keys.json").chmod(0o640)
    with pytest.raises(KeysError, match="0640"):
        Keys.load(settings)


def test_keys_inside_the_data_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(KeysError, match="data folder"):
        Keys.load(Settings(data_dir=tmp_path, keys_file=tmp_path / "run" / "keys.json"))


def test_a_damaged_file_is_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_text('{"seal": "')
    path.chmod(0o600)
    with pytest.raises(KeysError, match="damaged"):
        Keys.load(Settings(data_dir=tmp_path / "var", keys_file=path))
    assert path.read_text() == '{"seal": "'


def test_passwords() -> None:
    hashed = hash_password("zażółć gęślą jaźń")
    assert verify_password(hashed, "zażółć gęślą jaźń")
    assert not verify_password(hashed, "zazolc gesla jazn")
    assert not verify_password("not a hash", "anything")


def test_tokens_differ_and_hash_to_32_bytes() -> None:
    token = new_token()
    assert token != new_token()
    assert len(token_hash(token)) == 32
    assert token_hash(token) == token_hash(token)
