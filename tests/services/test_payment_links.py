"""Payment links: what staff can make and cancel, one order for a link that is paid once, and what was paid by each."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import AnonymousUser, Permission, User
from django.db import connection
from django.utils import timezone

from cryptopay_django.exceptions import (
    NotPermittedError,
    PaymentLinkError,
    PaymentLinkObstacle,
    PaymentLinkRequestError,
)
from cryptopay_django.models import Invoice, PaymentLink, PaymentLinkUse
from cryptopay_django.services import cancel_payment_link, create_invoice, create_payment_link, make_refund_link
from cryptopay_django.services.payment_links import use as using
from cryptopay_django.services.payment_links.totals import invoices_of_link, paid_by_links
from cryptopay_django.services.payment_links.use import (
    begin_use,
    check_payment_link,
    chosen_amount,
    count_opening,
    find_payment_link,
    find_use,
    new_key,
    use_of,
)
from cryptopay_django.signals import invoice_completed
from cryptopay_django.testing.factories import InvoiceFactory

pytestmark = pytest.mark.django_db

TEN = Decimal(10)


def link_for(amount: str | None = "10", **values) -> PaymentLink:
    return create_payment_link(**{"actor": "ada", "price_currency": "EUR", "price_amount": amount} | values)


def paid(sandbox, use: PaymentLinkUse, **request) -> Invoice:
    """Pay a use in full, and let the gateway credit it."""
    invoice = create_invoice(use, price_amount=use.price_amount, price_currency="EUR", pay_currency="BTC", **request)
    sandbox.pay(invoice)
    sandbox.confirm(invoice)
    sandbox.deliver()
    invoice.refresh_from_db()
    return invoice


def obstacle_of(act, *args, **values) -> PaymentLinkObstacle:
    with pytest.raises(PaymentLinkError) as caught:
        act(*args, **values)
    return caught.value.obstacle


def test_a_link_is_made_without_a_call_and_without_an_invoice(cryptopay_sandbox):
    link = link_for("49.90", description="  Workshop \n in May ", reference="A-17")

    assert find_payment_link(link.token) == link
    assert (link.price_amount, link.price_currency, link.account) == (Decimal("49.90"), "EUR", "default")
    assert (link.description, link.reference, link.actor) == ("Workshop in May", "A-17", "ada")
    assert (link.environment, link.is_reusable, link.has_choice) == ("sandbox", False, False)
    assert not Invoice.objects.exists()


def test_tokens_are_long_and_never_the_same():
    tokens = {link_for().token for _ in range(20)}

    assert len(tokens) == 20
    assert {len(token) for token in tokens} == {22}


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"price_amount": "0"}, "price_amount"),
        ({"price_amount": "-1"}, "price_amount"),
        ({"price_amount": 1.5}, "price_amount"),
        ({"price_amount": "1.005"}, "price_amount"),
        ({"price_amount": "ten"}, "price_amount"),
        ({"price_amount": None, "least_amount": "5", "most_amount": "4"}, "most_amount"),
        ({"price_amount": None, "least_amount": "0"}, "least_amount"),
        ({"least_amount": "5"}, "price_amount"),
        ({"price_currency": "EURO"}, "price_currency"),
        ({"account": "nowhere"}, "account"),
        ({"kind": "gift"}, "kind"),
        ({"expires_at": datetime(2020, 1, 1, tzinfo=UTC)}, "expires_at"),
        ({"expires_at": datetime(2999, 1, 1)}, "expires_at"),  # noqa: DTZ001  a naive time is the point
        ({"description": "x" * 256}, "description"),
        ({"description": "a\x00b"}, "description"),
        ({"reference": "x" * 129}, "reference"),
        ({"actor": ""}, "actor"),
        ({"actor": AnonymousUser()}, "actor"),
    ],
)
def test_a_wrong_argument_is_named_and_nothing_is_made(values, field):
    with pytest.raises(PaymentLinkRequestError) as caught:
        link_for(**values) if "price_amount" not in values else link_for(values.pop("price_amount"), **values)

    assert caught.value.field == field
    assert not PaymentLink.objects.exists()


def test_the_resolver_chooses_the_account_and_the_currency_is_what_it_knows(settings):
    settings.CRYPTOPAY_ACCOUNT_RESOLVER = lambda order, data: {"USD": "second"}.get(data["price_currency"], "default")

    assert (link_for(price_currency="USD").account, link_for().account) == ("second", "default")


def test_staff_need_the_permissions_as_the_database_has_them():
    user = User.objects.create(username="bea")
    with pytest.raises(NotPermittedError):
        link_for(actor=user)
    user.user_permissions.set(Permission.objects.filter(codename__in=["add_paymentlink", "view_paymentlink"]))
    link = link_for(actor=user)
    with pytest.raises(NotPermittedError):
        cancel_payment_link(link, actor=user)
    user.user_permissions.add(Permission.objects.get(codename="change_paymentlink"))

    assert cancel_payment_link(link, actor=user).cancelled_by == "bea"


def test_a_link_is_cancelled_once_and_for_good():
    link = link_for()

    first = cancel_payment_link(link, actor="ada")
    again = cancel_payment_link(link, actor="bob")

    assert first.cancelled_at is not None
    assert (again.cancelled_at, again.cancelled_by) == (first.cancelled_at, "ada")
    assert obstacle_of(check_payment_link, again) == PaymentLinkObstacle.CANCELLED
    assert obstacle_of(begin_use, link, amount=TEN) == PaymentLinkObstacle.CANCELLED
    with pytest.raises(PaymentLinkRequestError, match="must be named"):
        cancel_payment_link(link, actor="")
    PaymentLink.objects.all().delete()
    assert obstacle_of(cancel_payment_link, link, actor="ada") == PaymentLinkObstacle.UNKNOWN
    assert obstacle_of(begin_use, link, amount=TEN) == PaymentLinkObstacle.UNKNOWN
    assert obstacle_of(find_payment_link, link.token) == PaymentLinkObstacle.UNKNOWN


def test_a_link_expires():
    link = link_for(expires_at=timezone.now() + timedelta(days=1))
    check_payment_link(link)

    PaymentLink.objects.update(expires_at=timezone.now())

    assert obstacle_of(begin_use, link, amount=TEN) == PaymentLinkObstacle.EXPIRED


def test_a_link_of_another_gateway_takes_no_money(settings):
    link = link_for()
    check_payment_link(link)
    account = {**settings.CRYPTOPAY_ACCOUNTS["default"], "BASE_URL": "https://business.cryptopay.me"}
    settings.CRYPTOPAY_ACCOUNTS = {"default": account}
    assert obstacle_of(check_payment_link, link) == PaymentLinkObstacle.OTHER_ENVIRONMENT

    settings.CRYPTOPAY_ACCOUNTS = {"other": account}

    assert obstacle_of(begin_use, link, amount=TEN) == PaymentLinkObstacle.OTHER_ENVIRONMENT


def test_openings_are_counted():
    link = link_for()

    for _ in range(3):
        count_opening(link)

    link.refresh_from_db()
    assert (link.opened_count, link.opened_at is not None) == (3, True)


def test_a_link_for_one_use_is_one_order_whatever_key_is_sent():
    link = link_for()
    assert find_use(link) is None

    first, again = begin_use(link, amount=TEN, key=new_key()), begin_use(link, amount=TEN, key=new_key())

    assert first == again == find_use(link)
    assert PaymentLinkUse.objects.get().single is True


def test_a_reusable_link_is_one_order_for_each_key():
    link = link_for(is_reusable=True)
    key = new_key()

    first, again = begin_use(link, amount=TEN, key=key), begin_use(link, amount=TEN, key=key)
    other, without = begin_use(link, amount=TEN, key=new_key()), begin_use(link, amount=TEN)

    assert first == again == find_use(link, key)
    assert len({first.pk, other.pk, without.pk}) == 3
    assert find_use(link) is None


@pytest.mark.parametrize("key", ["", "short", "x" * 300, "a b c d e f g h i j k ", "€" * 22])
def test_a_key_that_is_not_ours_is_not_stored(key):
    link = link_for(is_reusable=True)

    assert begin_use(link, amount=TEN, key=key).pk != key


def test_the_key_of_another_links_payment_is_of_no_use():
    theirs, link = begin_use(link_for(is_reusable=True), amount=TEN, key=new_key()), link_for(is_reusable=True)

    assert find_use(link, theirs.pk) is None
    assert begin_use(link, amount=TEN, key=theirs.pk) != theirs
    assert begin_use(link_for(), amount=TEN, key=theirs.pk) != theirs


def test_the_customer_chooses_within_the_bounds():
    link = link_for(None, least_amount="5", most_amount="100")

    assert chosen_amount(link, "5") == 5
    assert chosen_amount(link, "99.99") == Decimal("99.99")
    for wrong in ("4.99", "100.01", "x", "", "1.001", "-5", None, "9" * 400):
        with pytest.raises(PaymentLinkRequestError) as caught:
            chosen_amount(link, wrong)
        assert caught.value.field == "amount"
    assert chosen_amount(link_for(None), "0.01") == Decimal("0.01")


def test_what_a_customer_sends_does_not_change_a_fixed_amount():
    assert chosen_amount(link_for("10"), "0.01") == 10


def test_another_amount_can_be_chosen_until_something_is_paid(cryptopay_sandbox):
    link = link_for(None)
    use = begin_use(link, amount=Decimal(5))
    assert begin_use(link, amount=TEN).price_amount == 10

    paid(cryptopay_sandbox, PaymentLinkUse.objects.get())

    assert begin_use(link, amount=Decimal(99)).price_amount == 10
    assert PaymentLinkUse.objects.get() == use


def test_a_reusable_link_begins_a_limited_number_of_payments_in_a_minute(monkeypatch):
    monkeypatch.setattr(using, "_USES", 2)
    link = link_for(is_reusable=True)
    keys = [begin_use(link, amount=TEN, key=new_key()).pk for _ in range(2)]

    assert obstacle_of(begin_use, link, amount=TEN, key=new_key()) == PaymentLinkObstacle.TOO_MANY
    assert begin_use(link, amount=TEN, key=keys[0]).pk == keys[0]
    begin_use(link_for(is_reusable=True), amount=TEN)
    PaymentLinkUse.objects.update(created_at=timezone.now() - timedelta(minutes=2))
    begin_use(link, amount=TEN)


def test_signals_name_the_link_as_the_order(cryptopay_sandbox):
    use = begin_use(link_for(reference="A-17"), amount=TEN)
    told = []

    def receiver(invoice, **kwargs):
        told.append(invoice.order.link.reference)

    invoice_completed.connect(receiver)
    try:
        invoice = paid(cryptopay_sandbox, use)
    finally:
        invoice_completed.disconnect(receiver)

    assert told == ["A-17"]
    assert use_of(invoice) == use
    assert (str(use), str(link_for(description="Tea"))) == ("A-17", "Tea")


def test_an_invoice_of_the_shop_or_of_a_use_that_is_gone_has_no_link():
    shops = InvoiceFactory(order=User.objects.create(username="order"))
    use = begin_use(link_for(), amount=TEN)
    ours = InvoiceFactory(order=use)
    use.delete()

    assert (use_of(shops), use_of(InvoiceFactory()), use_of(ours)) == (None, None, None)


def test_what_was_paid_by_each_link_is_added_up(cryptopay_sandbox):
    donations, single, unused = link_for(None, is_reusable=True), link_for("20"), link_for("1")
    for amount in ("5", "7.50"):
        paid(cryptopay_sandbox, begin_use(donations, amount=Decimal(amount), key=new_key()))
    begun = begin_use(donations, amount=Decimal(100), key=new_key())
    create_invoice(begun, price_amount="100", price_currency="EUR", pay_currency="BTC")
    held = paid(cryptopay_sandbox, begin_use(donations, amount=Decimal(1000), key=new_key()))
    Invoice.objects.filter(pk=held.pk).update(quarantine_reason="odd")
    paid(cryptopay_sandbox, begin_use(single, amount=Decimal(20)))

    totals = paid_by_links([donations.pk, single.pk, unused.pk])

    assert [(one.amount, one.count) for one in totals.values()] == [(Decimal("12.5"), 2), (20, 1), (0, 0)]
    assert [one.price_amount for one in invoices_of_link(donations)] == [1000, 100, Decimal("7.5"), 5]


def test_more_than_can_be_added_up_is_said(cryptopay_sandbox, monkeypatch):
    monkeypatch.setattr("cryptopay_django.services.payment_links.totals.MOST", 1)
    link = link_for("5", is_reusable=True)
    for _ in range(2):
        paid(cryptopay_sandbox, begin_use(link, amount=Decimal(5), key=new_key()))

    found = paid_by_links([link.pk])[link.pk]

    assert (found.count, found.is_cut) == (1, True)


def test_an_invoice_of_a_link_has_a_refund_link_like_any_other(cryptopay_sandbox):
    invoice = paid(cryptopay_sandbox, begin_use(link_for(), amount=TEN))

    assert make_refund_link(invoice, actor="ada").link.invoice == invoice


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("connection.vendor == 'sqlite'", reason="SQLite lets one transaction write at a time")
def test_who_opens_a_link_at_once_gets_one_order():
    link = link_for()
    start, found = threading.Barrier(8), []

    def open_it():
        start.wait()
        try:
            found.append(begin_use(link, amount=TEN, key=new_key()).pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=open_it) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (len(found), len(set(found))) == (8, 1)
    assert PaymentLinkUse.objects.count() == 1
