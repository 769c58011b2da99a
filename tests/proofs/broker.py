"""A real Redis on loopback as the broker of a task queue: it can be ended without a farewell, stopped short, started."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from scripts.throwaway import ProgramsMissingError, find_programs, free_port

PATIENCE_SECONDS = 30


class Broker:
    """Keeps nothing: every message that waits in it when it ends is gone."""

    def __init__(self, program: Path, folder: Path) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.log = folder / "redis.log"
        options = [
            "--port",
            str(self.port),
            "--bind",
            "127.0.0.1",
            "--dir",
            str(folder),
            "--save",
            "",
            "--appendonly",
            "no",
        ]
        self._command = [str(program), *options]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log, start_new_session=True)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                if connection.recv(16).startswith(b"+PONG"):
                    return
            time.sleep(0.02)
        pytest.fail(f"the broker did not come up:\n{self.log.read_text()[-3000:]}")

    def freeze(self) -> None:
        """Let it accept connections and answer nothing, as a machine does that is out of memory."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@contextmanager
def throwaway_broker(folder: Path) -> Iterator[Broker]:
    """Run a broker until the block ends, or skip the test where there is no Redis."""
    try:
        (program,) = find_programs("Redis", ["redis-server", "valkey-server"])
    except ProgramsMissingError as missing:
        pytest.skip(str(missing))
    broker = Broker(program, folder)
    try:
        broker.start()
        yield broker
    finally:
        broker.kill()
