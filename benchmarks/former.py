"""Another commit's site, beside this one in the same laps: its files, its tables and its server are its own.

`roads.py --former COMMIT` uses it. The load comes from here, and the rows are made by the commit's own code.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from benchmarks.servers import ROOT

NAME = "former"
MIGRATE = "import django; django.setup(); from benchmarks import rows; rows.migrate()"
MAKE = (
    "import django, json, sys; django.setup(); from benchmarks import rows;"
    "print(json.dumps(rows.make_invoices(int(sys.argv[1]))))"
)


class Former:
    """A folder with the files of a commit, and the environment of its processes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            "DATABASE_URL": _database_of_its_own(os.environ["DATABASE_URL"]),
            "PYTHONPATH": str(folder),
            "BENCH_PEERS": "0",
            "BENCH_PROCESSING": "request",
            "BENCH_CONFIRM": "0",
        }
        self._python(MIGRATE)

    def make_invoices(self, count: int) -> list[str]:
        """Insert unpaid invoices; return their ids at the gateway."""
        made: list[str] = json.loads(self._python(MAKE, str(count)).splitlines()[-1])
        return made

    def _python(self, program: str, *arguments: str) -> str:
        return subprocess.run(
            [sys.executable, "-c", program, *arguments],
            cwd=self.folder,
            env={**os.environ, **self.environment},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout


@contextlib.contextmanager
def checked_out(commit: str, folder: Path) -> Iterator[Former]:
    """Check a commit out into a folder until the block ends."""
    place = folder / NAME
    subprocess.run(["git", "worktree", "add", "--quiet", "--detach", place, commit], cwd=ROOT, check=True)
    try:
        yield Former(place)
    finally:
        subprocess.run(["git", "worktree", "remove", "--force", place], cwd=ROOT, check=False)


def _database_of_its_own(url: str) -> str:
    """Create a second database beside the one in use; return its URL."""
    from django.db import connection

    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return f"{url}.{NAME}"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {NAME}")
    return urlunsplit(parts._replace(path=f"/{NAME}"))
