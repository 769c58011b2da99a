"""The load: a few connections that are kept, each a process of its own that sends prepared bytes.

Each sends its next request when the last one is answered. What the processes use themselves is measured,
so that it can be told from the servers' work.
"""

from __future__ import annotations

import itertools
import multiprocessing
import resource
import signal
import socket
import statistics
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

CONNECTIONS = 4


@dataclass
class Figures:
    """What one stretch of load met; processor seconds of the generator itself, and of the servers."""

    answered: int = 0
    refused: int = 0
    seconds: float = 0.0
    own_cpu: float = 0.0
    servers_cpu: float = 0.0
    took: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        return self.answered / self.seconds if self.seconds else 0.0

    def percentile(self, share: float) -> float:
        """Return the milliseconds within which this share of the answers came."""
        if len(self.took) < 2:
            return 0.0
        return statistics.quantiles(self.took, n=1000, method="inclusive")[min(998, int(share * 1000) - 1)] * 1000


def repeat(requests: Sequence[bytes]) -> list[Iterable[bytes]]:
    """Give every connection these requests, over and over."""
    return [itertools.cycle(requests) for _ in range(CONNECTIONS)]


def share(groups: Sequence[Sequence[bytes]]) -> list[Iterable[bytes]]:
    """Deal groups of requests out to the connections; the order within a group stays."""
    return [[request for group in groups[number::CONNECTIONS] for request in group] for number in range(CONNECTIONS)]


def send(port: int, supplies: Sequence[Iterable[bytes]], seconds: float) -> Figures:
    """Send for so many seconds, or until the supplies are used up."""
    context = multiprocessing.get_context("fork")
    start = context.Barrier(len(supplies))
    pipes, processes = [], []
    for supply in supplies:
        mine, theirs = context.Pipe(duplex=False)
        process = context.Process(target=_keep_sending, args=[port, supply, seconds, start, theirs], daemon=True)
        with interrupts_held():
            process.start()
        pipes.append(mine)
        processes.append(process)
    whole = Figures()
    for pipe, process in zip(pipes, processes, strict=True):
        one: Figures = pipe.recv()
        process.join()
        whole.answered += one.answered
        whole.refused += one.refused
        whole.own_cpu += one.own_cpu
        whole.seconds = max(whole.seconds, one.seconds)
        whole.took += one.took
    return whole


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Let SIGINT wait until the block ends. What it raises inside a hook of `os.fork` is printed and lost."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _keep_sending(port: int, supply: Iterable[bytes], seconds: float, start: Any, pipe: Any) -> None:
    figures = Figures()
    connection = Connection(port)
    start.wait()
    begun = time.monotonic()
    before = resource.getrusage(resource.RUSAGE_SELF)
    last = begun
    for request in supply:
        status = connection.ask(request)
        now = time.monotonic()
        figures.took.append(now - last)
        figures.answered += status in (200, 304)
        figures.refused += status not in (200, 304)
        last = now
        if now - begun >= seconds:
            break
    after = resource.getrusage(resource.RUSAGE_SELF)
    figures.seconds = last - begun
    figures.own_cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    pipe.send(figures)


class Connection:
    """One kept connection; opened again when the server closes it."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._open()

    def _open(self) -> None:
        self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, request: bytes) -> int:
        """Send a request and read its answer; return the status, 0 if the connection broke."""
        try:
            self.socket.sendall(request)
            received = b""
            while b"\r\n\r\n" not in received:
                if not (more := self.socket.recv(65536)):
                    raise ConnectionError
                received += more
            head, _, body = received.partition(b"\r\n\r\n")
            lowered = head.lower()
            length = 0
            if (at := lowered.find(b"\r\ncontent-length:")) >= 0:
                length = int(lowered[at + 17 :].split(b"\r\n", 1)[0])
            while len(body) < length:
                if not (more := self.socket.recv(65536)):
                    raise ConnectionError
                body += more
        except OSError:
            self.socket.close()
            self._open()
            return 0
        if b"\r\nconnection: close" in lowered:
            self.socket.close()
            self._open()
        return int(head[9:12])
