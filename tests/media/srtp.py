"""SRTP of the tests' own (RFC 3711, RFC 4568): AES_CM_128_HMAC_SHA1_80 with one stream and no roll-over."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

SUITE = "AES_CM_128_HMAC_SHA1_80"
HEADER, TAG = 12, 10  # bytes; packets here have no extension and no CSRC


def _stream(key: bytes, counter: int, data: bytes) -> bytes:
    return Cipher(AES(key), CTR(counter.to_bytes(16, "big"))).encryptor().update(data)


class Srtp:
    """One direction, from its master key and salt (30 bytes)."""

    def __init__(self, master: bytes) -> None:
        key, salt = master[:16], int.from_bytes(master[16:], "big")

        def derived(label: int, size: int) -> bytes:  # RFC 3711 4.3.1
            return _stream(key, (salt ^ label << 48) << 16, bytes(size))

        self._key, self._auth = derived(0, 16), derived(1, 20)
        self._salt = int.from_bytes(derived(2, 14), "big")

    def protect(self, packet: bytes) -> bytes:
        """Encrypted and signed."""
        hidden = self._crypt(packet)
        return hidden + self._tag(hidden)

    def unprotect(self, packet: bytes) -> bytes | None:
        """The plain packet, None if its tag is wrong."""
        hidden, tag = packet[:-TAG], packet[-TAG:]
        return self._crypt(hidden) if hmac.compare_digest(tag, self._tag(hidden)) else None

    def _crypt(self, packet: bytes) -> bytes:
        seq, ssrc = int.from_bytes(packet[2:4], "big"), int.from_bytes(packet[8:12], "big")
        counter = (self._salt << 16) ^ (ssrc << 64) ^ (seq << 16)
        return packet[:HEADER] + _stream(self._key, counter, packet[HEADER:])

    def _tag(self, hidden: bytes) -> bytes:
        return hmac.new(self._auth, hidden + bytes(4), hashlib.sha1).digest()[:TAG]


def agree(offer: str) -> tuple[str, Srtp, Srtp]:
    """Our SDP line for an offer's, what we send with and what they send with."""
    found = re.search(rf"a=crypto:(\d+) {SUITE} inline:([A-Za-z0-9+/=]+)", offer)
    assert found is not None, f"no {SUITE} in the offer"
    ours = secrets.token_bytes(30)
    line = f"a=crypto:{found[1]} {SUITE} inline:{base64.b64encode(ours).decode()}\r\n"
    return line, Srtp(ours), Srtp(base64.b64decode(found[2]))
