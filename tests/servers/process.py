"""Running a site behind a server program, and its management commands, on a database of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

import pytest

from scripts.throwaway import free_port

START_SECONDS = 30

COMMANDS = {
    "gunicorn": ["gunicorn", "tests.servers.site:wsgi", "--worker-class=gthread", "--threads=4", "--bind=127.0.0.1:{port}"],
    "uvicorn": ["uvicorn", "tests.servers.site:asgi", "--lifespan=off", "--host=127.0.0.1", "--port={port}"],
    "granian": ["granian", "tests.servers.site:asgi", "--interface=asginl", "--host=127.0.0.1", "--port={port}"],
}  # fmt: skip


class Site:
    """A site's environment, its log, and one server process at a time."""

    def __init__(self, server: str, database_url: str, folder: Path, *options: str) -> None:
        if find_spec(server) is None:
            pytest.skip(f"{server} is not installed: pip install {server}")
        self.port = free_port()
        self.environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "tests.servers.settings",
            "SITE_DATABASE_URL": database_url,
        }
        self.folder = folder
        self.log = folder / f"{server}.log"
        self.command = [sys.executable, "-m", *(word.format(port=self.port) for word in COMMANDS[server]), *options]
        self.process: subprocess.Popen[bytes] | None = None

    def manage(self, *arguments: str) -> str:
        """Run a management command to its end, and return what it printed."""
        command = [sys.executable, "-m", "django", *arguments]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    @contextmanager
    def worker(self, *options: str) -> Iterator[subprocess.Popen[str]]:
        """Keep a worker running until the block ends."""
        options = options or ("--interval=0.1",)
        command = [sys.executable, "-m", "django", "cryptopay_worker", *options]
        with self.log.open("a") as log:
            worker = subprocess.Popen(command, env=self.environment, stdout=subprocess.PIPE, stderr=log, text=True)
        try:
            assert "waiting" in worker.stdout.readline(), self.log.read_text()[-3000:]
            yield worker
        finally:
            worker.kill()
            worker.wait()
            worker.stdout.close()

    def start(self) -> None:
        """Start the server, in a process group of its own, and wait until it answers."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command, env=self.environment, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
            time.sleep(0.05)
        pytest.fail(f"the server did not come up:\n{self.log.read_text()[-3000:]}")

    def kill(self) -> None:
        """Kill the server with all of its workers."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None


@contextmanager
def serving(site: Site) -> Iterator[Site]:
    """Keep a site's server running until the block ends."""
    try:
        site.start()
        yield site
    finally:
        site.kill()
