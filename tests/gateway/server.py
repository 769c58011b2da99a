"""A gateway of sockets and scripts: a real HTTP server on loopback that does with a request what a test says."""

from __future__ import annotations

import gzip
import json
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Script = Callable[["Handler"], None]

# A client without a deadline of its own gets its answer after this, and its test fails instead of hanging.
DRIP_SECONDS = 5.0


@dataclass(frozen=True)
class Received:
    method: str
    path: str
    headers: Message
    body: bytes
    connection: tuple[str, int]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Gateway

    def respond(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.received.append(Received(self.command, self.path, self.headers, body, self.client_address))
        scripts = self.server.scripts
        script = scripts.pop(0) if len(scripts) > 1 else scripts[0]
        try:
            script(self)
        except ConnectionError:
            self.close_connection = True

    do_GET = do_POST = do_PATCH = respond  # noqa: N815

    def send(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"content_length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


class Gateway(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.scripts: list[Script] = [data({})]
        self.received: list[Received] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.over = threading.Event()
        self.outlasted = False

    def answers(self, *scripts: Script) -> None:
        """Answer with these in turn, and with the last of them ever after."""
        self.scripts = list(scripts)

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


def data(value: Any, status: int = 200, **headers: str) -> Script:
    return raw(json.dumps({"data": value}).encode(), status, **headers)


def error(status: int, code: str = "some_code", message: str = "", **headers: str) -> Script:
    body = {"error": {"code": code, "message": message, "details": [{"a": 1}]}, "meta": {"request_id": "r-17"}}
    return raw(json.dumps(body).encode(), status, **headers)


def html(status: int) -> Script:
    return raw(b"<html><h1>Sorry</h1></html>", status, content_type="text/html")


def raw(body: bytes, status: int = 200, **headers: str) -> Script:
    return lambda handler: handler.send(status, body, **headers)


def gzipped(body: bytes, status: int = 200) -> Script:
    return raw(gzip.compress(body), status, content_encoding="gzip")


def truncated(handler: Handler) -> None:
    handler.send(200, b'{"data"', content_length="1000")
    handler.close_connection = True


def reset(handler: Handler) -> None:
    """Break the connection off with a TCP reset, as a crashing server does."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.close_connection = True
    handler.connection.close()


def hang_up(handler: Handler) -> None:
    """Close the connection in good order, but without an answer."""
    handler.close_connection = True


def spoken(words: bytes) -> Script:
    """Say this, HTTP or not, and hang up."""

    def script(handler: Handler) -> None:
        handler.connection.sendall(words)
        handler.close_connection = True

    return script


def silence(handler: Handler) -> None:
    handler.server.over.wait(DRIP_SECONDS)
    handler.server.outlasted = True
    handler.close_connection = True


def drip(before: bytes, after: bytes, piece: bytes = b"x", wait: float = 0.02) -> Script:
    """Send an answer with many pieces in its middle, each soon enough to reset a timeout for one read."""

    def script(handler: Handler) -> None:
        handler.close_connection = True
        handler.connection.sendall(before)
        end = time.monotonic() + DRIP_SECONDS
        while time.monotonic() < end and not handler.server.over.wait(wait):
            handler.connection.sendall(piece)
        handler.server.outlasted = True
        handler.connection.sendall(after)

    return script
