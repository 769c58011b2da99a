"""Topping up the balance by an address that stays, beside invoices, and what the gateway's ledger says of it."""

import re
from decimal import Decimal

import pytest

from cryptopay_django.models import Channel, ChannelPayment, InvoiceEvent
from cryptopay_django.services import deliver_again, disable_channel, release_channel_payment
from example_project.shop.models import LedgerEntry, balance_of
from example_project.shop.receivers import NotEurosError, credit_channel_payment


@pytest.fixture
def channel(browser):
    """A Bitcoin address for Ada, got on the page."""
    browser.post("/balance/addresses/", {"coin": "BTC/bitcoin"})
    return Channel.objects.get()


@pytest.fixture
def send(cryptopay_sandbox):
    """Send coins to an address, confirm them, and deliver the callbacks; return our row of the payment."""

    def send(channel, amount, **kwargs):
        payment = cryptopay_sandbox.pay(channel, amount, **kwargs)
        cryptopay_sandbox.confirm(channel)
        cryptopay_sandbox.deliver()
        return ChannelPayment.objects.get(gateway_id=payment.id)

    return send


def test_two_payments_to_an_address_and_one_invoice_are_what_the_gateway_has_in_its_ledger(
    channel, send, top_up, settle, cryptopay_sandbox, ada, browser
):
    first, second = send(channel, "0.001"), send(channel, "0.0025")
    wish = top_up("50")
    settle(wish.invoices.get())
    held = send(channel, "0.004", risk="high")

    amounts = [first.received_amount, second.received_amount, Decimal("50.00")]
    moved = {row.reference_id: row.moves for row in cryptopay_sandbox.transactions() if row.currency == "EUR"}
    entries = LedgerEntry.objects.filter(customer=ada).order_by("pk")
    assert [entry.amount for entry in entries] == amounts
    assert balance_of(ada) == sum(amounts)
    assert [moved[str(payment.gateway_id)] for payment in (first, second)] == amounts[:2]
    assert moved[str(held.gateway_id)] == 0
    fee = wish.invoices.get().fee_amount
    assert moved[str(wish.invoices.get().gateway_id)] == 50 - fee
    assert cryptopay_sandbox.balance("EUR") == balance_of(ada) - fee
    assert "being looked at" in browser.get("/balance/").text


def test_every_line_of_the_ledger_names_the_event_that_credited_it(channel, send, top_up, settle, ada):
    send(channel, "0.001")
    settle(top_up("50").invoices.get())

    credited = set(LedgerEntry.objects.values_list("event_uuid", flat=True))
    kinds = ["channel_payment_completed", "invoice_completed"]
    assert credited == set(InvoiceEvent.objects.filter(kind__in=kinds).values_list("uuid", flat=True))


def test_nothing_is_credited_before_the_network_has_confirmed_it(channel, cryptopay_sandbox, ada, browser):
    cryptopay_sandbox.pay(channel, "0.001")
    cryptopay_sandbox.deliver()

    assert balance_of(ada) == 0
    assert "on its way" in browser.get("/balance/").text


@pytest.mark.parametrize(("decision", "words"), [("complete", "added"), ("refund", "sent back")])
def test_a_held_payment_waits_for_the_monitoring_team(decision, words, channel, send, cryptopay_sandbox, ada, browser):
    held = send(channel, "0.001", risk="high")
    assert (held.status, balance_of(ada)) == ("on_hold", 0)

    cryptopay_sandbox.decide(held, decision)
    cryptopay_sandbox.deliver()

    held.refresh_from_db()
    assert balance_of(ada) == held.credited_amount == sum(entry.amount for entry in ada.ledger.all())
    assert bool(balance_of(ada)) == (decision == "complete")
    assert words in browser.get("/balance/").text


def test_a_payment_that_is_held_here_waits_for_a_person(channel, send, ada, browser):
    worthless = send(channel, "0.00000001")
    assert worthless.quarantine_reason
    assert "being looked at" in browser.get("/balance/").text

    release_channel_payment(worthless, actor="stella", reason="a test transfer of the customer")

    assert "added" in browser.get("/balance/").text
    assert not ada.ledger.exists()


