"""Every text that comes from outside, in every field of a channel and of its payments, on every page about them."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from cryptopay_django.models import Channel, ChannelPayment, InvoiceEvent
from cryptopay_django.testing.factories import ChannelFactory, ChannelPaymentFactory, InvoiceEventFactory
from tests.attacks import test_texts
from tests.attacks.markup import dangers
from tests.attacks.test_texts import TEXTS

pytestmark = pytest.mark.django_db

KEPT: dict[type, set[str]] = {
    Channel: {"account", "environment", "custom_id", "slot", "pay_currency", "receiver_currency", "owner_object_id"},
    ChannelPayment: {"account", "environment", "paid_currency", "received_currency", "fee_currency"},
    InvoiceEvent: {"kind", "once"},
}
STATES = ["pending", "on_hold", "completed"]


@pytest.fixture(params=TEXTS)
def payments(request, settings, monkeypatch) -> list[ChannelPayment]:
    """Rows in which the text stands wherever it can; the channel of the last one is open."""
    text = TEXTS[request.param]
    monkeypatch.setattr(test_texts, "KEPT", KEPT)
    settings.CRYPTOPAY_BLOCK_EXPLORERS = {text[:32]: "https://explorer.test/tx/{txid}"}
    made = []
    for state in STATES:
        payment = ChannelPaymentFactory(channel=ChannelFactory())
        held = {"quarantine_reason": ""} if state == "completed" else {}
        Channel.objects.filter(pk=payment.channel_id).update(**test_texts.hostile(Channel, text) | held)
        ChannelPayment.objects.filter(pk=payment.pk).update(
            **test_texts.hostile(ChannelPayment, text) | {"status": state}
        )
        event = InvoiceEventFactory(
            invoice=None, channel_payment=payment, subject=payment.pk, kind="channel_payment_quarantined"
        )
        InvoiceEvent.objects.filter(pk=event.pk).update(**test_texts.hostile(InvoiceEvent, text))
        made.append(ChannelPayment.objects.get(pk=payment.pk))
    return made


def test_the_desk_escapes_it(payments):
    client = Client()
    client.force_login(User.objects.create(username="ada", is_staff=True, is_superuser=True))
    admin = "admin:cryptopay_django_"
    urls = [reverse(f"{admin}channel_changelist"), reverse(f"{admin}channelpayment_changelist")]
    for payment in payments:
        urls += [
            reverse(f"{admin}channel_{act}", args=[payment.channel_id]) for act in ("change", "disable", "history")
        ]
        urls += [
            reverse(f"{admin}channelpayment_{act}", args=[payment.pk]) for act in ("change", "release", "history")
        ]
        urls.append(f"{urls[1]}?channel={payment.channel_id}")

    for url in urls:
        response = client.get(url, follow=True)
        assert response.status_code == 200, url
        assert dangers(response.text) == [], url


def test_the_customers_page_escapes_it(payments, client):
    for payment in payments:
        page = client.get(reverse("cryptopay_django:channel", args=[payment.channel_id]))
        assert page.status_code == 200
        assert dangers(page.text) == []
