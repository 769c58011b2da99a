"""The shop and the gateway's sandbox as two processes that speak HTTP with each other."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import requests

PROJECT = Path(__file__).parent / "project"
STOCK = "import conftest, sys; sys.stdout.write(conftest.stock_shop())"


class Served:
    """A running shop, the sandbox's control API, and the mails that the shop has sent."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url, self.gateway = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
        self.environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "quick_settings",
            "FROBSHOP_FOLDER": str(folder),
            "FROBSHOP_GATEWAY": self.gateway,
            "PYTHONPATH": os.pathsep.join([str(PROJECT.parent), *sys.path]),
        }

    def manage(self, *command: str) -> str:
        """Run a command of the shop, and return what it prints."""
        whole = [sys.executable, "manage.py", *command]
        options = {"cwd": PROJECT, "env": self.environment, "capture_output": True, "text": True, "timeout": 300}
        done = subprocess.run(whole, check=False, **options)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def control(self, what: str, **body: Any) -> Any:
        """Ask the sandbox for its state, or let it do something; every callback must be answered with 200."""
        address = f"{self.gateway}/control/{what}"
        answer = (requests.post(address, json=body, timeout=60) if body else requests.get(address, timeout=60)).json()
        assert {one["answer"]["status"] for one in answer.get("callbacks", ()) if "answer" in one} <= {200}, answer
        return answer

    def mails(self) -> list[str]:
        """Return the mails so far, oldest first."""
        # Their names have seconds only, and two may be sent within one.
        files = sorted((self.folder / "mails").glob("*"), key=lambda path: path.stat().st_mtime_ns)
        return [path.read_text() for path in files]


@contextmanager
def served(folder: Path) -> Iterator[Served]:
    """Serve an empty shop with one mug, and its gateway, until the block ends."""
    shop = Served(folder)
    shop.manage("migrate", "--run-syncdb", "--verbosity", "0")
    shop.mug = shop.manage("shell", "--no-imports", "-c", STOCK).split()[-1]
    gateway = [
        sys.executable, "-m", "cryptopay_django.sandbox", "--port", shop.gateway.rpartition(":")[2],
        "--api-key", "sandbox-api-key", "--api-secret", "sandbox-api-secret",
        "--callback-secret", "sandbox-callback-secret", "--callback-url", f"{shop.url}/cryptopay/callbacks/",
    ]  # fmt: skip
    web = [sys.executable, "manage.py", "runserver", "--noreload", shop.url.removeprefix("http://")]
    with ExitStack() as stack:
        for command, address in ((gateway, shop.gateway), (web, shop.url)):
            log = stack.enter_context((folder / "log.txt").open("a"))
            process = subprocess.Popen(command, cwd=PROJECT, env=shop.environment, stdout=log, stderr=log)
            stack.callback(process.wait, timeout=20)
            stack.callback(process.terminate)
            wait_for(address, process)
        yield shop


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    """Wait until a server answers."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, f"{address} has stopped"
        try:
            requests.get(address, timeout=30)
        except requests.ConnectionError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError(address)
