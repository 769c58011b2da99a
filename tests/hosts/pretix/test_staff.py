"""What staff do in pretix' backend: decide about payments, refund, and what happens without them."""

from configparser import ConfigParser
from datetime import timedelta
from decimal import Decimal

import pytest
from django.conf import settings as project
from django.core.management import call_command
from django.db import transaction
from django.test import Client
from django.utils.timezone import now
from pretix.base.models import Order, Team, User
from pretix.base.payment import PaymentException
from pretix.base.services.orders import cancel_order
from pretix.base.signals import periodic_task
from pretix_cryptopay.accounts import PREFIX, SECRETS, forget_accounts
from pretix_cryptopay.cryptopay_handlers import tickets
from pretix_cryptopay.provider import Cryptopay
from shop import ADDRESS, decide_url, fields_of, log_of, pay, place_order, url_of

from cryptopay_django.models import Invoice, InvoiceEvent, Refund, Resolution
from cryptopay_django.services import name_refund_address


def decide(backend, order, invoice, act, **data):
    url = decide_url(order, invoice)
    page = backend.get(url).content.decode()
    hidden = {"version": str(invoice.version)}
    if act == "settle" and "quote" not in data:
        hidden["quote"] = fields_of(page)["quote"]
    return backend.post(url, hidden | {"act": act} | data, follow=True).content.decode()


def test_an_underpaid_order_is_settled_and_the_customer_pays_the_rest(event, backend, cryptopay_sandbox):
    order, invoice = place_order(event)
    pay(cryptopay_sandbox, invoice, "0.9", expire=True)
    assert "Payment 1 needs a decision: underpaid." in log_of(order)

    page = decide(backend, order, invoice, "settle", reason="the wallet took its fee from it")

    invoice.refresh_from_db()
    order.refresh_from_db()
    payment = order.payments.get()
    assert (payment.state, payment.amount, order.status) == ("confirmed", invoice.settled_amount, "n")
    assert order.pending_sum == Decimal(100) - invoice.settled_amount
    assert "settled. Reason: the wallet took its fee from it" in page

    customer = Client()
    url = f"{url_of(order)}pay/change"
    page = customer.post(url, {"payment": "cryptopay", "coin": "BTC/bitcoin"}, follow=True)
    customer.post(page.redirect_chain[-1][0], {}, follow=True)
    rest = Invoice.objects.for_order(order.payments.last()).get()
    assert rest.price_amount == order.pending_sum
    pay(cryptopay_sandbox, rest)
    order.refresh_from_db()
    assert (order.status, order.pending_sum) == ("p", 0)


def test_staff_read_in_words_why_a_payment_needs_them(event, backend, cryptopay_sandbox):
    order, invoice = place_order(event)
    cryptopay_sandbox.pay(invoice, risk="high")
    cryptopay_sandbox.confirm(invoice)
    cryptopay_sandbox.deliver()

    pages = [decide_url(order, invoice), f"/control/event/orga/conf/orders/{order.code}/"]

    for page in pages:
        assert "(held as high-risk)" in backend.get(page).content.decode()
    assert "Payment 1 needs a decision: held as high-risk." in log_of(order)


def test_an_underpaid_order_is_refunded_to_an_address(event, backend, cryptopay_sandbox):
    order, invoice = place_order(event)
    pay(cryptopay_sandbox, invoice, "0.5", expire=True)

    decide(backend, order, invoice, "refund", reason="wanted", address=ADDRESS)

    cryptopay_sandbox.advance(minutes=30, deliver=True)
    invoice.refresh_from_db()
    assert invoice.status == "refunded"
    assert order.payments.get().state == "failed"
    assert Refund.objects.get().address == ADDRESS


def test_a_wrong_address_is_a_message_and_nothing_is_sent(event, backend, cryptopay_sandbox):
    order, invoice = place_order(event)
    pay(cryptopay_sandbox, invoice, "0.5", expire=True)

    page = decide(backend, order, invoice, "refund", reason="wanted", address="nowhere")

    assert "alert-danger" in page
    assert not Resolution.objects.exists()


