"""Callbacks of several events: each is believed about the orders of its own account alone."""

import pytest
from django.test import Client
from shop import make_event, pay, place_order

from cryptopay_django.gateway.signing import SIGNATURE_HEADER, sign_callback
from cryptopay_django.models import Callback, Payment


@pytest.mark.parametrize("account", ["its own", "another"])
def test_an_organizer_cannot_pay_the_order_of_another_event(event, cryptopay_sandbox, account):
    other = make_event("other")
    _, paid = place_order(event)
    pay(cryptopay_sandbox, paid)
    order, unpaid = place_order(event)
    told = bytes(Callback.objects.order_by("received_at").last().body)
    for name in ("gateway_id", "custom_id", "address"):
        told = told.replace(str(getattr(paid, name)).encode(), str(getattr(unpaid, name)).encode())
    target = other if account == "another" else event

    answer = Client().post(
        f"/_cryptopay/callbacks/e{target.pk}/",
        told,
        "application/json",
        headers={SIGNATURE_HEADER: sign_callback(told, secret="live-other-callback-secret")},
    )

    order.refresh_from_db()
    assert answer.status_code == (200 if target == other else 401)
    assert (order.status, order.payments.get().state) == ("n", "pending")
    assert not Payment.objects.filter(invoice=unpaid).exists()
