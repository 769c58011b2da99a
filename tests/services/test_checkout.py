"""create_invoice: what is refused before a call, and what becomes of every kind of answer."""

from __future__ import annotations

import uuid
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction

from cryptopay_django.exceptions import (
    AmountError,
    CreationUnknownError,
    CurrencyError,
    CustomIdError,
    GatewayAnswerError,
    GatewayPermissionError,
    GatewayUnreachableError,
    GatewayValidationError,
    InvoiceRequestError,
    NetworkError,
    PriceSealError,
    TransactionOpenError,
)
from cryptopay_django.models import Callback, Invoice, InvoiceEvent
from cryptopay_django.services import create_invoice, process_callback, process_overdue, reconcile_invoices
from cryptopay_django.services.invoices.customer_state import read_progress
from cryptopay_django.services.snapshots.apply import poll_invoice
from cryptopay_django.testing.factories import CallbackFactory, InvoiceFactory, callback_body, invoice_wire
from tests.wire import TIMED_OUT, UNREACHABLE, ScriptedGateway, refusal

pytestmark = pytest.mark.django_db

ORDER = {"price_amount": "100.00", "price_currency": "EUR", "pay_currency": "BTC"}


class Gateway(ScriptedGateway):
    """Keeps invoices by custom_id as the real one does; `faults` are answered first, before or after the effect."""

    def __init__(self) -> None:
        super().__init__(self.respond)
        self.invoices: dict[str, dict] = {}
        self.faults: list = []
        self.effect_first = False
        self.changes: dict = {}
        self.coins: list = []

    def respond(self, method, path, body):
        if self.faults and not self.effect_first:
            return self.faults.pop(0)
        answer = self.work(method, path, body)
        return self.faults.pop(0) if self.faults else answer

    def work(self, method, path, body):
        if path == "/api/coins":
            return 200, {"data": self.coins}
        if method == "GET":
            made = self.invoices.get(path.rsplit("/", 1)[1])
            return (200, {"data": made}) if made else refusal(404, "not_found")
        if body["custom_id"] in self.invoices:
            return refusal(409, "conflict")
        row = Invoice.objects.get(custom_id=body["custom_id"])
        row.address = "2N7eWx1pLbvcQhRfkz3dYt6sGm0001"
        told = {"network": "bitcoin", "metadata": body["metadata"], **self.changes}
        self.invoices[body["custom_id"]] = invoice_wire(row, **told)
        self.last_body = body
        return 201, {"data": self.invoices[body["custom_id"]]}


@pytest.fixture
def gateway(settings):
    scripted = Gateway()
    settings.CRYPTOPAY_HTTP_ADAPTER = lambda account: scripted
    settings.CRYPTOPAY_TOTAL_TIMEOUT = 1
    return scripted