@pytest.mark.parametrize(
    "wrong",
    [{"version": "abc"}, {"version": ""}, {"version": "9" * 5000}, {"reason": ""}, {"reason": "x" * 5000},
     {"reason": "\x00"}, {"address": "\x00"}, {"tag": "x" * 5000}, {"act": "dance"}],
)  # fmt: skip
def test_what_no_form_of_ours_sends_is_refused(event, backend, cryptopay_sandbox, wrong):
    order, invoice = place_order(event)
    pay(cryptopay_sandbox, invoice, "0.5", expire=True)
    asked = {"act": "refund", "reason": "x", "version": str(invoice.version), "address": ADDRESS}

    done = backend.post(decide_url(order, invoice), asked | wrong)

    assert done.status_code == (404 if "act" in wrong else 302)
    assert not Resolution.objects.exists()


@pytest.mark.parametrize("quote", ["", "made up"])
def test_nothing_is_settled_at_a_rate_that_nobody_has_seen(event, backend, cryptopay_sandbox, quote):
    order, invoice = place_order(event)
    pay(cryptopay_sandbox, invoice, "0.9", expire=True)
    asked = {"act": "settle", "reason": "x", "version": str(invoice.version), "quote": quote}

    page = backend.post(decide_url(order, invoice), asked, follow=True).content.decode()

    assert "Load the page again for a new quote." in page
    assert not Resolution.objects.exists()


def test_staff_are_told_when_the_gateway_sends_the_coins_elsewhere(event, backend, cryptopay_sandbox):
    order, invoice = place_order(event)
    pay(cryptopay_sandbox, invoice, "0.5", expire=True)
    cryptopay_sandbox.variants(refund_address="ignored", account=invoice.account)

    page = decide(backend, order, invoice, "refund", reason="wanted", address=ADDRESS)

    assert "The gateway did something else than was asked" in page
    assert "Done: " not in page


def test_what_would_take_a_second_person_is_dropped(event, backend, cryptopay_sandbox, settings):
    settings.CRYPTOPAY_FOUR_EYES_ABOVE = {"EUR": Decimal(50)}
    order, invoice = place_order(event)
    pay(cryptopay_sandbox, invoice, "0.5", expire=True)

    page = decide(backend, order, invoice, "refund", reason="wanted", address=ADDRESS)

    assert "A second person would have to confirm it" in page
    assert Resolution.objects.get().status == "failed"


def test_staff_are_told_that_the_credentials_are_missing(event, backend, bought):
    order, invoice = bought
    for name in SECRETS:
        event.settings.delete(f"{PREFIX}live_{name}")
    forget_accounts()

    for act in ("settle", "refund", "release", "refund_overage", "link"):
        page = decide(backend, order, invoice, act, reason="x", address=ADDRESS, quote="x")
        assert "alert-danger" in page
        assert "CRYPTOPAY_ACCOUNTS" not in page


def test_staff_make_a_link_and_the_customer_names_an_address(event, backend, bought):
    order, invoice = bought

    page = decide(backend, order, invoice, "link")

    token = page.split("/_cryptopay/refund/")[1].split("/")[0]
    assert not Cryptopay(event).payment_refund_supported(order.payments.get())
    assert Client().get(f"/_cryptopay/refund/{token}/").status_code == 200
    name_refund_address(token, address=ADDRESS)
    assert Cryptopay(event).payment_refund_supported(order.payments.get())


def test_only_who_may_change_orders_decides(event, bought):
    order, invoice = bought
    reader = User.objects.create_user("reader@orga.example", "x")
    team = Team.objects.create(
        organizer=event.organizer, name="Readers", all_events=True, limit_event_permissions={"event.orders:read": True}
    )
    team.members.add(reader)
    client = Client()
    client.force_login(reader)
    url = decide_url(order, invoice)

    assert client.get(url).status_code == 403
    assert client.post(url, {"act": "link"}).status_code == 403
    assert "cryptopay" in client.get(f"/control/event/orga/conf/orders/{order.code}/").content.decode().lower()


def test_an_invoice_of_another_order_is_not_found(event, backend, bought, cryptopay_sandbox):
    other, _ = place_order(event)
    url = decide_url(other, bought[1])

    assert backend.get(url).status_code == 404


