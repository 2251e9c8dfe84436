"""A stranger: sends INVITEs, each a call of its own, at a steady rate.

``python -m benchmarks.flood HOST PORT RATE SECONDS`` prints ``{"sent", "answers"}``.
"""

from __future__ import annotations

import json
import socket
import sys
import time

STRANGER = "127.0.77.2"
TURN = 0.005  # s


def main(host: str, port: int, rate: int, seconds: float) -> None:
    """Send, count what comes back, print."""
    sent = answers = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((STRANGER, 0))
        begin = time.monotonic()
        while (passed := time.monotonic() - begin) < seconds:
            while sent < passed * rate:
                sock.sendto(_invite(sent), (host, port))
                sent += 1
            sock.settimeout(TURN)
            try:
                while sock.recv(2048):
                    answers += 1
            except TimeoutError:
                pass
    print(json.dumps({"sent": sent, "answers": answers}))


def _invite(n: int) -> bytes:
    body = f"v=0\r\no=x 1 1 IN IP4 {STRANGER}\r\ns=-\r\nc=IN IP4 {STRANGER}\r\nt=0 0\r\nm=audio 9000 RTP/AVP 8\r\n"
    return (
        f"INVITE sip:200{n}@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {STRANGER}:5060;rport;branch=z9hG4bKb{n}\r\n"
        f"Max-Forwards: 70\r\nFrom: <sip:x@{STRANGER}>;tag={n}\r\nTo: <sip:200{n}@127.0.0.1>\r\n"
        f"Call-ID: bench-{n}\r\nCSeq: 1 INVITE\r\nContact: <sip:x@{STRANGER}>\r\n"
        f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
