"""Secrets: the installation's keys, sealed values, blind indexes, passwords and tokens."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
from contextlib import suppress
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from core.settings import Settings

KEY_BYTES = 32
NONCE_BYTES = 12
VERSION = b"\x01"  # of the sealed form: version, nonce, ciphertext with tag


class KeysError(Exception):
    """The keys can't be used, or are not those a value was sealed with; the text says what to do."""


class Keys:
    """The keys of one installation: one seals (AES-256-GCM), one makes blind indexes (HMAC-SHA-256)."""

    def __init__(self, seal: bytes, index: bytes) -> None:
        if len(seal) != KEY_BYTES or len(index) != KEY_BYTES:
            raise KeysError(f"keys must have {KEY_BYTES} bytes each")
        self._seal = AESGCM(seal)
        self._index = index

    @classmethod
    def load(cls, settings: Settings) -> Keys:
        """The keys of ``settings.keys_file``, made on the first run.

        Raises:
            KeysError: others may read the file, it lies inside the data folder, or it is damaged.
        """
        path = keys_path(settings)
        if path.resolve().is_relative_to(settings.data_dir.resolve()):
            raise KeysError(f"{path} lies in the data folder: a copy of the data would carry its keys; move it out")
        if not path.exists():
            _make(path)
        mode = path.stat().st_mode & 0o777
        if mode & 0o077:
            raise KeysError(f"{path} has mode {mode:04o}: others may read it; chmod 600 it")
        try:
            found = json.loads(path.read_text())
            return cls(base64.b64decode(found["seal"]), base64.b64decode(found["index"]))
        except (ValueError, KeyError, TypeError) as error:
            raise KeysError(f"{path} is damaged; put back its copy: what it sealed is lost without it") from error

    def seal(self, text: str) -> bytes:
        """Encrypt ``text``; each call gives other bytes."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return VERSION + nonce + self._seal.encrypt(nonce, text.encode(), VERSION)

    def unseal(self, sealed: bytes) -> str:
        """The text that :meth:`seal` was given.

        Raises:
            KeysError: sealed with other keys, or changed since.
        """
        nonce, body = sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :]
        try:
            if sealed[:1] != VERSION or len(nonce) != NONCE_BYTES:
                raise InvalidTag
            return self._seal.decrypt(nonce, body, VERSION).decode()
        except InvalidTag:
            raise KeysError("sealed with other keys, or damaged") from None

    def blind_index(self, text: str) -> bytes:
        """The same 32 bytes for the same ``text``: finds an exact value without holding it."""
        return hmac.new(self._index, text.encode(), hashlib.sha256).digest()


def keys_path(settings: Settings) -> Path:
    """Where the keys are: the setting, or the user's configuration folder."""
    if settings.keys_file is not None:
        return settings.keys_file.expanduser().absolute()
    base = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(base).expanduser().absolute() / "callfloor" / "keys.json"


def _make(path: Path) -> None:
    """Write fresh keys; of processes that start together one wins and all read its file."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = {name: base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode() for name in ("seal", "index")}
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w") as file:
            json.dump(fresh, file)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(draft, path)  # never replaces a file that is there
    finally:
        draft.unlink()


_hasher = PasswordHasher()


def hash_password(password: str) -> str:
    """Argon2id hash with its parameters and salt, as text."""
    return _hasher.hash(password)


def verify_password(password_hash: str, password: str) -> bool:
    """Whether ``password`` is the one that was hashed."""
    try:
        return _hasher.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


def new_token() -> str:
    """A random token of 256 bits, fit for a cookie or a URL."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> bytes:
    """SHA-256 of a token: what the database keeps."""
    return hashlib.sha256(token.encode()).digest()
