"""HTTP as bytes on a socket: what no client library would send."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable

from cryptopay_django.testing.factories import callback_body, callback_headers

PATH = "/cryptopay/callbacks/"
BODY = callback_body({"id": "nobody's"}, type="Other")
SIGNATURE = callback_headers(BODY)["X-Cryptopay-Signature"]


def request(
    *headers: str,
    body: bytes = BODY,
    method: str = "POST",
    path: str = PATH,
    signature: str | None = SIGNATURE,
    length: str | None = "",
    content_type: str | None = "application/json",
) -> bytes:
    """Return a request; None leaves a header out, and an empty `length` is the body's own."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", "Connection: close"]
    if signature is not None:
        lines.append(f"X-Cryptopay-Signature: {signature}")
    if content_type is not None:
        lines.append(f"Content-Type: {content_type}")
    if length is not None:
        lines.append(f"Content-Length: {length or len(body)}")
    return "\r\n".join([*lines, *headers, "", ""]).encode("utf-8") + body


def chunked(body: bytes, size: int = 16) -> bytes:
    """Return a body in chunks."""
    parts = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def exchange(port: int, parts: Iterable[bytes], *, pause: float = 0, is_ended: bool = False) -> int | None:
    """Send the parts, and return the status of the (last) answer, or None for a connection that was closed.

    `is_ended` tells the server that nothing more will come.
    """
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        answer = b""
        try:
            for part in parts:
                connection.sendall(part)
                time.sleep(pause)
            if is_ended:
                connection.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it has answered already, and reads no further
        try:
            while received := connection.recv(65536):
                answer += received
        except ConnectionResetError:
            pass
    statuses = [int(line.split()[1]) for line in answer.split(b"\r\n") if line.startswith(b"HTTP/1.")]
    return statuses[-1] if statuses else None
