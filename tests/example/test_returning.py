"""A customer returns one of two mugs: on the pages of shop, customer and staff, and over the wire."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from cryptopay_django.models import InvoiceEvent, Refund, Resolution
from cryptopay_django.services import compare_ledger, deliver_again, payment_summary
from example_project.shop.models import balance_of
from tests.admin.conftest import filled
from tests.services.desk import ADDRESS
from tests.services.returning import arrive, committed

PRICE = Decimal("16.50")


@pytest.fixture
def staff() -> Client:
    """A member of staff who may see the shop's orders, and refund."""
    call_command("cryptopay_groups", verbosity=0)
    stella = User.objects.create_superuser("stella")
    stella.groups.add(Group.objects.get(name="Cryptopay finance"))
    client = Client()
    client.force_login(stella)
    return client


@pytest.fixture
def account(cryptopay_sandbox) -> None:
    """The shop's account in EUR has money besides."""
    cryptopay_sandbox.deposit("EUR", "1000")


@pytest.fixture
def name_address():
    """Return a function: staff make a link, and a customer without a login answers it with an address."""

    def name_address(staff: Client, invoice) -> None:
        made = staff.post(reverse("admin:cryptopay_django_invoice_refund-link", args=[invoice.pk])).text
        (link,) = re.findall(r'value="http://testserver(/cryptopay/refund/[\w-]+/)"', made)
        phone = Client()
        assert "Your address for Bitcoin" in phone.get(link).text
        assert ADDRESS in phone.post(link, {"address": ADDRESS}).text
        done = phone.post(link, {"address": ADDRESS, "confirmed": "1"}, follow=True)
        assert "Thank you, we have your address" in done.text

    return name_address


@pytest.fixture
def send_back():
    """Return a function: staff open the form, see the quote and send it. It returns the page with the quote."""

    def send_back(staff: Client, invoice, amount: Decimal, currency: str = "EUR"):
        page = reverse("admin:cryptopay_django_invoice_return", args=[invoice.pk])
        form = staff.get(page)
        fields = {name: form.context["form"][name].value() for name in ("address", "network_fee_borne_by")}
        assert fields["address"] == ADDRESS
        quote = staff.post(
            page, filled(form, **fields, amount=str(amount), currency=currency, reason="a mug came back")
        )
        assert "This quote is valid for" in quote.text
        before = Refund.objects.count()
        staff.post(page, filled(quote), follow=True)
        assert Refund.objects.count() == before + 1
        return quote

    return send_back


def kinds(invoice) -> list[str]:
    return sorted(invoice.events.filter(kind__startswith="refund_").values_list("kind", flat=True))


def summary_of(order):
    order.refresh_from_db()
    return payment_summary(order, due_amount=order.kept_amount, currency="EUR")


@pytest.mark.django_db(transaction=True)
def test_a_customer_returns_one_of_two_mugs(
    buy, settle, browser, staff, account, name_address, send_back, cryptopay_sandbox, shipments
):
    order = buy()
    invoice = order.invoices.get()
    settle(invoice)
    order.refresh_from_db()
    assert (order.status, len(shipments())) == ("paid", 1)

    name_address(staff, invoice)
    assert not Resolution.objects.exists()
    before = cryptopay_sandbox.balance("EUR")
    quote = send_back(staff, invoice, PRICE)
    assert "16.50 EUR" in quote.text
    arrive(cryptopay_sandbox)
    (sent,) = committed(cryptopay_sandbox)
    log = cryptopay_sandbox.account().state.outbox.log.values()
    again = [callback for callback in log if callback.subject_id in (sent.id, str(invoice.gateway_id))]
    assert {callback.subject_id for callback in again} == {sent.id, str(invoice.gateway_id)}
    for callback in again:
        cryptopay_sandbox.resend(callback)
    assert {answer.status for answer in cryptopay_sandbox.deliver()} == {200}

    refund = Refund.objects.get()
    assert (refund.status, refund.value_amount, refund.address) == ("succeeded", PRICE, ADDRESS)
    assert (str(refund.gateway_id), sent.address, sent.received_amount) == (sent.id, ADDRESS, refund.received_amount)
    assert cryptopay_sandbox.balance("EUR") == before - refund.charged_amount < before - PRICE
    assert kinds(invoice) == ["refund_address_named", "refund_created", "refund_link_made", "refund_succeeded"]
    assert not InvoiceEvent.objects.filter(kind="invoice_refunded").exists()

    summary = summary_of(order)
    assert (order.status, order.returned_amount, order.kept_amount, len(shipments())) == ("paid", PRICE, PRICE, 1)
    assert (summary.paid_amount, summary.refunded_amount, summary.kept_amount) == (Decimal(33), PRICE, PRICE)
    assert (summary.remaining_amount, summary.overpaid_amount, summary.is_paid, summary.unknown) == (0, 0, True, ())

    page = browser.get(order.get_absolute_url()).text
    words = " ".join(re.sub("<[^>]*>", " ", page).split())
    assert "Total €33.00 Refund €16.50 You have paid €16.50" in words
    assert "Pay the missing" not in page
    (receipt,) = re.findall(r'href="(/cryptopay/checkout/[\w-]+/receipt/)"', page)
    receipt_page = browser.get(receipt).text
    assert "Sent back" in receipt_page
    assert refund.txid in receipt_page
    desk = staff.get(reverse("admin:shop_order_change", args=[order.pk])).text
    assert dict(re.findall(r"<dt>([^<]*)</dt><dd>([^<]*)</dd>", desk)) == {
        "price": "16.50 EUR",
        "paid": "33.00 EUR",
        "refunded": "16.50 EUR",
        "refunded of what was paid": "16.50 EUR",
        "missing": "0.00 EUR",
    }
    now = timezone.now()
    Refund.objects.update(succeeded_at=now - timedelta(hours=2))
    found = compare_ledger("default", since=now - timedelta(days=1), until=now + timedelta(days=1))
    assert (found.is_balanced, found.differences) == (True, [])


