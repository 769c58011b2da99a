"""Runs one part of the benchmark in a process of its own, on a database of its own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from typing import Any

from benchmarks.servers import ROOT
from scripts.throwaway import KINDS, ThrowawayError

LONGEST_MINUTES = 30
"""For one part on one database."""

UNWINDING_SECONDS = 40


class PartError(Exception):
    """A part could not be measured."""


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


@contextlib.contextmanager
def noting(failed: list[str], title: str) -> Iterator[None]:
    """Note why this one could not be measured, and let the others be."""
    try:
        yield
    except (PartError, ThrowawayError) as error:
        failed.append(f"{title}: {error}")


@contextlib.contextmanager
def database(kind: str, **options: str) -> Iterator[Mapping[str, str]]:
    """Run a database of its own, with fsync on; yield the environment that names it."""
    if kind == "sqlite":
        with tempfile.TemporaryDirectory(prefix="cryptopay-benchmark-") as folder:
            yield {"DATABASE_URL": f"sqlite:///{folder}/shop.sqlite3"}
        return
    with KINDS[kind](options=options or None) as server:
        yield {"DATABASE_URL": server.url, "BENCH_DATABASE_PID": str(server.process.pid)}


def run(module: str, arguments: list[str], environment: Mapping[str, str]) -> Any:
    """Run a part in a process of its own and read the JSON of its last line.

    Raises PartError when it fails or takes too long. However this ends, nothing that the part started goes on.
    """
    command = [sys.executable, "-m", module, *arguments]
    # Its own session: Ctrl-C comes to this process alone, which passes it on once.
    part = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **environment}, stdout=subprocess.PIPE, start_new_session=True
    )
    try:
        printed, _ = part.communicate(timeout=LONGEST_MINUTES * 60)
    except subprocess.TimeoutExpired:
        raise PartError(f"{module} took more than {LONGEST_MINUTES} minutes") from None
    finally:
        # What it started in sessions of their own it ends itself, when it is asked to end.
        with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
            part.send_signal(signal.SIGINT)
            part.wait(UNWINDING_SECONDS)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(part.pid, signal.SIGKILL)
        part.wait()
    if part.returncode:
        raise PartError(f"{module} ended with status {part.returncode}; it says why above")
    return json.loads(printed.splitlines()[-1])
