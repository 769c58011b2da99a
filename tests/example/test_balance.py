"""Topping up the balance, and paying with it."""

import contextlib
from decimal import Decimal
from threading import Barrier, BrokenBarrierError, Thread

import pytest
from django.db import connection
from django.db.models.signals import pre_save

from cryptopay_django.services import release_invoice
from example_project.shop.checkout import BalanceTooLowError, pay_from_balance
from example_project.shop.models import LedgerEntry, balance_of


@pytest.fixture
def rich(ada):
    LedgerEntry.objects.create(customer=ada, amount=Decimal("40.00"), note="a gift")
    return ada


def test_a_top_up_is_credited_once(top_up, settle, cryptopay_sandbox, ada):
    wish = top_up("50")
    invoice = wish.invoices.get()
    assert balance_of(ada) == 0

    settle(invoice)
    cryptopay_sandbox.resend(cryptopay_sandbox.callbacks(invoice)[-1])
    cryptopay_sandbox.deliver()

    wish.refresh_from_db()
    assert (wish.status, balance_of(ada)) == ("paid", Decimal("50.00"))


def test_a_top_up_credits_what_arrived(top_up, settle, cryptopay_sandbox, ada):
    cryptopay_sandbox.settings(underpaid="recalculate")
    wish = top_up("50")
    settle(wish.invoices.get(), factor="0.5")

    cryptopay_sandbox.advance(minutes=11)
    cryptopay_sandbox.deliver()

    wish.refresh_from_db()
    settled = wish.invoices.get().settled_amount
    assert (wish.status, balance_of(ada)) == ("paid", settled)
    assert 0 < settled < 50


def test_a_short_top_up_is_not_credited_again_when_a_person_accepts_it(top_up, settle, cryptopay_sandbox, ada):
    cryptopay_sandbox.settings(underpaid="recalculate")
    wish = top_up("50")
    settle(wish.invoices.get(), factor="0.5")
    cryptopay_sandbox.advance(minutes=11)
    cryptopay_sandbox.deliver()
    before = balance_of(ada)

    release_invoice(wish.invoices.get(), actor="stella", reason="by mistake", accept_shortfall=True)

    assert balance_of(ada) == before > 0


def test_a_top_up_that_is_not_paid_credits_nothing(top_up, cryptopay_sandbox, ada):
    wish = top_up("50")

    cryptopay_sandbox.advance(days=15)
    cryptopay_sandbox.deliver()

    wish.refresh_from_db()
    assert (wish.status, balance_of(ada)) == ("cancelled", 0)


@pytest.mark.parametrize("amount", ["4.99", "2001", "-50", "NaN", "12.345", ""])
def test_a_top_up_of_a_strange_amount_is_refused(amount, browser, ada):
    answer = browser.post("/balance/", {"amount": amount})

    assert answer.status_code == 200
    assert not ada.topups.exists()


def test_an_order_can_be_paid_from_the_balance(rich, buy, shipments):
    order = buy("balance")

    assert (order.status, balance_of(rich)) == ("paid", Decimal("7.00"))
    assert shipments() == [str(order.shipment_key)]
    assert not order.invoices.exists()


def test_the_balance_is_offered_when_it_suffices(rich, browser):
    browser.post("/cart/enamel-mug/", {"quantity": 1})

    page = browser.get("/checkout/").text

    assert 'name="from_balance"' in page
    assert "€40.00" in page


def test_the_balance_is_not_offered_when_it_does_not_suffice(rich, browser):
    browser.post("/cart/desk-lamp/", {"quantity": 1})
    assert "from_balance" not in browser.get("/checkout/").text

    page = browser.post("/checkout/", {"name": "Ada", "address": "London", "from_balance": "1"}, follow=True)

    assert "Your balance does not cover this order." in page.text
    assert (rich.orders.get().status, balance_of(rich)) == ("open", Decimal("40.00"))


def test_the_same_money_is_not_spent_twice(rich, buy, shipments):
    order = buy("balance")
    other = buy("BTC/bitcoin")

    with pytest.raises(BalanceTooLowError):
        pay_from_balance(other)

    other.refresh_from_db()
    assert (other.status, shipments()) == ("open", [str(order.shipment_key)])


def test_two_orders_at_the_same_moment_do_not_spend_the_same_money(transactional_db, rich, buy, shipments):
    orders = [buy("BTC/bitcoin"), buy("BTC/bitcoin")]
    both_saw_enough, too_low = Barrier(2, timeout=1), []

    def wait_for_the_other(**kwargs):
        with contextlib.suppress(BrokenBarrierError):
            both_saw_enough.wait()

    def pay(order):
        try:
            pay_from_balance(order)
        except BalanceTooLowError:
            too_low.append(order)
        finally:
            connection.close()

    pre_save.connect(wait_for_the_other, sender=LedgerEntry)
    threads = [Thread(target=pay, args=[order]) for order in orders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    pre_save.disconnect(wait_for_the_other, sender=LedgerEntry)

    assert both_saw_enough.broken
    assert len(too_low) == len(shipments()) == 1
    assert balance_of(rich) == Decimal("7.00")


def test_paying_a_paid_order_from_the_balance_takes_nothing(rich, buy):
    order = buy("balance")
    LedgerEntry.objects.create(customer=rich, amount=Decimal("100.00"), note="another gift")

    pay_from_balance(order)

    assert balance_of(rich) == Decimal("107.00")