@pytest.mark.django_db(transaction=True)
def test_the_price_is_lowered_at_once_and_raised_again_if_the_refund_fails(
    buy, settle, staff, account, name_address, send_back, cryptopay_sandbox
):
    order = buy()
    invoice = order.invoices.get()
    settle(invoice)
    name_address(staff, invoice)

    send_back(staff, invoice, PRICE)
    assert (summary_of(order).is_paid, order.returned_amount) == (True, PRICE)
    (sent,) = committed(cryptopay_sandbox)
    cryptopay_sandbox.decide_withdrawal(sent, "hold")
    cryptopay_sandbox.decide_withdrawal(sent, "cancel")
    arrive(cryptopay_sandbox)

    assert Refund.objects.get().status == "failed"
    assert (summary_of(order).is_paid, order.returned_amount) == (True, 0)


@pytest.mark.django_db(transaction=True)
def test_the_second_payment_of_an_order_goes_back_from_the_balance(
    buy, browser, settle, staff, account, name_address, send_back, cryptopay_sandbox, ada
):
    order = buy("BTC/bitcoin")
    browser.post(f"/orders/{order.reference}/pay/", {"coin": "ETH/ethereum"})
    settle(order.invoices.get(pay_currency="ETH"))
    second = order.invoices.get(pay_currency="BTC")
    settle(second)
    assert balance_of(ada) == Decimal(33)
    name_address(staff, second)

    send_back(staff, second, Decimal(33))
    arrive(cryptopay_sandbox)

    order.refresh_from_db()
    assert (balance_of(ada), order.status, order.returned_amount) == (0, "paid", 0)


@pytest.mark.django_db(transaction=True)
def test_a_top_up_goes_back_from_the_balance(
    top_up, settle, staff, account, name_address, send_back, cryptopay_sandbox, ada
):
    invoice = top_up("50").invoices.get()
    settle(invoice)
    name_address(staff, invoice)

    send_back(staff, invoice, Decimal(20))
    arrive(cryptopay_sandbox)
    deliver_again(invoice, actor="stella")

    assert balance_of(ada) == Decimal(30)
    assert not invoice.events.filter(attempts__gt=0).exists()


@pytest.mark.django_db(transaction=True)
def test_a_whole_order_is_refunded_in_two_parts_and_in_coins(
    buy, browser, settle, staff, account, name_address, send_back, cryptopay_sandbox
):
    order = buy()
    invoice = order.invoices.get()
    settle(invoice)
    name_address(staff, invoice)

    send_back(staff, invoice, Decimal("0.00031234"), "BTC")
    arrive(cryptopay_sandbox)
    order.refresh_from_db()
    first = order.returned_amount
    send_back(staff, invoice, order.kept_amount)
    arrive(cryptopay_sandbox)

    summary = summary_of(order)
    assert 0 < first < order.amount == order.returned_amount == summary.returned_amount
    assert (order.kept_amount, summary.remaining_amount, summary.kept_amount) == (0, 0, 0)
    assert "You have paid €0.00" in " ".join(
        re.sub("<[^>]*>", " ", browser.get(order.get_absolute_url()).text).split()
    )