def test_a_payment_to_a_disabled_address_is_held_and_the_customer_gets_a_new_one(channel, send, ada, browser):
    disable_channel(channel)
    late = send(channel, "0.001")

    browser.post("/balance/addresses/", {"coin": "BTC/bitcoin"})

    page = browser.get("/balance/").text
    new = Channel.objects.exclude(pk=channel.pk).get()
    assert (late.status, late.status_context, balance_of(ada)) == ("on_hold", "channel_disabled", 0)
    assert new.address in page
    assert channel.address not in page


def test_callbacks_that_are_sent_again_and_events_that_are_delivered_again_credit_nothing(
    channel, send, cryptopay_sandbox, ada
):
    payment = send(channel, "0.001")
    before = balance_of(ada)

    for callback in cryptopay_sandbox.callbacks(payment):
        cryptopay_sandbox.resend(callback)
    answers = cryptopay_sandbox.deliver()
    deliver_again(payment, actor="stella", kinds=["channel_payment_completed"])

    assert {answer.status for answer in answers} == {200}
    assert balance_of(ada) == before == payment.received_amount > 0


def test_a_second_click_gets_the_same_address(channel, browser):
    browser.post("/balance/addresses/", {"coin": "BTC/bitcoin"})

    assert channel.address in browser.get("/balance/").text
    assert Channel.objects.get() == channel


def test_an_address_with_a_tag_is_shown_with_it(browser):
    browser.post("/balance/addresses/", {"coin": "XRP/ripple"})

    channel = Channel.objects.get()
    assert f"Tag <code>{channel.destination_tag}</code>" in browser.get("/balance/").text


def test_the_page_of_an_address_is_one_click_away(channel, send, browser):
    payment = send(channel, "0.001")
    (page,) = re.findall(r'href="([^"]+)">QR code and payments<', browser.get("/balance/").text)

    shown = browser.get(page).text

    assert channel.address in shown
    assert payment.txid in shown


@pytest.mark.parametrize("coin", ["", "BTC", "DOGE/dogecoin"])
def test_a_coin_that_is_not_offered_makes_no_address(coin, browser):
    page = browser.post("/balance/addresses/", {"coin": coin}, follow=True).text

    assert "Please choose a coin." in page
    assert not Channel.objects.exists()


def test_a_gateway_that_does_not_answer_leaves_the_page_usable(browser, cryptopay_sandbox):
    cryptopay_sandbox.fail_next("error", count=20)

    page = browser.post("/balance/addresses/", {"coin": "BTC/bitcoin"}, follow=True).text

    assert "no address to give you just now" in page


def test_one_customer_sees_nothing_of_another(channel, send, client, django_user_model):
    payment = send(channel, "0.001")
    client.force_login(django_user_model.objects.create_user("eve"))

    page = client.get("/balance/").text

    assert channel.address not in page
    assert str(payment.gateway_id) not in page


@pytest.mark.parametrize(("amount", "currency"), [("1.005", "EUR"), ("1.00", "USD")])
def test_what_is_not_in_whole_cents_of_euros_is_never_rounded_into_the_balance(amount, currency, channel, ada):
    odd = ChannelPayment(received_amount=Decimal(amount), received_currency=currency, paid_amount=Decimal(1))

    with pytest.raises(NotEurosError, match=f"{amount} {currency}"):
        credit_channel_payment(payment=odd, channel=channel, event=InvoiceEvent())

    assert balance_of(ada) == 0


def test_what_the_gateway_sends_back_after_the_credit_is_taken_back_once(channel, send, cryptopay_sandbox, ada):
    payment, other = send(channel, "0.001"), send(channel, "0.002")
    before = balance_of(ada)
    cryptopay_sandbox.decide(payment, "refund")
    cryptopay_sandbox.deliver()
    taken_back = ChannelPayment.objects.get(pk=payment.pk)
    assert taken_back.quarantine_reason
    assert balance_of(ada) == before  # until a person has looked

    release_channel_payment(taken_back, actor="stella", reason="it was sent back")
    deliver_again(payment, actor="stella", kinds=["channel_payment_refunded"])

    assert balance_of(ada) == other.received_amount
    assert LedgerEntry.objects.filter(amount=-payment.received_amount).count() == 1
