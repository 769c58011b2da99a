"""The servers that a benchmark starts on loopback: gunicorn and granian with two workers each, and the stub."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from scripts.throwaway import free_port

ROOT = Path(__file__).resolve().parent.parent
APPLICATION = "benchmarks.site.wsgi:application"
WORKERS, THREADS = 2, 2
START_SECONDS = 60


def command(kind: str, port: int) -> list[str]:
    """Return how this server is started. Threads keep connections open; a lone process of gunicorn would not."""
    if kind == "granian":
        options = [f"--port={port}", f"--workers={WORKERS}", f"--blocking-threads={THREADS}"]
        return [
            "granian",
            "--interface=wsgi",
            "--host=127.0.0.1",
            "--no-ws",
            "--log-level=warning",
            *options,
            APPLICATION,
        ]
    options = [f"--bind=127.0.0.1:{port}", f"--workers={WORKERS}", f"--threads={THREADS}"]
    return ["gunicorn", "--worker-class=gthread", "--keep-alive=75", "--log-level=warning", *options, APPLICATION]


@contextlib.contextmanager
def serving(
    kind: str, folder: Path, root: Path = ROOT, **environment: str
) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Run the site below `root` with these settings until the block ends; return its process and its port."""
    port = free_port()
    with running(command(kind, port), port, folder, root, **environment) as process:
        yield process, port


@contextlib.contextmanager
def stub(folder: Path) -> Iterator[str]:
    """Run the stub of the gateway until the block ends; return its address."""
    port = free_port()
    with running(["benchmarks.stub", str(port)], port, folder):
        yield f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def sandbox(folder: Path) -> Iterator[str]:
    """Run the project's sandbox until the block ends; return its address."""
    port = free_port()
    keys = ["--api-key=benchmark-api-key", "--api-secret=benchmark-api-secret"]
    with running(["cryptopay_django.sandbox", f"--port={port}", *keys], port, folder):
        yield f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def running(
    module: Sequence[str], port: int, folder: Path, root: Path = ROOT, **environment: str
) -> Iterator[subprocess.Popen[bytes]]:
    """Run `python -m MODULE…` in a session of its own until the block ends; begin when its port answers."""
    log = folder / f"{module[0]}-{port}.log"
    process: subprocess.Popen[bytes] | None = None
    try:
        with log.open("wb") as output, signals_put_off():
            process = subprocess.Popen(
                [sys.executable, "-m", *module],
                cwd=root,
                env={**os.environ, **environment},
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_SECONDS
        while not _answers(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{module[0]} does not come up:\n{log.read_text()[-2000:]}")
            time.sleep(0.05)
        yield process
    finally:
        if process is not None:
            end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a server and all that it has started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(10)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextlib.contextmanager
def signals_put_off() -> Iterator[None]:
    """Handle signals to end after the block. Within Popen they would leave a process that nobody knows of."""
    came: list[int] = []
    ends = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, lambda number, _: came.append(number)) for number in ends}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for number in dict.fromkeys(came):
            signal.raise_signal(number)


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
