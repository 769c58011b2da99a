"""The state file: whatever happens to the process, the next one goes on where it was."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from cryptopay_django.sandbox import channel_controls
from cryptopay_django.sandbox.__main__ import _open, _parse, main
from cryptopay_django.sandbox.account import SANDBOX_CALLBACK_SECRET
from cryptopay_django.sandbox.core import Sandbox
from cryptopay_django.sandbox.storage import StateFile, StateFileError

from .conftest import Host, Merchant, Shop, pass_time
from .test_channels import make
from .test_server import call, wait_until


def reopen(path: Path, shop: Shop) -> Sandbox:
    state = StateFile(path).load()
    assert state is not None
    return Sandbox(state=state, post=shop.receive)


@pytest.fixture
def path(tmp_path: Path, sandbox: Sandbox) -> Path:
    path = tmp_path / "state.json"
    sandbox.keep = StateFile(path).save
    return path


def live_through_everything(sandbox: Sandbox, merchant: Merchant, shop: Shop) -> None:
    """Bring about one of everything that a state can hold."""
    sandbox.change_settings({"overpaid": "recalculate", "callback_secret": "brand new", "denied": ["coins"]})
    sandbox.trouble({"duplicate": "0.1"})
    sandbox.fail_next("cut")
    merchant.data("POST", "/api/customers", {"id": "ann", "currency": "EUR"}, status=201)
    shop.answers = [500, 200, 200, 503]
    for factor in ("0.9", "1.5", "2"):
        invoice = merchant.order(metadata={"ä": "€"}, custom_id=f"order-{factor}")["id"]
        sandbox.pay(invoice, factor=factor, risk="medium")
        sandbox.confirm(invoice)
        sandbox.deliver()
    sandbox.pay(merchant.order(pay_currency="XRP")["id"], double_spend=True)
    sandbox.pay(merchant.order(price_amount="0.5", price_currency="ETH", pay_currency="ETH")["id"])
    for risk in ("low", "high"):
        channel = make(merchant)
        channel_controls.pay(sandbox, channel["id"], "0.01", risk=risk)
        channel_controls.confirm(sandbox, channel["id"])
        channel_controls.pay(sandbox, channel["id"], "0.02", double_spend=True)
    sandbox.variants({"late_commit": "409"})
    pass_time(sandbox, minutes=11)


def test_nothing_is_lost(sandbox: Sandbox, merchant: Merchant, shop: Shop, path: Path) -> None:
    live_through_everything(sandbox, merchant, shop)

    again = reopen(path, shop)

    old, new = sandbox.state, again.state
    assert new.invoices == old.invoices
    assert new.channels == old.channels
    assert new.variants == old.variants
    assert new.customers == old.customers
    assert new.account == old.account
    assert new.trouble == old.trouble
    assert new.counters == old.counters
    assert new.outbox.log == old.outbox.log
    assert new.outbox.queued() == old.outbox.queued()
    assert sorted(new.agenda) == sorted(old.agenda)
    assert (new.seed, new.rates.opened_at, new.clock.now()) == (old.seed, old.rates.opened_at, old.clock.now())
    assert list(new.by_custom_id) == list(old.by_custom_id)


def test_both_go_on_alike(sandbox: Sandbox, merchant: Merchant, shop: Shop, path: Path) -> None:
    live_through_everything(sandbox, merchant, shop)
    other = Shop()
    again = reopen(path, other)
    shop.posts.clear()
    sandbox.post = shop.receive

    for each in (sandbox, again):
        Merchant(each).order()
        pass_time(each, days=15)

    assert other.posts == shop.posts
    assert again.state.invoices == sandbox.state.invoices
    assert again.state.channels == sandbox.state.channels


def test_a_callback_that_was_on_its_way_is_sent_again(
    sandbox: Sandbox, merchant: Merchant, shop: Shop, path: Path
) -> None:
    def save_and_receive(url: str, headers: dict[str, str], body: bytes) -> object:
        StateFile(path).save(sandbox.state)
        path.rename(path.with_suffix(".kept"))
        return shop.receive(url, headers, body)

    sandbox.pay(merchant.order()["id"])
    sandbox.post = save_and_receive
    sandbox.deliver()

    reopen(path.with_suffix(".kept"), shop).deliver()

    assert shop.story == ["transaction_created(new)"] * 2


def test_its_clock_went_on_meanwhile_but_no_faster_than_the_real_one(sandbox: Sandbox, path: Path) -> None:
    sandbox.clock.set_speed(60)
    file = StateFile(path)
    file.save(sandbox.state)
    record = json.loads(path.read_bytes())
    record["saved_at"] = (datetime.fromisoformat(record["saved_at"]) - timedelta(hours=8)).isoformat()
    path.write_text(json.dumps(record))

    state = file.load()

    assert state is not None
    went_on = state.clock.now() - datetime.fromisoformat(record["now"])
    assert timedelta(hours=8) <= went_on < timedelta(hours=8, minutes=30)
    assert state.clock.speed == 60


def test_only_its_owner_can_read_it_and_nothing_else_is_left(sandbox: Sandbox, merchant: Merchant, path: Path) -> None:
    merchant.order()

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_a_save_that_fails_leaves_the_old_file(sandbox: Sandbox, merchant: Merchant, path: Path, shop: Shop) -> None:
    merchant.order()
    before = path.read_bytes()
    sandbox.state.customers["x"] = {"not for json": object()}

    with pytest.raises(TypeError):
        merchant.order()

    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"version": 0}', '{"version": 1}', '{"version": 1, "callbacks": [{}]}']
)
def test_a_damaged_file_is_explained(tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str) -> None:
    path = tmp_path / "state.json"
    path.write_text(content)

    with pytest.raises(StateFileError):
        StateFile(path).load()
    assert main(["--port", "0", "--state", str(path)]) == 1

    assert "state.json" in capsys.readouterr().err
    assert path.read_text() == content


def test_the_command_line_goes_before_the_file(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    first = _open(_parse(["--state", str(path), "--api-key", "kept", "--callback-secret", "old", "--seed", "kept"]))
    with first.changed:
        first.note_change()

    again = _open(_parse(["--state", str(path), "--callback-secret", "new", "--speed", "60", "--seed", "other"]))

    assert (again.account.api_key, again.account.callback_secrets) == ("kept", ["new", "old", SANDBOX_CALLBACK_SECRET])
    assert (again.clock.speed, again.state.seed) == (60, "kept")


class Served:
    """A sandbox in a process of its own, addressed like `SandboxServer`."""

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self.process = process
        self.url = url

    def control(self, action: str, **body: object) -> Any:
        response = requests.post(f"{self.url}/control/{action}", json=body, timeout=20)
        assert response.ok, response.text
        return response.json()

    def state(self) -> Any:
        return requests.get(f"{self.url}/control/state", timeout=5).json()


@contextmanager
def serve(*arguments: str) -> Iterator[Served]:
    command = [sys.executable, "-m", "cryptopay_django.sandbox", "--port", "0", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        line = next(line for line in process.stdout if "API and pages" in line)
        yield Served(process, line.split()[-1])
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_killed_process_has_lost_nothing_that_it_had_answered(tmp_path: Path, host: Host) -> None:
    arguments = ["--state", str(tmp_path / "state.json"), "--speed", "0"]
    arguments += ["--callback-url", f"http://127.0.0.1:{host.server_port}/callbacks/", "--trouble", "duplicate=0.01"]
    host.answers = [500] * 2
    with serve(*arguments) as first:
        invoice = call(first, "POST", "/api/invoices", {"price_amount": "1", "price_currency": "EUR", "pay_currency": "BTC"})  # fmt: skip
        first.control("settings", underpaid="refund")
        first.control("pay", invoice_id=invoice["id"], factor="0.5")
        first.control("advance", seconds=29)
        before = first.state()
        os.kill(first.process.pid, signal.SIGKILL)
        first.process.wait()

    with serve("--state", str(tmp_path / "state.json")) as second:
        after = second.state()
        second.control("advance", seconds=700)
        ended = call(second, "GET", f"/api/invoices/{invoice['id']}")["status"]

    assert after == before
    assert before["callbacks"][0]["state"] == "pending"
    assert ended == "refunded"
    wait_until(lambda: host.story[-1:] == ["status_changed(refunded)"])
