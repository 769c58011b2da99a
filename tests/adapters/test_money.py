"""What the shared parts of adapters say of an order's money, and how they send it back."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.http import Http404
from django.test import RequestFactory

from cryptopay_django.adapters import (
    OrderAdapter,
    OrderState,
    PayOrderView,
    check_account,
    check_method,
    check_url,
    in_cents,
    invoices_of,
)
from cryptopay_django.exceptions import AccountMissingError, RefundAmountError, SendBackError
from cryptopay_django.models import Invoice, Refund, Resolution
from cryptopay_django.sandbox.addresses import make_address
from cryptopay_django.services import (
    create_invoice,
    deliver_again,
    make_refund_link,
    name_refund_address,
    refund_invoice,
    settle_invoice,
)

from .host import PayHere

pytestmark = pytest.mark.django_db(transaction=True)

ADDRESS = make_address("bitcoin", seed="customer", index="refund")[0]


def send(invoice, amount):
    refund_invoice(invoice, actor="ben", reason="came back", amount=amount, address=ADDRESS)


def sent(sandbox):
    return [one for one in sandbox.withdrawals() if not one.is_preview]


# Is it paid?


def test_two_invoices_cover_a_price_together_and_the_second_pays_it(orders, invoiced, pay):
    order = orders.place(price=Decimal(150))

    first, second = invoiced(order, 100, 50)
    pay(first)
    short = orders.known[order.pk].state, orders.money_of(order).missing_amount, orders.known[order.pk].problems
    pay(second)

    assert short == (OrderState.ATTENTION, 50, (f"settled for 100 EUR, 50.00 is missing; invoice {first.custom_id}",))
    assert (invoices_of(order), orders.known[order.pk].problems) == ([second, first], ())
    assert (orders.known[order.pk].state, orders.known[order.pk].parcels, orders.known[order.pk].paid_now) == (
        OrderState.PAID, 1, 1,
    )  # fmt: skip


def test_what_was_sent_back_of_one_of_two_invoices_is_missing(orders, paid):
    order = orders.place(price=Decimal(150))
    first, _ = paid(order, 100, 50)

    send(first, 30)

    money = orders.money_of(order)
    assert (money.is_covered, money.missing_amount, money.kept_of(first)) == (False, 30, 70)


def test_what_was_sent_back_of_an_invoice_that_covers_the_price_leaves_it_paid(orders, paid):
    order = orders.place()
    (invoice,) = paid(order, 100)

    send(invoice, 30)

    assert orders.known[order.pk].state == OrderState.PARTLY_REFUNDED
    assert orders.money_of(order).is_covered


def test_money_in_another_currency_covers_nothing_and_says_so(orders, paid):
    order = orders.place()

    (invoice,) = paid(order, 100, currency="USD")

    money = orders.money_of(order)
    assert (money.is_covered, money.state, money.credited) == (False, OrderState.ATTENTION, [invoice])
    assert "another currency" in orders.known[order.pk].problems[-1]


def test_a_second_payment_does_not_pay_the_order_again_and_neither_does_an_event_of_before(orders, paid):
    order = orders.place()
    first, _ = paid(order, 100, 100)

    deliver_again(first, actor="ben", reason="a test")

    assert (orders.known[order.pk].parcels, orders.known[order.pk].paid_now) == (1, 1)
    assert orders.known[order.pk].problems == ("paid twice: see its invoices",)


def test_money_for_an_order_that_costs_nothing_any_more_is_for_staff_until_it_went_back(orders, invoiced, pay):
    order = orders.place()
    (invoice,) = invoiced(order, 100)
    orders.known[order.pk].price = Decimal(0)  # it was paid by a voucher

    paid = pay(invoice)
    before = orders.known[order.pk].problems
    send(paid, 100)

    assert (before, orders.known[order.pk].problems) == (("paid twice: see its invoices",), ())


def test_an_order_that_was_sent_back_as_a_whole_is_paid_anew_by_another_payment(orders, invoiced, pay):
    order = orders.place()
    first, second = invoiced(order, 100, 100)
    send(pay(first), 100)
    assert orders.known[order.pk].state == OrderState.REFUNDED

    pay(second)

    assert orders.known[order.pk].paid_now == 2


def test_a_short_settlement_that_was_sent_back_is_no_longer_for_staff(orders, invoiced, pay, cryptopay_sandbox):
    order = orders.place()
    (invoice,) = invoiced(order, 100)
    pay(invoice, "0.6")
    cryptopay_sandbox.advance(minutes=11)
    cryptopay_sandbox.deliver()
    settle_invoice(Invoice.objects.get(), actor="ben", reason="the rest follows")
    settled = Invoice.objects.get()
    said = f"settled for {settled.settled_amount:f} EUR, which nobody has accepted yet; invoice {invoice.custom_id}"
    assert orders.known[order.pk].problems == (said,)

    send(settled, settled.settled_amount)

    assert orders.known[order.pk].state == OrderState.REFUNDED


def test_a_quarantined_invoice_is_for_staff(orders, invoiced):
    order = orders.place()
    (invoice,) = invoiced(order, 100)
    Invoice.objects.update(quarantine_reason="another price")

    money = orders.money_of(order)

    assert (money.state, list(money.problems())) == (
        OrderState.ATTENTION, [f"quarantined: another price; invoice {invoice.custom_id}"],
    )  # fmt: skip


def test_an_order_that_was_deleted_is_left_alone(orders, invoiced):
    order = orders.place()
    invoiced(order, 100)
    order.delete()

    orders.book(order)


@pytest.mark.parametrize(("amount", "rounded"), [("9.999", "9.99"), ("0", "0.00"), (None, "0.00")])
def test_nothing_is_booked_that_did_not_come(amount, rounded):
    assert in_cents(None if amount is None else Decimal(amount)) == Decimal(rounded)


# Sending back.


def test_an_amount_is_taken_from_the_first_invoices_first(orders, paid, cryptopay_sandbox):
    order = orders.place(price=Decimal(150), knows_addresses=True)
    first, second = paid(order, 100, 50)

    done = orders.send_back(order, Decimal(60), invoices=[second, first], reason="came back")

    assert done == 60
    assert {one.invoice_id: one.value_amount for one in Refund.objects.all()} == {second.pk: 50, first.pk: 10}
    assert orders.known[order.pk].refunded == 60
    assert {one.actor for one in Resolution.objects.all()} == {"host"}


@pytest.mark.parametrize("amount", [Decimal(-1), Decimal(0), 0.5, Decimal("100.01")])
def test_an_amount_that_is_none_or_too_much_is_refused(orders, paid, cryptopay_sandbox, amount):
    order = orders.place(knows_addresses=True)
    invoices = paid(order, 100)

    with pytest.raises(RefundAmountError, match=r"up to 100\.00 EUR can be refunded, not .*: nothing was sent"):
        orders.send_back(order, amount, invoices=invoices, reason="came back")

    assert not sent(cryptopay_sandbox)


def test_without_an_address_nothing_is_sent_and_staff_learn_how_to_ask(orders, paid, cryptopay_sandbox):
    order = orders.place()
    invoices = paid(order, 100)

    with pytest.raises(SendBackError, match="“Ask for an address…”") as caught:
        orders.send_back(order, invoices=invoices, reason="came back")
    assert (caught.value.sent_amount, sent(cryptopay_sandbox)) == (0, [])

    name_refund_address(make_refund_link(invoices[0], actor="ben").token, address=ADDRESS)
    assert orders.send_back(order, invoices=invoices, reason="came back") == 100


def test_the_share_that_is_refused_says_what_was_sent_before_it(orders, paid, settings):
    order = orders.place(price=Decimal(150), knows_addresses=True)
    first, second = paid(order, 100, 50)
    settings.CRYPTOPAY_FOUR_EYES_ABOVE = {"EUR": Decimal(60)}

    with pytest.raises(
        SendBackError, match=r"50\.00 EUR were sent back, the rest was not: .* second person"
    ) as caught:
        orders.send_back(order, invoices=[second, first], reason="came back")

    assert (caught.value.sent_amount, orders.known[order.pk].refunded) == (50, 50)


def test_a_host_that_cannot_book_a_refund_says_that_it_was_sent(orders, paid, cryptopay_sandbox, monkeypatch):
    order = orders.place(knows_addresses=True)
    invoices = paid(order, 100)
    wrote = orders.write

    def fail(order, money):
        raise RuntimeError("the stock is away")

    orders.write = fail
    with pytest.raises(SendBackError, match=r"100\.00 EUR were sent back\. They are not on record yet") as caught:
        orders.send_back(order, invoices=invoices, reason="came back")
    orders.write = wrote
    orders.book(order)

    assert (caught.value.sent_amount, orders.known[order.pk].refunded) == (100, 100)
    assert len(sent(cryptopay_sandbox)) == 1


def test_inside_a_transaction_nothing_is_sent(orders, paid, cryptopay_sandbox):
    order = orders.place(knows_addresses=True)
    invoices = paid(order, 100)

    with transaction.atomic(), pytest.raises(SendBackError, match="transaction"):
        orders.send_back(order, invoices=invoices, reason="came back")

    assert not sent(cryptopay_sandbox)


# Pages, checks and what an author has forgotten.


def test_an_order_that_is_closed_leads_back_to_the_host(orders, paid):
    order = orders.place()
    paid(order, 100)

    for request in (RequestFactory().get("/"), RequestFactory().post("/", {"coin": "BTC/bitcoin"})):
        answer = PayHere.as_view(orders=orders)(request, pk=order.pk)
        assert (answer.status_code, answer["Location"]) == (302, "/closed/")
    with pytest.raises(Http404):
        PayHere.as_view(orders=orders)(RequestFactory().get("/"), pk=0)


def test_a_page_whose_account_does_not_exist_says_that_nothing_can_be_paid_now(orders):
    order = orders.place()
    page = PayHere.as_view(orders=orders, account="gone")

    shown = page(RequestFactory().get("/"), pk=order.pk)
    chosen = page(RequestFactory().post("/", {"coin": "BTC/bitcoin"}), pk=order.pk)

    for answer in (shown, chosen):
        assert answer.status_code == 503
        assert b"Payments are not possible at the moment." in answer.content
    assert not Invoice.objects.exists()


def test_a_resolver_that_names_no_account_is_explained_too(orders, settings):
    settings.CRYPTOPAY_ACCOUNT_RESOLVER = lambda order, data: "gone"

    shown = PayHere.as_view(orders=orders)(RequestFactory().get("/"), pk=orders.place().pk)

    assert shown.status_code == 503


def test_an_account_that_does_not_exist_is_a_wrong_setting_and_an_error_of_the_app():
    for kind in (AccountMissingError, ImproperlyConfigured):
        with pytest.raises(kind, match='has no account "gone"'):
            create_invoice(account="gone", price_amount=1, price_currency="EUR", pay_currency="BTC")


def test_checks_find_accounts_and_pages_that_are_not_there():
    assert (check_account(None), check_account("default")) == ("", "")
    assert 'has no account "gone"' in check_account("gone")
    (missing,) = check_url("no-such-page", [], include="host.urls", check_id="host.E001")
    assert (missing.id, "host.urls" in missing.hint) == ("host.E001", True)
    assert (
        check_url("cryptopay_django:checkout", ["9c5b94b1-35ad-49bb-b118-8e8fc24abf80"], include="", check_id="") == []
    )


class Method:
    """A payment method of ours in a setting of the host."""

    def __init__(self, account=None):
        self.account = account


@pytest.mark.parametrize(
    ("path", "options", "problem"),
    [
        ("tests.adapters.test_money.Method", None, ""),
        ("tests.adapters.test_money.Method", {"account": "gone"}, 'has no account "gone"'),
        ("tests.adapters.test_money.Method", {"acount": "default"}, "acount"),
        ("tests.adapters.test_money.Methods", None, "Methods"),
        ("decimal.Decimal", {"account": "gone"}, ""),
    ],
)
def test_a_check_finds_a_payment_method_of_ours_that_cannot_work(path, options, problem):
    found = check_method(path, Method, options)

    assert (problem in found, bool(found)) == (True, bool(problem))


@pytest.mark.parametrize("method", ["get_price", "write"])
def test_a_method_that_the_author_has_not_written_is_named(method):
    arguments = [None] if method == "get_price" else [None, None]
    with pytest.raises(ImproperlyConfigured, match=rf"OrderAdapter must define {method}\(\)"):
        getattr(OrderAdapter(), method)(*arguments)


def test_a_page_without_an_order_names_what_its_author_has_not_written():
    with pytest.raises(ImproperlyConfigured, match=r"PayOrderView must define find_order\(\)"):
        PayOrderView.as_view()(RequestFactory().get("/"))
