"""The fixture `cryptopay_sandbox`: every account, through the host's own middleware, without a socket."""

from __future__ import annotations

import socket
import subprocess
import sys
from decimal import Decimal
from types import SimpleNamespace
from uuid import UUID

import pytest
from django.conf import settings
from django.test import override_settings

from cryptopay_django.conf import client_for
from cryptopay_django.gateway.schemas import InvoiceSnapshot
from cryptopay_django.sandbox import channel_controls
from cryptopay_django.sandbox.refusals import RefusalError
from cryptopay_django.services import list_offers
from cryptopay_django.testing.inprocess import InProcessSandbox

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_socket(monkeypatch: pytest.MonkeyPatch, db: None) -> None:
    """Let any attempt to reach a gateway outside this process fail loudly."""

    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("a socket was opened")

    if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        monkeypatch.setattr(socket, "create_connection", refuse)


def order(account: str = "default") -> InvoiceSnapshot:
    return client_for(account).create_invoice(
        price_amount=Decimal(100), price_currency="EUR", pay_currency="BTC", custom_id=f"order-of-{account}"
    )


def test_a_story_is_told_to_the_hosts_own_url(cryptopay_sandbox: InProcessSandbox) -> None:
    invoice = str(order().id)

    cryptopay_sandbox.pay(invoice)
    cryptopay_sandbox.confirm(invoice)
    attempts = cryptopay_sandbox.deliver()

    assert [(attempt.event, attempt.status) for attempt in attempts] == [
        ("transaction_created", 200),
        ("transaction_confirmed", 200),
        ("status_changed", 200),
    ]
    assert cryptopay_sandbox.invoice(invoice).status == "completed"


def test_time_moves_only_when_told(cryptopay_sandbox: InProcessSandbox) -> None:
    invoice = str(order().id)
    cryptopay_sandbox.pay(invoice, "0.9")
    cryptopay_sandbox.confirm(invoice)
    before = cryptopay_sandbox.now

    cryptopay_sandbox.advance(minutes=11)

    assert (cryptopay_sandbox.now - before).total_seconds() == 660
    assert cryptopay_sandbox.invoice(invoice).context == "underpaid"


def test_every_account_has_a_gateway_and_a_callback_url_of_its_own(cryptopay_sandbox: InProcessSandbox) -> None:
    first, second = str(order().id), str(order("second").id)
    assert first != second

    for invoice in (first, second):
        cryptopay_sandbox.pay(invoice)
    urls = {attempt.url for attempt in cryptopay_sandbox.deliver() if attempt.ok}

    assert urls == {"/cryptopay/callbacks/", "/cryptopay/callbacks/second/"}
    assert [invoice.id for invoice in cryptopay_sandbox.invoices("second")] == [second]


def test_the_accounts_settings_and_the_desk_are_at_hand(cryptopay_sandbox: InProcessSandbox) -> None:
    invoice = str(order().id)
    cryptopay_sandbox.settings(overpaid="recalculate")
    cryptopay_sandbox.pay(invoice, risk="high")
    cryptopay_sandbox.confirm(invoice)

    cryptopay_sandbox.decide(invoice, "refund")

    assert cryptopay_sandbox.invoice(invoice).status == "refunded"


def test_a_callback_is_sent_again_on_demand(cryptopay_sandbox: InProcessSandbox) -> None:
    cryptopay_sandbox.pay(str(order().id))
    (attempt,) = cryptopay_sandbox.deliver()

    cryptopay_sandbox.resend(attempt)
    (again,) = cryptopay_sandbox.deliver()

    assert again.body == attempt.body


def test_an_unknown_invoice_is_named(cryptopay_sandbox: InProcessSandbox) -> None:
    with pytest.raises(RefusalError, match="no-such-id"):
        cryptopay_sandbox.pay("no-such-id")


def test_a_refused_callback_is_tried_again_later(cryptopay_sandbox: InProcessSandbox) -> None:
    cryptopay_sandbox.pay(str(order().id))
    with override_settings(MIDDLEWARE=["no.such.middleware"]):
        (first,) = cryptopay_sandbox.deliver()

    assert cryptopay_sandbox.deliver() == []
    (second,) = cryptopay_sandbox.advance(seconds=30, deliver=True)

    assert not first.ok
    assert second.ok


def test_the_plugin_is_loaded_without_django() -> None:
    code = (
        "import cryptopay_django.testing.plugin, sys; "
        "sys.exit(any(name.partition('.')[0] in ('django', 'requests') for name in sys.modules))"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_callback_is_sent_again_by_its_id_and_one_that_is_not_there_is_not(
    cryptopay_sandbox: InProcessSandbox,
) -> None:
    cryptopay_sandbox.pay(str(order().id))
    (attempt,) = cryptopay_sandbox.deliver()

    assert cryptopay_sandbox.resend(attempt.callback_id).id == attempt.callback_id
    with pytest.raises(RefusalError):
        cryptopay_sandbox.resend("nowhere")


@pytest.mark.parametrize("by", ["row", "id", "object"])
def test_a_channel_is_paid_like_an_invoice(cryptopay_sandbox: InProcessSandbox, by: str) -> None:
    account = cryptopay_sandbox.account()
    made = channel_controls.create(account, {"name": "7", "pay_currency": "BTC", "receiver_currency": "EUR"})
    channel = {"row": SimpleNamespace(gateway_id=UUID(made.id)), "id": made.id, "object": made}[by]

    payment = cryptopay_sandbox.pay(channel, "0.01", risk="high")
    cryptopay_sandbox.confirm(channel)
    row = {"row": SimpleNamespace(gateway_id=UUID(payment.id)), "id": payment.id, "object": payment}[by]
    attempts = cryptopay_sandbox.deliver()
    decided = cryptopay_sandbox.decide(row, "complete")

    assert [attempt.event for attempt in attempts] == ["created", "on_hold"]
    assert (decided.status, cryptopay_sandbox.channel(channel).payments) == ("completed", [payment])
    assert [callback.event for callback in cryptopay_sandbox.callbacks(row)] == ["created", "on_hold", "completed"]


def test_a_channel_is_disabled_by_hand_and_one_that_is_not_there_is_named(cryptopay_sandbox: InProcessSandbox) -> None:
    body = {"name": "7", "pay_currency": "BTC", "receiver_currency": "EUR"}
    channel = channel_controls.create(cryptopay_sandbox.account(), body)

    cryptopay_sandbox.change_channel(channel, "disabled")
    cryptopay_sandbox.pay(channel, "0.01")
    cryptopay_sandbox.confirm(channel)

    assert cryptopay_sandbox.channel(channel).payments[0].context == "channel_disabled"
    with pytest.raises(RefusalError, match="no-such-id"):
        cryptopay_sandbox.channel("no-such-id")
    with pytest.raises(RefusalError, match="amount"):
        cryptopay_sandbox.pay(channel)


def test_open_questions_are_answered_for_one_account(cryptopay_sandbox: InProcessSandbox) -> None:
    cryptopay_sandbox.variants("second", amounts="numbers")

    assert [cryptopay_sandbox.account(name).state.variants["amounts"] for name in ("default", "second")] == [
        "strings", "numbers",
    ]  # fmt: skip


def test_a_sandbox_lists_its_own_coins_whatever_the_one_before_listed() -> None:
    with InProcessSandbox() as earlier:
        earlier.variants("default", coins="as_2022")
        before = {offer.choice for offer in list_offers()}

    with InProcessSandbox():
        assert {offer.choice for offer in list_offers()} != before