@pytest.mark.parametrize(
    ("changes", "error", "says"),
    [
        ({"price_amount": 100.0}, AmountError, "float"),
        ({"price_amount": True}, AmountError, "bool"),
        ({"price_amount": 0}, AmountError, "above zero"),
        ({"price_amount": "-1"}, AmountError, "above zero"),
        ({"price_amount": Decimal("NaN")}, AmountError, "above zero"),
        ({"price_amount": "1.001"}, AmountError, "2 decimal places"),
        ({"price_amount": "0.1", "price_currency": "JPY"}, AmountError, "0 decimal places"),
        ({"price_amount": "1e2"}, AmountError, "not an amount"),
        ({"price_amount": None}, AmountError, "NoneType"),
        ({"price_currency": "EURO"}, CurrencyError, "EURO"),
        ({"price_currency": "eur"}, CurrencyError, "EUR"),
        ({"pay_currency": "GOLD"}, CurrencyError, "CRYPTOPAY_EXTRA_COINS"),
        ({"pay_currency": "EUR"}, CurrencyError, "not a coin"),
        ({"network": "tron"}, NetworkError, "BTC is not on the network"),
        ({"custom_id": ""}, CustomIdError, "custom_id"),
        ({"custom_id": ".."}, CustomIdError, "custom_id"),
        ({"custom_id": "a b"}, CustomIdError, "custom_id"),
        ({"custom_id": "a/b\n"}, CustomIdError, "custom_id"),
        ({"custom_id": "x" * 129}, CustomIdError, "custom_id"),
        ({"custom_id": 17}, CustomIdError, "custom_id"),
        ({"metadata": {"cart": 17}}, InvoiceRequestError, "metadata"),
        ({"name": "n" * 256}, InvoiceRequestError, "name"),
        ({"name": "n\x00"}, InvoiceRequestError, "NUL"),
        ({"metadata": {"k": "v\x00"}}, InvoiceRequestError, "NUL"),
        ({"payer_email": "not an address"}, InvoiceRequestError, "payer_email"),
        ({"success_redirect_url": "/thanks/"}, InvoiceRequestError, "absolute"),
        ({"unsuccess_redirect_url": "javascript:alert(1)"}, InvoiceRequestError, "absolute"),
    ],
)
def test_what_cannot_be_is_refused_before_any_call(gateway, changes, error, says):
    with pytest.raises(error, match=says):
        create_invoice(**{**ORDER, **changes})

    # What is not built in may stand in the gateway's own list of coins.
    assert set(gateway.asked) <= {("GET", "/api/coins")}
    assert not Invoice.objects.exists()


def listed(currency, *networks, precision=3, **changes):
    return {
        "currency": currency,
        "networks": [
            {"network": name, "precision": precision, "invoices": {"enabled": True}, **changes} for name in networks
        ],
    }


@pytest.fixture
def coins(gateway):
    """The gateway's list of coins, which no other test has put into the cache."""
    cache.clear()
    gateway.coins = [
        listed("NEW", "newnet", "bitcoin"),
        listed("BTC", "newnet"),
        listed("ETH", "ethereum", precision=12),
    ]
    yield gateway.coins
    cache.clear()


@pytest.mark.parametrize(
    "changes",
    [
        {"pay_currency": "NEW"},
        {"pay_currency": "NEW", "network": "bitcoin"},
        {"pay_currency": "BTC", "network": "newnet"},
        {"price_currency": "NEW", "price_amount": "0.125"},
        {"price_currency": "ETH", "price_amount": "0.123456789012"},
    ],
)
def test_what_only_the_gateways_list_knows_can_be_asked_for(gateway, coins, changes):
    gateway.changes = {"network": changes.get("network", "bitcoin")}

    invoice = create_invoice(**{**ORDER, **changes})

    assert gateway.last_body["pay_currency"] == invoice.pay_currency == {**ORDER, **changes}["pay_currency"]
    assert [path for _, path in gateway.asked].count("/api/coins") == 1


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"pay_currency": "NEW", "network": "tron"}, NetworkError),
        ({"pay_currency": "NEWER"}, CurrencyError),
        ({"price_currency": "NEW", "price_amount": "0.1255"}, AmountError),
        ({"price_currency": "ETH", "price_amount": "0.1234567890123"}, AmountError),
    ],
)
def test_what_the_gateways_list_does_not_know_either_is_refused(gateway, coins, changes, error):
    with pytest.raises(error):
        create_invoice(**{**ORDER, **changes})

    assert gateway.count("POST") == 0


def test_a_coin_that_is_listed_and_cannot_be_paid_with_is_refused(gateway, coins):
    coins.append(listed("TAGGED", "tagnet", destination_tag={"required": True, "name": "Memo"}))

    with pytest.raises(CurrencyError):
        create_invoice(**{**ORDER, "pay_currency": "TAGGED"})

    assert gateway.count("POST") == 0


def test_the_list_is_not_asked_for_where_all_is_built_in(gateway, coins):
    create_invoice(**ORDER, network="bitcoin")

    assert ("GET", "/api/coins") not in gateway.asked


