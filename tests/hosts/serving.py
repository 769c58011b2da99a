"""Serves a host's project and the sandbox as processes of their own, for purchases over real HTTP."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import requests

SECONDS_TO_START, SECONDS_TO_STOP = 180, 20


class Gateway:
    """A sandbox server: what the network, the clock, the customer's wallet and the gateway's team do."""

    def __init__(self, url: str) -> None:
        self.url = url

    def control(self, action: str, **body: Any) -> Any:
        """Let something happen, and return the answer. Each callback that is posted meanwhile must be accepted."""
        answer = requests.post(f"{self.url}/control/{action}", json=body, timeout=60)
        assert answer.ok, answer.text
        done = answer.json()
        assert {one["answer"]["status"] for one in done.get("callbacks", ()) if "answer" in one} <= {200}, done
        return done

    def state(self) -> Any:
        """Return everything that the gateway has."""
        return requests.get(f"{self.url}/control/state", timeout=60).json()

    def newest_invoice(self) -> dict[str, Any]:
        """Return the invoice that the gateway made last."""
        return dict(max(self.state()["invoices"], key=lambda one: one["created_at"]))


class Customer:
    """A browser without scripts, and the wallet in it. Paths are those of the shop."""

    def __init__(self, shop: str, gateway: Gateway, manage: Callable[..., str]) -> None:
        self.shop, self.gateway, self.manage = shop, gateway, manage
        self.control, self.state, self.newest_invoice = gateway.control, gateway.state, gateway.newest_invoice
        self.session = requests.Session()

    def get(self, path: str) -> requests.Response:
        """Open a page."""
        return self._ask("GET", path)

    def submit(self, page: requests.Response, data: dict[str, Any], *, path: str | None = None) -> requests.Response:
        """Send the form of a page."""
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
        data = {"csrfmiddlewaretoken": token[1] if token else "", **data}
        return self._ask("POST", path or page.url, data=data, headers={"Referer": page.url})

    def send(self, path: str, body: dict[str, Any]) -> Any:
        """Post JSON to an API of the shop, and return its answer."""
        return self._ask("POST", path, json=body).json()

    def _ask(self, method: str, path: str, **options: Any) -> requests.Response:
        url = path if path.startswith("http") else f"{self.shop}{path}"
        answer = self.session.request(method, url, timeout=30, **options)
        assert answer.ok, f"{method} {url}: {answer.status_code}\n{answer.text[-3000:]}"
        return answer


@contextmanager
def served(
    project: Path,
    folder: Path,
    *,
    migrate: str = "migrate",
    prepare: Sequence[str] = (),
    variables: Mapping[str, str] | None = None,
) -> Iterator[Customer]:
    """Make the database of a project with the command `migrate`, serve it with the sandbox, and yield a customer of it.

    `customer.manage` runs a management command, and returns what it prints. So are those of `prepare` run first. The
    project reads SHOP_DATABASE, SHOP_HOST and SANDBOX_URL, and `variables`.
    """
    shop, gateway = (f"127.0.0.1:{port}" for port in free_ports(2))
    # The project's own manage.py names its settings; those of this test run are another's.
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"} | {
        "SHOP_DATABASE": str(folder / "shop.sqlite3"),
        "SHOP_HOST": shop,
        "SANDBOX_URL": f"http://{gateway}",
        **(variables or {}),
    }

    def manage(*command: str) -> str:
        whole = [sys.executable, "manage.py", *command]
        done = subprocess.run(whole, cwd=project, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}: {done.stderr}"
        return done.stdout.strip()

    for command in (migrate, *prepare):
        manage(*command.split())
    site = [sys.executable, "manage.py", "runserver", "--noreload", shop]
    with (
        sandbox(gateway, f"http://{shop}/cryptopay/callbacks/", folder) as running,
        process(site, shop, folder / "shop.log", cwd=project, env=environment),
    ):
        yield Customer(f"http://{shop}", running, manage)


@contextmanager
def sandbox(address: str, callback_url: str, folder: Path, **credentials: str) -> Iterator[Gateway]:
    """Run a sandbox server until the block ends."""
    command = [sys.executable, "-m", "cryptopay_django.sandbox", "--port", address.rpartition(":")[2]]
    for name, value in {"callback_url": callback_url, **credentials}.items():
        command += [f"--{name.replace('_', '-')}", value]
    with process(command, address, folder / "sandbox.log"):
        yield Gateway(f"http://{address}")


@contextmanager
def process(command: Sequence[str], address: str, log: Path, **options: Any) -> Iterator[None]:
    """Run a server until the block ends; what it prints is in the log. The block begins when it answers."""
    with log.open("w") as file, ExitStack() as stack:
        running = subprocess.Popen(command, stdout=file, stderr=file, **options)
        stack.callback(running.wait, timeout=SECONDS_TO_STOP)
        stack.callback(running.terminate)
        _wait_for(address, running, log)
        yield


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on now."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [one.getsockname()[1] for one in sockets]


def _wait_for(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    host, _, port = address.partition(":")
    deadline = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"nothing answers at {address}:\n{log.read_text()[-3000:]}")
