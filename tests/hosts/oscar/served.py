"""The shop and the gateway's sandbox as two processes that speak HTTP with each other."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import serving

PROJECT = Path(__file__).parent / "project"
STOCK = "import conftest, sys; sys.stdout.write(conftest.stock_shop())"


class Served:
    """A running shop, its gateway, and the mails that the shop has sent."""

    def __init__(self, folder: Path, customer: serving.Customer) -> None:
        self.folder, self.url, self.manage = folder, customer.shop, customer.manage
        self.control, self.newest_invoice = customer.control, customer.newest_invoice
        self.mug = self.manage("shell", "--no-imports", "-c", STOCK).split()[-1]

    def mails(self) -> list[str]:
        """Return the mails so far, oldest first."""
        # Their names have seconds only, and two may be sent within one.
        files = sorted((self.folder / "mails").glob("*"), key=lambda path: path.stat().st_mtime_ns)
        return [path.read_text() for path in files]


@contextmanager
def served(folder: Path) -> Iterator[Served]:
    """Serve an empty shop with one mug, and its gateway, until the block ends."""
    variables = {
        "DJANGO_SETTINGS_MODULE": "quick_settings",
        "FROBSHOP_FOLDER": str(folder),
        "PYTHONPATH": os.pathsep.join([str(PROJECT.parent), *sys.path]),
    }
    with serving.served(PROJECT, folder, migrate="migrate --run-syncdb", variables=variables) as customer:
        yield Served(folder, customer)
