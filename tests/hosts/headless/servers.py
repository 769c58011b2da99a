"""The servers of a purchase: the sandbox in place of the gateway, and the shop, each in a process of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

PROJECT = Path(__file__).parent / "project"
STAFF = {"email": "ben@shop.example", "password": "a-long-word-for-ben"}
PATIENCE_SECONDS = 60


@dataclass(frozen=True)
class Servers:
    """Where the shop and the sandbox are."""

    shop: str
    sandbox: str

    def control(self, what: str, **body: Any) -> Any:
        """Let customer, network or time do something: see docs/sandbox.md."""
        answer = requests.post(f"{self.sandbox}/control/{what}", json=body, timeout=PATIENCE_SECONDS)
        answer.raise_for_status()
        return answer.json()

    def state(self) -> Any:
        """Return what the gateway knows."""
        return requests.get(f"{self.sandbox}/control/state", timeout=PATIENCE_SECONDS).json()


@contextmanager
def servers(folder: Path) -> Iterator[Servers]:
    """Run both until the block ends, with an empty database in a folder."""
    shop, sandbox = (f"http://127.0.0.1:{port}" for port in free_ports(2))
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "mysite.settings",
        "SHOP_DATABASE": str(folder / "shop.sqlite3"),
        "SHOP_GATEWAY": sandbox,
        "DJANGO_SUPERUSER_USERNAME": "ben",
        "DJANGO_SUPERUSER_EMAIL": STAFF["email"],
        "DJANGO_SUPERUSER_PASSWORD": STAFF["password"],
    }
    callbacks = f"{shop}/cryptopay/callbacks/"
    with ExitStack() as stack:
        log = stack.enter_context((folder / "log").open("w"))

        def start(*arguments: str) -> None:
            process = subprocess.Popen(
                [sys.executable, *arguments], cwd=PROJECT, env=environment, stdout=log, stderr=log
            )
            stack.callback(process.wait)
            stack.callback(process.terminate)

        for command in (("migrate", "-v0"), ("createsuperuser", "--noinput", "-v0")):
            subprocess.run([sys.executable, "manage.py", *command], cwd=PROJECT, env=environment, check=True)
        start("-m", "cryptopay_django.sandbox", "--port", sandbox.rpartition(":")[2], "--callback-url", callbacks)
        start("manage.py", "runserver", "--noreload", shop.removeprefix("http://"))
        for url in (f"{sandbox}/control/state", f"{shop}/api/products/"):
            wait_for(url, log.name)
        yield Servers(shop, sandbox)


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on now."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def wait_for(url: str, log: str) -> None:
    """Wait until a server answers; fail with its log."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            requests.get(url, timeout=5).raise_for_status()
        except requests.RequestException:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"{url} does not answer:\n{Path(log).read_text()}")