def test_without_the_gateways_list_what_is_built_in_counts(gateway, coins):
    gateway.faults = [refusal(403)]

    create_invoice(**{**ORDER, "price_currency": "ETH", "price_amount": "0.12345678"})

    assert gateway.last_body["price_amount"] == "0.12345678"


def test_an_order_that_is_not_saved_is_refused(gateway):
    with pytest.raises(InvoiceRequestError, match="save the order first"):
        create_invoice(User(username="nobody"), **ORDER)

    assert gateway.asked == []


def test_an_account_that_is_not_there_is_refused(gateway):
    with pytest.raises(ImproperlyConfigured, match=r'CRYPTOPAY_ACCOUNTS has no account "third"'):
        create_invoice(**ORDER, account="third")


def test_the_answer_is_on_the_row_and_the_order_hangs_on_it(gateway):
    user = User.objects.create(username="buyer")

    invoice = create_invoice(user, **ORDER, name="Two lamps", metadata={"cart": "17"})

    stored = Invoice.objects.get()
    assert stored == invoice
    assert stored.order == user
    assert (stored.price_amount, stored.pay_amount, stored.exchange_rate) == (100, Decimal("0.002"), 50000)
    assert (stored.address, stored.network, stored.status) == ("2N7eWx1pLbvcQhRfkz3dYt6sGm0001", "bitcoin", "new")
    assert stored.expires_at is not None
    assert stored.events.get().kind == "invoice_created"
    assert gateway.last_body == {
        "price_amount": "100",
        "price_currency": "EUR",
        "pay_currency": "BTC",
        "custom_id": stored.custom_id,
        "name": "Two lamps",
        "metadata": {"cart": "17", "cryptopay_django": str(stored.pk)},
    }
    assert stored.metadata == {"cart": "17"}


def test_the_same_custom_id_for_the_same_order_is_the_same_invoice(gateway):
    first = create_invoice(**ORDER, custom_id="order-17")
    second = create_invoice(**ORDER, custom_id="order-17")

    assert first == second
    assert gateway.count("POST") == 1


def test_the_same_custom_id_for_another_order_is_refused(gateway):
    create_invoice(**ORDER, custom_id="order-17")

    with pytest.raises(CustomIdError, match="used before"):
        create_invoice(**{**ORDER, "price_amount": 7}, custom_id="order-17")


@pytest.mark.parametrize("fault", [TIMED_OUT, refusal(500), refusal(503), (502, b"<html>"), (201, b"{"), (302, b"")])
def test_an_unclear_answer_after_the_effect_finds_the_invoice_that_was_made(gateway, fault):
    gateway.effect_first = True
    gateway.faults = [fault]

    invoice = create_invoice(**ORDER)

    assert str(invoice.gateway_id) == gateway.invoices[invoice.custom_id]["id"]
    assert gateway.count("POST") == 1


@pytest.mark.parametrize("fault", [TIMED_OUT, refusal(500), (502, b"<html>")])
def test_an_unclear_answer_before_the_effect_is_a_state_and_can_be_taken_up_again(gateway, fault):
    gateway.faults = [fault]

    with pytest.raises(CreationUnknownError, match="order-17"):
        create_invoice(**ORDER, custom_id="order-17")

    assert Invoice.objects.get().gateway_id is None
    assert create_invoice(**ORDER, custom_id="order-17") == Invoice.objects.get()
    assert len(gateway.invoices) == 1


