"""The script that holds recordings of the service against this project: it is silent where all agrees, and sees what does not."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from scripts.recordings import main
from tests.gateway import examples
from tests.gateway.families import CHANNEL_ID, PAYMENT_ID, WITHDRAWAL_ID, thing

WITHDRAWAL = {
    "address": "2Mz3bcjSVHG8uQJpNjmCxp24VdTjwaqmFcJ",
    "charged_amount": "100.0",
    "charged_currency": "EUR",
    "received_currency": "BTC",
    "force_commit": False,
}
META = {"total": 1, "has_more": False}
REFUSAL = {"code": "not_found", "message": "not found", "details": []}


def exchange(
    method: str, path: str, status: int | None, data: Any, *, request: Any = None, **more: Any
) -> dict[str, Any]:
    return {"method": method, "path": path, "request": request, "status": status, "response": {"data": data, **more}}


def refusal(method: str, path: str, status: int | None, **error: Any) -> dict[str, Any]:
    response = {"error": REFUSAL | error, "meta": {"request_id": "0123456789abcdef0123456789abcdef"}}
    return {"method": method, "path": path, "request": None, "status": status, "response": response}


NOT_UUID = {"code": "must_be_uuid", "target": "account_id", "message": "must match uuid format", "args": {}}
CALLED = thing("withdrawal", "network", status="pending")
RECORDED: dict[str, Any] = {
    "channel": [exchange("GET", f"/api/channels/{CHANNEL_ID}", 200, thing("channel"))],
    "named": [exchange("GET", "/api/channels/custom_id/wallet-7", 200, thing("channel"))],
    "closed": [
        exchange("PATCH", f"/api/channels/{CHANNEL_ID}", 200, thing("channel"), request={"status": "disabled"}),
    ],
    "payments": [exchange("GET", f"/api/channels/{CHANNEL_ID}/payments", 200, [thing("channel_payment")], meta=META)],
    "payment": [exchange("GET", f"/api/channels/{CHANNEL_ID}/payments/{PAYMENT_ID}", 200, thing("channel_payment"))],
    "withdrawals": [
        exchange(
            "POST", "/api/coin_withdrawals", 201, thing("withdrawal", created_at="2024-02-03T04:05:06Z"),
            request=WITHDRAWAL,
        ),
        exchange("POST", f"/api/coin_withdrawals/{WITHDRAWAL_ID}/commit", 200, thing("withdrawal", status="pending")),
    ],
    "accounts": [exchange("GET", "/api/accounts", 200, [thing("account")], meta=META)],
    "rows": [exchange("GET", "/api/transactions?reference_type=Invoice", 200, [thing("row")], meta=META)],
    "refund": [exchange("GET", f"/api/invoices/{examples.INVOICE_ID}/refunds", 200, [examples.refund()])],
    "score": [
        exchange("POST", "/api/risks/score", 200, examples.RISK,
                 request={"address": WITHDRAWAL["address"], "currency": "BTC", "type": "source_of_funds"}),
    ],
    "customer": [exchange("GET", "/api/customers/customer-3", 200, examples.customer(addresses=[], refund_addresses={}))],
    "refused": [
        refusal("GET", "/api/rates/BTC/XXX", 404),
        refusal("GET", "/api/accounts", None, code="ip_not_allowed", message="ip not allowed"),
        refusal("GET", "/api/accounts/x/transactions", 422, code="invalid", message="invalid", details=[NOT_UUID]),
        refusal("POST", "/api/invoices", 409, code="duplicate_custom_id", message="duplicate custom id"),
    ],
    "callback": {"type": "CoinWithdrawal", "event": "created", "data": CALLED},
    "callback_partial": {
        "type": "Subscription", "event": "cancelled", "data": thing("subscription", "payer_name", status="cancelled"),
    },
}  # fmt: skip


@pytest.fixture
def compare(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """Write recordings into a folder and compare them; return the exit status and what was printed."""

    def compare(recorded: dict[str, Any]) -> tuple[int, str]:
        for name, content in recorded.items():
            (tmp_path / f"{name}.json").write_text(json.dumps(content))
        return main(tmp_path), capsys.readouterr().out

    return compare


def test_where_all_agrees_it_says_so(compare):
    status, printed = compare(RECORDED)

    assert (status, printed) == (0, "16 exchanges, 2 callbacks compared\nall are read, and nothing differs\n")


def changed(name: str, *steps: Any, to: Any) -> dict[str, Any]:
    """Return the recordings of one file with a value replaced."""
    content = copy.deepcopy(RECORDED[name])
    inside = content
    for step in steps[:-1]:
        inside = inside[step]
    inside[steps[-1]] = to
    return {name: content}


DATA = (0, "response", "data")


@pytest.mark.parametrize(
    ("recorded", "says"),
    [
        (changed("channel", *DATA, "status", to="paused"), "table: data.status is no = enabled | disabled: 'paused'"),
        (changed("channel", *DATA, "gift", to=1), "client: gift has no place in ChannelSnapshot"),
        (changed("channel", *DATA, "gift", to=1), "sandbox: channel.gift is missing"),
        (changed("channel", *DATA, "name", to=[]), "client: data.name: must be a string"),
        (changed("channel", *DATA, to=dict(reversed(thing("channel").items()))), "members in another order"),
        (changed("channel", *DATA, "id", to=None), "client: GatewayAnswerError"),
        (changed("channel", *DATA, "id", to=PAYMENT_ID), "was answered with another channel"),
        (changed("channel", *DATA, to={"id": CHANNEL_ID}), "sandbox: channel.address was never recorded"),
        (changed("channel", 0, "status", to=201), "table: status 201, in the table 200"),
        (changed("channel", 0, "status", to=201), "sandbox: status 200 , recorded 201"),
        (changed("channel", 0, "path", to="/api/gifts"), "table: the table does not have it"),
        (changed("channel", 0, "path", to="/api/gifts"), "client: the client has no call for it"),
        (changed("closed", 0, "request", to={"gift": "x"}), "client: TypeError"),
        (changed("closed", 0, "request", to={"status": "gone"}), "sandbox: status 422 invalid, recorded 200"),
        (changed("withdrawals", 0, "request", "force_commit", to=None), "client: sends "),
        (changed("withdrawals", *DATA, "fee", to=0.5), "table: data.fee is no amount: 0.5"),
        (changed("accounts", 0, "response", "meta", to={"total": 1}), "table: meta.has_more is missing"),
        (changed("accounts", 0, "response", "meta", to={"total": 1}), "sandbox: meta has total, has_more"),
        (changed("accounts", *DATA, to=[thing("account"), {}]), "client: 1 of 2 are read"),
        (changed("rows", 0, "response", to={"data": []}), "table: meta is missing"),
        (changed("rows", 0, "response", to={"data": []}), "sandbox: has data, meta, recorded data"),
        (changed("refund", 0, "response", "meta", to=META), "table: meta is there"),
        (changed("refused", 0, "response", "error", "code", to="gone"), "sandbox: its code is 'not_found'"),
        (changed("refused", 0, "response", "error", "message", to=5), "table: refusal.error.message is no text: 5"),
        (changed("refused", 2, "response", "error", "details", 0, "target", to="id"), "sandbox: its details are"),
        (changed("refused", 0, "status", to=410), "sandbox: status 404 not_found, recorded 410"),
        (changed("callback", "event", to="vanished"), "table: callback.event is no ="),
        (changed("callback", "event", to="vanished"), "sandbox: it sends no callback CoinWithdrawal vanished pending"),
        (changed("callback", "data", "gift", to=1), "sandbox: gift is never sent"),
        (changed("callback", "data", to=dict(reversed(CALLED.items()))), "sandbox: its members are in another order"),
        (changed("callback", "type", to="GiftCard"), "table: callback.type is not in the table: 'GiftCard'"),
        (changed("callback", "type", to="GiftCard"), "client: nothing reads what a GiftCard is"),
        (changed("callback", "data", "gift", to=1), "client: data.gift has no place in CoinWithdrawal"),
        (changed("callback", "data", "id", to="x"), "client: WireError: data.id: must be a UUID"),
        (changed("callback_partial", "data", "amount", to="much"), "table: callback.data.amount is no amount"),
    ],
)  # fmt: skip
def test_what_differs_is_named(recorded, says, compare):
    status, printed = compare(recorded)

    assert status == 1
    assert says in printed
    assert "nothing differs" not in printed


def test_a_folder_without_recordings_is_no_success(compare):
    status, printed = compare({})

    assert status == 1
    assert "there are no recordings" in printed
