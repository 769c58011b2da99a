"""The page for the first ten minutes is followed to the letter: a new project, by its blocks alone, to a paid order."""

from __future__ import annotations

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import requests

from .pages import ROOT, Block, blocks, commands

PAGE = ROOT / "docs" / "getting-started.md"
DONE_BEFORE = ("python -m venv ", ". .venv/", "pip install ")
"""What the tests' own environment has already; scripts/try_wheel.py installs for real."""

STAYS = ("python -m cryptopay_django.sandbox ", "python manage.py runserver ")
PATIENCE = 60


class Reader:
    """Somebody who does what the page says, in a folder of their own, on ports that are free."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = {"8000": free_port(), "8100": free_port()}
        ours = ("DJANGO_SETTINGS_MODULE", "PYTEST_")
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        self.running: list[subprocess.Popen[bytes]] = []

    def read(self, block: Block) -> None:
        if block.language == "sh":
            for line in commands(block):
                self.type(self.adapt(line))
        else:
            self.write(block)

    def adapt(self, text: str) -> str:
        return re.sub(r"\b(8000|8100)\b", lambda match: str(self.ports[match[0]]), text)

    def type(self, line: str) -> None:
        if line.startswith(DONE_BEFORE):
            return
        words = shlex.split(line.replace("django-admin ", "python -m django ", 1))
        command = [sys.executable, *words[1:]]
        if line.startswith(STAYS):
            with (self.folder / f"log-{len(self.running)}").open("wb") as log:
                # A group of its own: the development server is two processes, a watcher and the one that serves.
                self.running.append(
                    subprocess.Popen(
                        command, cwd=self.folder, env=self.environment, stdout=log, stderr=log, start_new_session=True
                    )
                )
            return
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"

    def write(self, block: Block) -> None:
        file = self.folder / block.file
        file.parent.mkdir(parents=True, exist_ok=True)
        before = file.read_text() if block.is_an_addition else ""
        file.write_text(before + self.adapt(block.text))

    def url(self, port: str, path: str) -> str:
        return f"http://127.0.0.1:{self.ports[port]}{path}"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def reading(folder: Path) -> Iterator[Reader]:
    reader = Reader(folder)
    try:
        yield reader
    finally:
        for process in reader.running:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            process.wait(10)


def wait_for(url: str) -> None:
    until = time.monotonic() + PATIENCE
    while True:
        try:
            requests.get(url, timeout=5).raise_for_status()
        except requests.RequestException:
            assert time.monotonic() < until, f"nobody answers at {url}"
            time.sleep(0.1)
        else:
            return


def press(customer: requests.Session, url: str, **fields: str) -> requests.Response:
    """Send the form of a page."""
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', customer.get(url, timeout=30).text)
    assert token is not None
    return customer.post(url, data={"csrfmiddlewaretoken": token[1], **fields}, timeout=30)


@pytest.mark.timeout(240)
def test_whoever_follows_the_page_ends_with_a_paid_order(tmp_path: Path) -> None:
    with reading(tmp_path) as reader:
        for block in blocks(PAGE):
            reader.read(block)
        shop, gateway = reader.url("8000", "/"), reader.url("8100", "/control/")
        wait_for(shop)
        wait_for(reader.url("8100", "/"))

        customer = requests.Session()
        chosen = press(customer, shop)
        bought = press(customer, chosen.url, coin="BTC/bitcoin")
        assert "/cryptopay/checkout/" in bought.url
        (invoice,) = requests.get(f"{gateway}state", timeout=30).json()["invoices"]
        for act in ("pay", "confirm"):
            requests.post(f"{gateway}{act}", json={"invoice_id": invoice["id"]}, timeout=30).raise_for_status()

        page = customer.get(bought.url, timeout=30).text
        order = customer.get(reader.url("8000", "/orders/1/"), timeout=30).text

    assert order == "Order 1: paid"
    assert 'href="' + reader.url("8000", "/orders/1/") in page