def test_the_periodic_task_finds_a_payment_whose_callback_was_lost(event, cryptopay_sandbox):
    order, invoice = place_order(event)
    cryptopay_sandbox.fail_next("drop", count=10, account=invoice.account)
    pay(cryptopay_sandbox, invoice)
    assert Order.objects.get(pk=order.pk).status == "n"

    Invoice.objects.update(polled_at=None, created_at=now() - timedelta(minutes=30))
    periodic_task.send(None)

    assert Order.objects.get(pk=order.pk).status == "p"


def test_a_customer_whose_coins_are_seen_cannot_pay_in_another_way(event, cryptopay_sandbox):
    order, invoice = place_order(event)
    url = url_of(order)
    assert "pay/change" in Client().get(url).content.decode()

    cryptopay_sandbox.pay(invoice)
    cryptopay_sandbox.deliver()

    assert "pay/change" not in Client().get(url).content.decode()
    with pytest.raises(PaymentException):
        order.payments.get().payment_provider.cancel_payment(order.payments.get())


def test_money_that_comes_while_the_customer_begins_anew_is_seen(event, cryptopay_sandbox):
    order, invoice = place_order(event)
    Client().post(f"{url_of(order)}pay/change", {"payment": "cryptopay", "coin": "BTC/bitcoin"})
    second = order.payments.last()
    cryptopay_sandbox.pay(invoice)  # no callback has come yet

    with pytest.raises(PaymentException, match="still being checked"):
        second.payment_provider.execute_payment(request_with("BTC/bitcoin"), second)
    assert not Invoice.objects.for_order(second).exists()


def test_an_order_that_has_expired_and_is_sold_out_keeps_the_money_on_record(event, cryptopay_sandbox):
    order, invoice = place_order(event)
    event.quotas.update(size=0)
    order.status, order.expires = Order.STATUS_EXPIRED, now() - timedelta(days=1)
    order.save()

    pay(cryptopay_sandbox, invoice)

    order.refresh_from_db()
    assert (order.status, order.payments.get().state) == ("e", "confirmed")
    assert order.all_logentries().filter(action_type="pretix.event.order.quotaexceeded").exists()


def test_money_for_a_cancelled_order_is_on_record_and_staff_are_told(event, cryptopay_sandbox):
    order, invoice = place_order(event)
    cryptopay_sandbox.pay(invoice)
    cryptopay_sandbox.deliver()
    cancel_order(order.pk)

    cryptopay_sandbox.confirm(invoice)
    cryptopay_sandbox.deliver()

    order.refresh_from_db()
    assert (order.status, order.payments.get().state, order.pending_sum) == ("c", "confirmed", -100)
    assert order.all_logentries().filter(action_type="pretix.event.order.overpaid").exists()


def test_a_fraction_of_a_cent_that_is_missing_is_not_rounded_up(event, cryptopay_sandbox):
    order, invoice = place_order(event)
    Invoice.objects.update(status="completed", settled_amount=Decimal("99.996"))
    invoice.refresh_from_db()
    seen = []

    for kind in ("invoice_settled_short", "invoice_completed"):
        with transaction.atomic():
            tickets.receive(None, invoice=invoice, event=InvoiceEvent(kind=kind, invoice=invoice))
        seen.append((Order.objects.get(pk=order.pk).status, order.payments.first().amount))

    assert seen == [("n", Decimal("99.99")), ("p", Decimal("99.99"))]


def test_money_for_an_order_that_was_deleted_breaks_nothing(event, cryptopay_sandbox):
    order, invoice = place_order(event)
    order.testmode = True
    order.save()
    with transaction.atomic():
        order.gracefully_delete()

    pay(cryptopay_sandbox, invoice)

    assert invoice.status == "completed"
    assert not invoice.events.filter(delivered_at=None).exists()


def request_with(coin):
    from django.test import RequestFactory

    request = RequestFactory().get("/")
    request.session = {"payment_cryptopay_coin": coin}
    return request


def test_checks_of_the_installation_say_nothing(event, capsys, monkeypatch):
    monkeypatch.setattr(project.CONFIG_FILE, "cp", ConfigParser())  # without the address of a sandbox
    forget_accounts()

    call_command("check")

    assert "no issues" in capsys.readouterr().out
