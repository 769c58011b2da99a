"""Serves the API, the pages and the control API over HTTP on one port. A thread delivers the due callbacks."""

from __future__ import annotations

import ipaddress
import sys
import threading
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from requests.structures import CaseInsensitiveDict

from . import control, pages
from .core import Sandbox
from .refusals import RefusalError
from .routing import Request, Response

LARGEST_BODY = 1_000_000
POSTMEN = 4
# How long a postman sleeps at most: the clock may be moved or sped up meanwhile.
NAP_SECONDS = 1.0
# How long a caller is kept waiting when the trouble maker wants it to time out.
LONGEST_SILENCE_SECONDS = 60


class SandboxServer(ThreadingHTTPServer):
    """Serves one sandbox. `remote_control` lets other machines use the control API and the pages."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], sandbox: Sandbox, *, remote_control: bool = False) -> None:
        super().__init__(address, Handler)
        self.sandbox = sandbox
        sandbox.parallel = True
        self.remote_control = remote_control
        self.stopping = threading.Event()
        self._postmen = [
            threading.Thread(target=self._deliver_for_ever, name=f"postman-{number}", daemon=True)
            for number in range(POSTMEN)
        ]

    @property
    def url(self) -> str:
        """The address where it is served."""
        host, port = str(self.server_address[0]), self.server_address[1]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def start(self) -> None:
        """Start delivering callbacks in the background."""
        for postman in self._postmen:
            postman.start()

    def stop(self) -> None:
        """Stop delivering and close the socket."""
        self.stopping.set()
        with self.sandbox.changed:
            self.sandbox.changed.notify_all()
        self.server_close()

    def _deliver_for_ever(self) -> None:
        sandbox = self.sandbox
        while not self.stopping.is_set():
            try:
                sandbox.deliver()
            except OSError as error:
                # A full disk under the state file must not end the deliveries.
                sys.stderr.write(f"The sandbox could not keep its state: {error}\n")
            with sandbox.changed:
                due = sandbox.next_due(deliver=True)
                seconds = None if due is None else sandbox.clock.seconds_until(due)
                if due is None or due > sandbox.clock.now():
                    sandbox.changed.wait(NAP_SECONDS if seconds is None else min(seconds, NAP_SECONDS))


class Handler(BaseHTTPRequestHandler):
    """Routes a request by its path: /api, /control, everything else a page."""

    server: SandboxServer
    protocol_version = "HTTP/1.1"
    server_version = "cryptopay-sandbox"
    sys_version = ""
    disable_nagle_algorithm = True
    wbufsize = -1
    timeout = 60

    def do_GET(self) -> None:
        """Answer a GET."""
        self._answer()

    do_POST = do_PATCH = do_PUT = do_DELETE = do_HEAD = do_GET  # noqa: N815 - http.server names them

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Return the time of the clock that signatures are checked against."""
        del timestamp
        return format_datetime(self.server.sandbox.clock.wall(), usegmt=True)

    def log_message(self, *args: object) -> None:
        """Stay quiet: the pages show what was asked."""

    def _answer(self) -> None:
        try:
            response = self._route(self._read_body())
        except RefusalError as refusal:
            body = control.spell_refusal(refusal)
            self.close_connection = True
            response = Response(refusal.status, body)
        if response.silent:
            self.close_connection = True
            self.server.stopping.wait(LONGEST_SILENCE_SECONDS)
            return
        self.send_response(response.status)
        self.send_header("Content-Type", response.content_type)
        self.send_header("Content-Length", str(len(response.body)))
        for name, value in response.headers.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.body)

    def _read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding"):
            raise RefusalError(411, "length_required", "Send a Content-Length")
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal() or int(length) > LARGEST_BODY:
            raise RefusalError(413, "too_large", f"The body is larger than {LARGEST_BODY} bytes")
        return self.rfile.read(int(length))

    def _route(self, body: bytes) -> Response:
        path = urlsplit(self.path).path
        sandbox = self.server.sandbox
        if path == "/api" or path.startswith("/api/"):
            headers = CaseInsensitiveDict(self.headers.items())
            return sandbox.handle(Request(self.command, self.path, headers, body))
        if path == "/control" or path.startswith("/control/"):
            self._guard_control()
            return control.respond(sandbox, self.command, path, body)
        if self.command not in {"GET", "HEAD"}:
            raise RefusalError(405, "method_not_allowed", "A page can only be looked at")
        if not pages.is_public(path):
            self._guard_machine()
        return pages.respond(sandbox, self.path, self.headers.get("Accept-Language", ""))

    def _guard_machine(self) -> None:
        """Refuse other machines, and a foreign name that a browser was led to believe is this one's."""
        if self.server.remote_control:
            return
        host = self.headers.get("Host", "")
        if not _is_loopback(str(self.client_address[0])):
            raise RefusalError(403, "forbidden", "The sandbox is controlled from this machine only")
        if not _is_loopback(urlsplit(f"//{host}").hostname or ""):
            raise RefusalError(403, "forbidden", "The sandbox is controlled by a loopback name only")

    def _guard_control(self) -> None:
        """Refuse other machines, and pages of other sites in any browser.

        A browser names its own site in Origin, and the name that it resolved in Host: where
        they differ, a page elsewhere is trying to use this developer's loopback.
        """
        self._guard_machine()
        origin = self.headers.get("Origin")
        foreign = origin is not None and urlsplit(origin).netloc != self.headers.get("Host", "")
        if foreign or self.headers.get("Sec-Fetch-Site") in {"cross-site", "same-site"}:
            raise RefusalError(403, "forbidden", "The control API takes no requests from other sites")


def _is_loopback(name: str) -> bool:
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
