"""Serves a host's project and the sandbox as processes of their own, for purchases over real HTTP."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import requests

SECONDS_TO_START = 60


class Customer:
    """A browser without scripts, and the wallet in it. Paths are those of the shop."""

    def __init__(self, shop: str, gateway: str, manage: Callable[..., str]) -> None:
        self.shop, self.gateway, self.manage = shop, gateway, manage
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

    def control(self, action: str, **body: Any) -> Any:
        """Play the network, the clock or the customer's wallet at the gateway; callbacks are posted meanwhile."""
        answer = requests.post(f"{self.gateway}/control/{action}", json=body, timeout=30)
        assert answer.ok, answer.text
        return answer.json()

    def newest_invoice(self) -> dict[str, Any]:
        """Return the invoice that the gateway made last."""
        return dict(max(self.state()["invoices"], key=lambda one: one["created_at"]))

    def state(self) -> Any:
        """Return everything that the gateway has."""
        return requests.get(f"{self.gateway}/control/state", timeout=30).json()

    def _ask(self, method: str, path: str, **options: Any) -> requests.Response:
        url = path if path.startswith("http") else f"{self.shop}{path}"
        answer = self.session.request(method, url, timeout=30, **options)
        assert answer.ok, f"{method} {url}: {answer.status_code}\n{answer.text[-3000:]}"
        return answer


@contextmanager
def served(project: Path, folder: Path, *, prepare: Sequence[str] = ()) -> Iterator[Customer]:
    """Migrate the database of a project, serve it with the sandbox, and yield a customer of it.

    `customer.manage` runs a management command, and returns what it prints. So are those of `prepare` run first. The
    project reads SHOP_DATABASE, SHOP_HOST and SANDBOX_URL.
    """
    shop, gateway = (f"127.0.0.1:{port}" for port in _free_ports(2))
    # The project's own manage.py names its settings; those of this test run are another's.
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"} | {
        "SHOP_DATABASE": str(folder / "shop.sqlite3"),
        "SHOP_HOST": shop,
        "SANDBOX_URL": f"http://{gateway}",
    }

    def manage(*command: str) -> str:
        whole = [sys.executable, "manage.py", *command]
        done = subprocess.run(whole, cwd=project, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}: {done.stderr}"
        return done.stdout.strip()

    for command in ("migrate", *prepare):
        manage(command)
    sandbox = [sys.executable, "-m", "cryptopay_django.sandbox", "--port", gateway.rpartition(":")[2]]
    sandbox += ["--callback-url", f"http://{shop}/cryptopay/callbacks/"]
    site = [sys.executable, "manage.py", "runserver", "--noreload", shop]
    with ExitStack() as stack, (folder / "log").open("w") as log:
        for command, address in ((sandbox, gateway), (site, shop)):
            process = subprocess.Popen(command, cwd=project, env=environment, stdout=log, stderr=log)
            stack.callback(process.wait)
            stack.callback(process.terminate)
            _wait_for(address, process, folder / "log")
        yield Customer(f"http://{shop}", f"http://{gateway}", manage)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


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
