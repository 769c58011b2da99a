"""The sandbox over real HTTP, on a free port: API, control, pages, delivery, and the command line."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import pytest
import requests

from cryptopay_django.gateway.signing import sign_request, verify_callback
from cryptopay_django.sandbox.__main__ import main
from cryptopay_django.sandbox.account import SANDBOX_API_KEY, SANDBOX_API_SECRET, SANDBOX_CALLBACK_SECRET, Account
from cryptopay_django.sandbox.clock import Clock
from cryptopay_django.sandbox.core import Sandbox
from cryptopay_django.sandbox.post_callback import post
from cryptopay_django.sandbox.server import SandboxServer

from .conftest import Host


@pytest.fixture
def server(host: Host) -> Iterator[SandboxServer]:
    account = Account(callback_url=f"http://127.0.0.1:{host.server_port}/callbacks/")
    server = SandboxServer(("127.0.0.1", 0), Sandbox(account=account, clock=Clock(speed=1), post=post))
    server.sandbox.state.base_url = server.url
    server.start()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.stop()


def call(server: SandboxServer, method: str, path: str, body: object = None) -> Any:
    raw = b"" if body is None else json.dumps(body).encode()
    date = format_datetime(datetime.now(UTC), usegmt=True)
    signature = sign_request(secret=SANDBOX_API_SECRET, method=method, path=path, date=date, body=raw)
    headers = {"Authorization": f"HMAC {SANDBOX_API_KEY}:{signature}", "Date": date}
    response = requests.request(method, server.url + path, data=raw, headers=headers, timeout=5)
    assert response.ok, response.text
    return response.json()["data"]


def order(server: SandboxServer) -> Any:
    form = {"price_amount": "100.0", "price_currency": "EUR", "pay_currency": "BTC"}
    return call(server, "POST", "/api/invoices", form)


def control(server: SandboxServer, action: str, **body: object) -> Any:
    response = requests.post(f"{server.url}/control/{action}", json=body, timeout=20)
    assert response.ok, response.text
    return response.json()


def test_an_invoice_is_paid_by_script_and_the_callbacks_have_arrived_when_control_answers(
    server: SandboxServer, host: Host
) -> None:
    invoice = order(server)

    paid = control(server, "pay", invoice_id=invoice["id"], factor="1")
    assert host.story == ["transaction_created(new)"]
    assert paid["invoice"]["payments"][0]["required_confirmations"] == 1
    control(server, "confirm", invoice_id=invoice["id"])

    assert host.story[1:] == ["transaction_confirmed(new)", "status_changed(completed)"]
    assert call(server, "GET", f"/api/invoices/{invoice['id']}")["status"] == "completed"
    for signature, body in host.received:
        assert verify_callback(body, signature, secrets=[SANDBOX_CALLBACK_SECRET]) == 0


def test_moving_the_clock_delivers_what_falls_due_on_the_way(server: SandboxServer, host: Host) -> None:
    host.answers = [500, 500]
    control(server, "settings", underpaid="recalculate")
    invoice = order(server)
    control(server, "pay", invoice_id=invoice["id"], amount="0.001")

    moved = control(server, "advance", seconds=660)

    assert host.story == [
        *["transaction_created(new)"] * 3,
        "transaction_confirmed(new)",
        "status_changed(unresolved, underpaid)",
        "recalculated(completed)",
        "status_changed(completed)",
    ]
    assert len(moved["callbacks"]) == 6


def test_what_is_on_hold_is_decided_by_the_desk(server: SandboxServer, host: Host) -> None:
    invoice = order(server)
    control(server, "pay", invoice_id=invoice["id"], risk="high")
    control(server, "confirm", invoice_id=invoice["id"])

    decided = control(server, "decide", invoice_id=invoice["id"], decision="complete")

    assert decided["invoice"]["status"] == "completed"
    assert host.story[-2:] == ["status_changed(unresolved, illicit_resource)", "status_changed(completed)"]


@pytest.mark.parametrize(
    ("action", "told"),
    [
        ({"late": True}, "status_changed(unresolved, paid_late)"),
        ({"twice": True}, "status_changed(unresolved, overpaid)"),
    ],
)
def test_the_wallet_pays_late_and_twice(server: SandboxServer, host: Host, action: dict[str, bool], told: str) -> None:
    invoice = order(server)

    control(server, "pay", invoice_id=invoice["id"], **action)
    control(server, "confirm", invoice_id=invoice["id"])

    assert host.story[-1] == told


def test_any_callback_is_sent_again_on_demand(server: SandboxServer, host: Host) -> None:
    control(server, "pay", invoice_id=order(server)["id"])
    (logged,) = requests.get(f"{server.url}/control/state", timeout=5).json()["callbacks"]

    control(server, "resend", callback_id=logged["id"])

    assert host.received[0] == host.received[1]


def test_a_reset_forgets_everything_and_makes_other_ids(server: SandboxServer) -> None:
    before = order(server)

    state = control(server, "reset")

    assert (state["invoices"], state["callbacks"]) == ([], [])
    assert order(server)["id"] != before["id"]


def test_a_callback_that_falls_due_leaves_by_itself(server: SandboxServer, host: Host) -> None:
    control(server, "settings", overpaid="refund")
    invoice = order(server)
    control(server, "pay", invoice_id=invoice["id"])
    control(server, "clock", speed=10_000)

    wait_until(lambda: len(host.received) == 3)

    assert host.story[-1] == "status_changed(completed)"


def wait_until(condition: Any, *, seconds: float = 10) -> None:
    done = threading.Event()
    for _ in range(int(seconds * 100)):
        if condition():
            return
        done.wait(0.01)
    raise AssertionError("it did not happen in time")


@pytest.mark.parametrize(
    ("action", "body", "field"),
    [
        ("pay", {}, "invoice_id"),
        ("advance", {"seconds": "soon"}, "seconds"),
        ("settings", {"underpaid": "forget"}, "underpaid"),
        ("settings", {"colour": "red"}, "colour"),
    ],
)
def test_a_mistake_in_a_script_is_named(server: SandboxServer, action: str, body: dict[str, str], field: str) -> None:
    response = requests.post(f"{server.url}/control/{action}", json=body, timeout=5)

    assert response.status_code == 422
    assert response.json()["error"]["details"][0]["target"] == field


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.test"},
        {"Host": "evil.test"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": "null"},
    ],
)
def test_a_page_of_another_site_cannot_use_the_control_api(server: SandboxServer, headers: dict[str, str]) -> None:
    response = requests.post(f"{server.url}/control/reset", json={}, headers=headers, timeout=5)

    assert response.status_code == 403


def test_one_connection_serves_many_requests(server: SandboxServer) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=5)
    for _ in range(3):
        connection.request("GET", "/api/rates/BTC/EUR")
        response = connection.getresponse()
        assert (response.status, response.version) == (200, 11)
        response.read()
    connection.close()


def test_a_caller_is_left_waiting_when_trouble_wants_a_time_out(server: SandboxServer) -> None:
    control(server, "trouble", next=[{"fault": "timeout"}])

    with pytest.raises(requests.ReadTimeout):
        requests.get(f"{server.url}/api/rates", timeout=0.2)
    assert requests.get(f"{server.url}/api/rates", timeout=5).ok


@pytest.mark.parametrize("path", ["/", "/callbacks", "/account", "/trouble", "/live.json"])
def test_the_developers_pages_are_for_this_machine_only(server: SandboxServer, path: str) -> None:
    foreign = {"Host": "evil.test"}

    assert requests.get(server.url + path, headers=foreign, timeout=5).status_code == 403
    assert requests.get(server.url + path, timeout=5).status_code == 200
    assert requests.post(server.url + path, timeout=5).status_code == 405


def test_the_hosted_page_can_be_reached_by_any_name(server: SandboxServer) -> None:
    invoice = order(server)

    response = requests.get(invoice["hosted_page_url"], headers={"Host": "shop.test"}, timeout=5)

    assert response.status_code == 200


@pytest.mark.parametrize("arguments", [["--trouble", "rain"], ["--trouble", "drop=2"], ["--trouble", "all=0.5"]])
def test_trouble_that_cannot_be_made_is_explained(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--port", "0", *arguments]) == 1

    assert "cannot start" in capsys.readouterr().err


def test_the_hosted_page_shows_what_to_pay_and_where(server: SandboxServer) -> None:
    invoice = order(server)

    response = requests.get(invoice["hosted_page_url"], timeout=5)

    assert invoice["hosted_page_url"] == f"{server.url}/invoices/{invoice['id']}"
    assert invoice["address"] in response.text
    assert invoice["pay_amount"] in response.text


def test_a_busy_port_is_explained(server: SandboxServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--port", str(server.server_port)]) == 1

    assert "choose another port with --port" in capsys.readouterr().err