@pytest.mark.parametrize("amount", ["0.0", "-0.002"])
def test_an_answer_with_nothing_to_pay_is_unclear_and_no_customer_sees_it(gateway, amount):
    gateway.changes = {"pay_amount": amount}

    with pytest.raises(CreationUnknownError, match=r"data\.pay_amount"):
        create_invoice(**ORDER)

    invoice = Invoice.objects.get()
    assert (invoice.gateway_id, invoice.pay_amount, gateway.count("POST")) == (None, None, 1)
    with pytest.raises(GatewayAnswerError):
        poll_invoice(invoice)
    assert "data.pay_amount" in Invoice.objects.get().quarantine_reason
    assert read_progress(invoice.pk).state == "review"


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"address": None}, "preparing"),
        ({"address": ""}, "preparing"),
        ({"price_amount": "0.0"}, "review"),
        ({"expires_at": "1971-01-01T00:00:00Z"}, "expired"),
    ],
)
def test_an_answer_that_nobody_can_pay_by_is_not_offered_for_payment(gateway, changes, state):
    gateway.changes = changes

    with suppress(PriceSealError):
        create_invoice(**ORDER)

    assert read_progress(Invoice.objects.get().pk).state == state


def test_taking_up_again_finds_what_was_made_after_all(gateway):
    gateway.effect_first = True
    gateway.faults = [TIMED_OUT] * 50
    with pytest.raises(CreationUnknownError):
        create_invoice(**ORDER, custom_id="order-17")
    gateway.faults = []

    invoice = create_invoice(**ORDER, custom_id="order-17")

    assert str(invoice.gateway_id) == gateway.invoices["order-17"]["id"]
    assert gateway.count("POST") == 1


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (refusal(422), GatewayValidationError),
        (refusal(403), GatewayPermissionError),
        (UNREACHABLE, GatewayUnreachableError),
    ],
)
def test_a_refusal_leaves_no_row_behind(gateway, fault, error):
    gateway.faults = [fault]

    with pytest.raises(error):
        create_invoice(**ORDER, custom_id="order-17")

    assert not Invoice.objects.exists()
    assert create_invoice(**ORDER, custom_id="order-17")


@pytest.mark.parametrize("fault", [UNREACHABLE, refusal(401), refusal(429)], ids=["unreachable", "401", "429"])
def test_while_an_earlier_try_is_unclear_no_later_one_says_that_nothing_was_made(gateway, fault):
    gateway.effect_first = True
    gateway.faults = [TIMED_OUT] * 50
    with pytest.raises(CreationUnknownError):
        create_invoice(**ORDER, custom_id="order-17")
    gateway.faults = [fault] * 50

    with pytest.raises(CreationUnknownError, match="order-17"):
        create_invoice(**ORDER, custom_id="order-17")

    assert Invoice.objects.get().gateway_id is None
    gateway.faults = []
    assert str(create_invoice(**ORDER, custom_id="order-17").gateway_id) == gateway.invoices["order-17"]["id"]


def test_a_second_try_that_is_never_sent_leaves_the_first_one_unclear(gateway):
    gateway.faults = [TIMED_OUT, refusal(404)]
    with pytest.raises(CreationUnknownError):
        create_invoice(**ORDER, custom_id="order-17")
    gateway.faults = [refusal(404), *[UNREACHABLE] * 50]

    with pytest.raises(CreationUnknownError):
        create_invoice(**ORDER, custom_id="order-17")

    assert Invoice.objects.get().gateway_id is None


def test_a_second_try_that_is_refused_says_so_and_keeps_the_row_of_the_first(gateway):
    gateway.faults = [TIMED_OUT, refusal(404)]
    with pytest.raises(CreationUnknownError):
        create_invoice(**ORDER, custom_id="order-17")
    gateway.faults = [refusal(404), refusal(422)]

    with pytest.raises(GatewayValidationError):
        create_invoice(**ORDER, custom_id="order-17")

    assert Invoice.objects.get().gateway_id is None


def test_a_custom_id_that_the_gateway_knows_and_does_not_show_is_unclear(gateway):
    gateway.effect_first = True
    gateway.faults = [refusal(409, "conflict"), *[refusal(403)] * 50]

    with pytest.raises(CreationUnknownError):
        create_invoice(**ORDER, custom_id="order-17")

    gateway.faults = []
    assert create_invoice(**ORDER, custom_id="order-17") == Invoice.objects.get()


def lose_all_rows():
    """Lose our rows, as after a backup that was too old."""
    InvoiceEvent.objects.all().delete()
    Invoice.objects.all().delete()


