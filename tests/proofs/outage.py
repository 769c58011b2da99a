"""A database server that goes away in the middle of everything and comes back, and senders that do not give up."""

from __future__ import annotations

import contextlib
import os
import pwd
import queue
import signal
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest
import requests

from cryptopay_django.testing.factories import callback_headers
from scripts.throwaway import KINDS, ProgramsMissingError, Server

PATIENCE_SECONDS = 60
STOP_SIGNALS = {
    "postgresql": signal.SIGQUIT,  # what `pg_ctl stop -m immediate` sends
    "mariadb": signal.SIGKILL,
}


class Database:
    """A throw-away server that can be stopped without a farewell, and started again on the same files."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.url = server.tcp_url
        self._process = server.process

    def break_off(self) -> None:
        """Stop it at once: open transactions are lost, committed ones must not be."""
        self._process.send_signal(STOP_SIGNALS[self.server.kind])
        self._process.wait(PATIENCE_SECONDS)

    def come_back(self) -> None:
        """Start it again, and wait until it listens."""
        owner = self.server.folder.stat()
        account = {} if os.geteuid() else {"user": owner.st_uid, "group": pwd.getpwuid(owner.st_uid).pw_gid}
        with (self.server.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self.server.process.args, stdout=log, stderr=log, cwd=self.server.folder, start_new_session=True, **account
            )  # fmt: skip
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", urlsplit(self.url).port), 1):
                return
            time.sleep(0.05)
        pytest.fail(f"the database did not come back:\n{self.server.log()[-3000:]}")

    def end(self) -> None:
        """End what `come_back` started."""
        if self._process is not self.server.process:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


@contextmanager
def throwaway_database(kind: str) -> Iterator[Database]:
    """Run a database server that writes to disk as a shop's would, or skip the test where there is none."""
    try:
        with KINDS[kind]() as server:
            database = Database(server)
            try:
                yield database
            finally:
                database.end()
    except ProgramsMissingError as missing:
        pytest.skip(str(missing))


class Senders:
    """Threads that post callbacks, each until it is answered 200, as the gateway does."""

    def __init__(self, url: str, bodies: list[str], *, threads: int = 8) -> None:
        self.url = url
        self.answers: Counter[int | str] = Counter()
        self.accepted: list[str] = []
        self._waiting: queue.Queue[str | None] = queue.Queue()
        self._news = threading.Condition()
        self._total = len(bodies)
        for body in bodies:
            self._waiting.put(body)
        self._threads = [threading.Thread(target=self._send, daemon=True) for _ in range(threads)]

    def start(self) -> None:
        """Begin to send."""
        for thread in self._threads:
            thread.start()

    def wait_for(self, what: Callable[[], bool]) -> None:
        """Wait until something is true of the answers."""
        with self._news:
            assert self._news.wait_for(what, timeout=PATIENCE_SECONDS), f"stuck, with {dict(self.answers)}"

    def finish(self) -> None:
        """Wait until everything is answered 200."""
        self.wait_for(lambda: len(self.accepted) == self._total)
        for _ in self._threads:
            self._waiting.put(None)
        for thread in self._threads:
            thread.join()

    def _send(self) -> None:
        with requests.Session() as session:
            session.trust_env = False
            while (body := self._waiting.get()) is not None:
                answer = self._post(session, body)
                with self._news:
                    self.answers[answer] += 1
                    if answer == 200:
                        self.accepted.append(body)
                    self._news.notify_all()
                if answer != 200:
                    self._waiting.put(body)
                    time.sleep(0.02)  # the gateway's thirty seconds, in small

    def _post(self, session: requests.Session, body: str) -> int | str:
        raw = body.encode()
        headers = {**callback_headers(raw), "Content-Type": "application/json"}
        try:
            return session.post(self.url, raw, headers=headers, timeout=30, allow_redirects=False).status_code
        except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
            return "no connection"
