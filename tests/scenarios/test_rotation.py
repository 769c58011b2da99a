"""Rotating a callback secret, over HTTP: nothing is lost on the way, and the doctor says when the old one may go."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings as project
from django.db.models import F

from cryptopay_django.models import Callback, Invoice
from cryptopay_django.sandbox.server import SandboxServer
from cryptopay_django.services import create_invoice, diagnose

from .conftest import Shop
from .hands import RemoteHands

pytestmark = pytest.mark.django_db(transaction=True)

OLD, NEW = "the-callback-secret-that-is-to-go", "the-callback-secret-that-takes-its-place"


@pytest.fixture
def deploy(served, settings):
    """Let the site run with these callback secrets, the newest first."""

    def change(*secrets: str) -> None:
        account = project.CRYPTOPAY_ACCOUNTS["default"]
        settings.CRYPTOPAY_ACCOUNTS = {"default": account | {"CALLBACK_SECRETS": list(secrets)}}

    served.sandbox.change_settings({"callback_secret": OLD})
    change(OLD)
    return change


def order() -> Invoice:
    return create_invoice(price_amount=100, price_currency="EUR", pay_currency="BTC")


def advice() -> str:
    return next(result.remedy for result in diagnose(offline=True) if result.subject == "secrets")


def let_days_pass(days: int) -> None:
    Callback.objects.update(received_at=F("received_at") - timedelta(days=days))


def test_a_secret_is_rotated_and_no_callback_is_lost(served: SandboxServer, deploy, shop: Shop) -> None:
    hands = RemoteHands(served)
    invoice = order()
    served.sandbox.fail_next("reset")
    hands.pay(invoice)

    deploy(NEW, OLD)
    assert "no callback has matched the newest" in advice()
    hands.settings(callback_secret=NEW)
    hands.confirm(invoice)
    assert Invoice.objects.get(pk=invoice.pk).status == "completed"
    hands.advance(timedelta(days=1))

    log = served.sandbox.state.outbox.log.values()
    assert all(any(attempt.ok for attempt in callback.attempts) for callback in log)
    assert Callback.objects.count() == len(log)
    late, last = (Callback.objects.get(event=f"Invoice {name}") for name in ("transaction_created", "status_changed"))
    assert (late.secret_index, last.secret_index) == (1, 0)
    assert shop.rows(invoice, "invoice_completed") == 1

    assert "may go on" in advice()
    let_days_pass(3)
    assert "may go:" in advice()
    deploy(NEW)
    hands.pay(following := order())
    hands.confirm(following)
    assert Invoice.objects.get(pk=following.pk).status == "completed"


def test_an_old_secret_that_went_too_soon_costs_time_and_no_callback(served: SandboxServer, deploy, caplog) -> None:
    hands = RemoteHands(served)
    invoice = order()
    deploy(NEW)
    hands.pay(invoice)
    hands.confirm(invoice)
    assert Invoice.objects.get(pk=invoice.pk).status == "new"

    deploy(NEW, OLD)
    hands.advance(timedelta(hours=1))

    assert Invoice.objects.get(pk=invoice.pk).status == "completed"
    assert set(Callback.objects.exclude(event="Invoice created").values_list("secret_index", flat=True)) == {1}
