"""Refunds in pretix: sent once it has committed them, to a known address, and what becomes of those that fail."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import transaction
from django.test import Client
from django.utils.timezone import now
from pretix.base.models import OrderPayment, OrderRefund, Team, TeamAPIToken
from pretix.base.payment import PaymentException
from pretix_cryptopay import refunds
from pretix_cryptopay.provider import Cryptopay
from shop import ADDRESS, log_of

from cryptopay_django.models import Refund, Resolution
from cryptopay_django.services import make_refund_link, name_refund_address, refund_invoice


def asked_refund(order, amount="30.00"):
    refund = refunds.asked_by_staff(
        {"cryptopay-payment": str(order.payments.get().pk), "cryptopay-address": ADDRESS}, Decimal(amount), order
    )
    refund.save()
    return refund


def test_the_api_of_pretix_refunds_to_the_address_that_the_customer_named(event, bought, cryptopay_sandbox):
    order, invoice = bought
    name_refund_address(make_refund_link(invoice, actor="staff").token, address=ADDRESS)
    team = Team.objects.create(
        organizer=event.organizer, name="API", all_events=True, all_event_permissions=True,
        all_organizer_permissions=True,
    )  # fmt: skip
    token = TeamAPIToken.objects.create(team=team, name="t")
    url = f"/api/v1/organizers/orga/events/conf/orders/{order.code}/payments/1/refund/"

    done = Client().post(
        url, {"amount": "30.00"}, content_type="application/json", headers={"Authorization": f"Token {token.token}"}
    )

    assert (done.status_code, done.json()["state"]) == (200, "transit")
    cryptopay_sandbox.advance(minutes=30, deliver=True)
    refund = order.refunds.get()
    assert (refund.state, refund.amount, Refund.objects.get().value_amount) == ("done", Decimal(30), Decimal(30))


def test_without_an_address_pretix_refunds_nothing(event, bought):
    order, _ = bought
    payment = order.payments.get()
    refund = order.refunds.create(payment=payment, amount=5, provider="cryptopay", state="created", source="admin")

    with pytest.raises(PaymentException, match="not known where"):
        payment.payment_provider.execute_refund(refund)


def test_nothing_is_sent_if_pretix_rolls_back(event, bought):
    order, _ = bought
    with transaction.atomic():
        refunds.start(asked_refund(order))
        assert order.refunds.get().state == "transit"  # the gateway was not asked, and so has not refused
        transaction.set_rollback(True)

    assert not order.refunds.exists()
    assert not Resolution.objects.exists()


def test_a_refund_that_the_gateway_refuses_fails(event, bought, cryptopay_sandbox):
    order, invoice = bought
    cryptopay_sandbox.settings(denied=["coin_withdrawals"], account=invoice.account)
    refund = asked_refund(order)

    with pytest.raises(PaymentException, match="may not make withdrawals"):
        refunds.start(refund)

    refund.refresh_from_db()
    assert refund.state == "failed"
    assert any("failed" in str(text).lower() for text in log_of(order))


def test_a_refusal_is_known_before_pretix_cancels_the_order(event, backend, bought, cryptopay_sandbox):
    order, invoice = bought
    cryptopay_sandbox.settings(denied=["coin_withdrawals"], account=invoice.account)
    start = {"start-mode": "partial", "start-partial_amount": "100.00", "start-action": "mark_refunded"}
    asked = {
        **start,
        "perform": "true",
        "last_known_refund_id": "0",
        "newrefund-cryptopay": "100.00",
        "cryptopay-payment": str(order.payments.get().pk),
        "cryptopay-address": ADDRESS,
    }

    page = backend.post(f"/control/event/orga/conf/orders/{order.code}/refund", asked, follow=True).content.decode()

    order.refresh_from_db()
    assert "The error message was: the gateway refuses the refund" in page
    assert (order.status, order.refunds.get().state) == ("p", "failed")


def test_a_refund_that_staff_have_cancelled_is_not_sent(event, bought):
    order, _ = bought
    refund = asked_refund(order)
    with transaction.atomic():
        refunds.start(refund)
        OrderRefund.objects.update(state=OrderRefund.REFUND_STATE_CANCELED)

    assert order.refunds.get().state == "canceled"
    assert not Resolution.objects.exists()


def test_a_refund_that_begins_long_after_it_was_made_is_not_given_up(event, bought):
    order, _ = bought
    refund = asked_refund(order)
    OrderRefund.objects.update(created=now() - timedelta(minutes=20))
    with transaction.atomic():
        refunds.start(refund)
        refunds.look_after()

    assert order.refunds.get().state == "transit"
    assert Resolution.objects.get().status == "succeeded"


def test_a_refund_for_two_people_fails(event, bought, settings):
    settings.CRYPTOPAY_FOUR_EYES_ABOVE = {"EUR": Decimal(50)}
    order, _ = bought

    with pytest.raises(PaymentException, match="second person"):
        refunds.start(asked_refund(order))

    assert (order.refunds.get().state, Resolution.objects.get().status) == ("failed", "failed")


def test_a_refund_that_was_never_sent_fails_after_a_while(event, bought):
    order, _ = bought
    refund = asked_refund(order)
    refund.state = OrderRefund.REFUND_STATE_TRANSIT  # the server stopped before it could ask the gateway
    refund.save()

    refunds.look_after()
    refund.refresh_from_db()
    assert refund.state == "transit"

    OrderRefund.objects.update(created=now() - timedelta(minutes=20))
    refunds.look_after()
    refund.refresh_from_db()
    assert refund.state == "failed"


def test_more_than_is_left_cannot_be_refunded(event, bought):
    order, _ = bought
    refunds.start(asked_refund(order, "80.00"))

    with pytest.raises(Exception, match="more than is left"):
        asked_refund(order, "30.00")


def test_a_refund_from_outside_is_on_record_and_waits_for_staff(event, bought, cryptopay_sandbox):
    order, invoice = bought
    refund_invoice(invoice, actor="script", reason="test", amount=Decimal(10), address=ADDRESS)
    cryptopay_sandbox.advance(minutes=30, deliver=True)

    refund = order.refunds.get()
    assert (refund.state, refund.source, refund.amount) == ("external", "external", Decimal(10))


def test_personal_data_is_removed_and_the_invoice_is_still_known(event, bought, cryptopay_sandbox):
    order, invoice = bought
    refunds.start(asked_refund(order))
    payment, refund = order.payments.get(), order.refunds.get()

    for one in (payment, refund):
        Cryptopay(event).shred_payment_info(one)

    assert ADDRESS not in OrderRefund.objects.get().info
    assert OrderPayment.objects.get().info_data["cryptopay_invoice"] == str(invoice.pk)