@pytest.mark.parametrize("metadata", [{}, {"metadata": None}, {"metadata": {"cryptopay_django": "other"}}])
def test_what_was_made_for_a_row_that_is_gone_is_not_adopted(gateway, metadata):
    gateway.changes = metadata
    create_invoice(**ORDER, custom_id="order-17")
    lose_all_rows()

    with pytest.raises(CustomIdError, match="not made for"):
        create_invoice(**ORDER, custom_id="order-17")

    assert not Invoice.objects.exists()


def test_reconciliation_adopts_nothing_that_was_made_for_another_row(gateway):
    create_invoice(**ORDER, custom_id="order-17")
    lose_all_rows()
    row = InvoiceFactory(gateway_id=None, address="", custom_id="order-17")

    found = reconcile_invoices(min_age=timedelta(0))

    row.refresh_from_db()
    assert (found.unknown, row.gateway_id, row.address) == (1, None, "")


def test_a_gateway_that_drops_metadata_is_believed_by_our_random_custom_id(gateway):
    gateway.changes = {"metadata": None}
    gateway.effect_first = True
    gateway.faults = [TIMED_OUT]

    invoice = create_invoice(**ORDER)

    assert str(invoice.gateway_id) == gateway.invoices[str(invoice.pk)]["id"]


@pytest.mark.parametrize(
    "changes",
    [{"price_amount": "1.0"}, {"price_currency": "USD"}, {"pay_currency": "LTC"}],
    ids=lambda c: next(iter(c)),
)
def test_another_price_than_ordered_is_held_and_said(gateway, changes):
    gateway.changes = changes

    with pytest.raises(PriceSealError, match=next(iter(changes))):
        create_invoice(**ORDER)

    invoice = Invoice.objects.get()
    assert (invoice.price_amount, invoice.price_currency, invoice.pay_currency) == (100, "EUR", "BTC")
    assert invoice.quarantine_reason


@pytest.mark.django_db(transaction=True)
def test_inside_a_transaction_it_refuses_before_it_writes(gateway):
    with pytest.raises(TransactionOpenError, match="non_atomic_requests"), transaction.atomic():
        create_invoice(**ORDER)

    assert gateway.asked == []
    assert not Invoice.objects.exists()


def test_a_callback_that_overtakes_the_answer_finds_its_invoice(gateway):
    def overtaken(method, path, body):
        answer = gateway.work(method, path, body)
        if method == "POST":
            answer[1]["data"]["paid_amount"] = "0.001"
            process_callback(CallbackFactory(body=callback_body(answer[1]["data"], "transaction_created")))
        return answer

    gateway.answer = overtaken

    invoice = create_invoice(**ORDER)

    assert Callback.objects.get().outcome == "applied"
    assert (invoice.paid_amount, str(invoice.gateway_id)) == (
        Decimal("0.001"),
        gateway.invoices[invoice.custom_id]["id"],
    )
    assert [event.kind for event in invoice.events.all()] == ["invoice_created"]


def test_an_orphan_is_linked_when_its_invoice_appears(gateway):
    gateway_id = str(uuid.uuid4())
    gateway.changes = {"id": gateway_id}
    stranger = invoice_wire(
        Invoice(price_amount=100, price_currency="EUR", pay_currency="BTC", custom_id=""), id=gateway_id
    )
    stranger |= {"custom_id": None, "address": None, "network": None, "paid_amount": "0.001"}
    callback = process_callback(CallbackFactory(body=callback_body(stranger, "transaction_created")))
    assert callback.outcome == "orphan"

    invoice = create_invoice(**ORDER)
    gateway.invoices = {gateway_id: {**gateway.invoices[invoice.custom_id], "paid_amount": "0.001"}}
    process_overdue()

    callback.refresh_from_db()
    invoice.refresh_from_db()
    assert (callback.outcome, callback.invoice, invoice.paid_amount) == ("applied", invoice, Decimal("0.001"))
