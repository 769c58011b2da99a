"""Channels of a customer, and for staff: who gets what, what is refused, and what leaves this site."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from cryptopay_django.models import Channel, ChannelPayment
from cryptopay_django.services import disable_channel
from cryptopay_django.services.rate_limit_by_use import Use
from cryptopay_django.testing.factories import ChannelFactory, ChannelPaymentFactory
from tests.rate_limits import use_up

from .conftest import problem_of

pytestmark = pytest.mark.django_db(transaction=True)


class Customer:
    """Somebody who is logged in at a headless shop."""

    def __init__(self, name: str) -> None:
        self.user, self.client = User.objects.create(username=name), Client()
        self.client.force_login(self.user)

    def make(self, currency: str = "BTC", network: str = "bitcoin"):
        body = {"currency": currency, "network": network}
        return self.client.post("/my/channels/", body, content_type="application/json")


@pytest.fixture
def anna(settings, cryptopay_sandbox) -> Customer:
    settings.ROOT_URLCONF = "tests.api.urls"
    return Customer("anna")


def test_a_customer_has_one_channel_for_a_coin_however_often_it_is_asked_for(anna):
    first, again = anna.make(), anna.make()

    row = Channel.objects.get()
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json() == {
        "id": str(row.pk), "state": "open", "pay_currency": "BTC", "network": "bitcoin", "receiver_currency": "EUR",
        "payment": {"address": row.address, "destination_tag": "", "uri": row.uri},
    }  # fmt: skip
    assert (row.owner, row.customer_id) == (anna.user, f"customer-{anna.user.pk}")
    assert first["Location"] == reverse("cryptopay_django_api:channel-state", args=[row.pk])
    assert [one["id"] for one in anna.client.get("/my/channels/").json()["channels"]] == [str(row.pk)]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "invalid"),
        ({"currency": "NOPE"}, "invalid"),
        ({"currency": "BTC", "network": "tron"}, "invalid"),
        ({"currency": "BTC", "receiver_currency": "USD"}, "invalid"),
        ({"currency": 5}, "invalid"),
    ],
)
def test_what_cannot_be_asked_for_is_refused_and_leaves_nothing(anna, body, code):
    answer = anna.client.post("/my/channels/", body, content_type="application/json")

    assert problem_of(answer) == (400, code)
    assert not Channel.objects.exists()


def test_a_channel_of_another_customer_is_not_there(anna):
    anna.make()
    row, bert = Channel.objects.get(), Customer("bert")

    for url in (f"/my/channels/{row.pk}/", f"/my/channels/{row.pk}/payments/"):
        assert anna.client.get(url).status_code == 200
        assert problem_of(bert.client.get(url)) == (404, "not_found")
    assert bert.client.get("/my/channels/").json() == {"channels": []}
    assert Client().get("/my/channels/").status_code in (401, 403)


def test_the_customer_reads_the_channel_with_its_payments(anna, cryptopay_sandbox):
    anna.make()
    row = Channel.objects.get()
    cryptopay_sandbox.pay(row, "0.01")
    cryptopay_sandbox.confirm(row)
    cryptopay_sandbox.deliver()
    payment = ChannelPayment.objects.get()

    own = anna.client.get(f"/my/channels/{row.pk}/").json()
    public = Client().get(reverse("cryptopay_django_api:channel-state", args=[row.pk])).json()

    assert own == public
    assert own["receipts"][0] == {
        "id": str(payment.pk), "state": "credited", "txid": payment.txid, "paid_amount": "0.01",
        "paid_currency": "BTC", "credited_amount": f"{payment.received_amount:f}".rstrip("0"),
        "credited_currency": "EUR", "seen_at": payment.seen_at.isoformat(),
    }  # fmt: skip


def test_the_payments_come_page_by_page_and_no_reason_leaves(anna):
    anna.make()
    row = Channel.objects.get()
    for _ in range(3):
        ChannelPaymentFactory(channel=row, status="on_hold", status_context="illicit_resource", risk_level="high")

    page = anna.client.get(f"/my/channels/{row.pk}/payments/", {"limit": 2})
    rest = anna.client.get(page.json()["next"])

    assert [len(one.json()["results"]) for one in (page, rest)] == [2, 1]
    assert {one["state"] for one in page.json()["results"]} == {"review"}
    assert "illicit" not in page.text
    assert "high" not in page.text


def test_a_disabled_channel_has_no_address_and_a_new_one_is_made(anna):
    anna.make()
    old = disable_channel(Channel.objects.get())

    assert anna.make().status_code == 201

    states = {one["id"]: one for one in anna.client.get("/my/channels/").json()["channels"]}
    assert states[str(old.pk)]["payment"] is None
    assert states[str(old.pk)]["state"] == "disabled"
    assert len(states) == 2


def test_making_channels_takes_no_calls_from_payments(anna):
    use_up(Use.CREATIONS)

    assert problem_of(anna.make()) == (503, "gateway_busy")
    assert not Channel.objects.exists()


def test_the_public_state_is_304_until_it_changes(client):
    row = ChannelFactory()
    url = reverse("cryptopay_django_api:channel-state", args=[row.pk])
    first = client.get(url)

    assert client.get(url, headers={"If-None-Match": first["ETag"]}).status_code == 304
    ChannelPaymentFactory(channel=row)
    assert client.get(url, headers={"If-None-Match": first["ETag"]}).status_code == 200


@pytest.fixture
def held(cryptopay_sandbox):
    return ChannelPaymentFactory(
        status="completed", received_amount=500, quarantine_reason="odd", contradicted={"received_currency": "USD"}
    )


def test_staff_find_channels_and_payments(staff, held):
    person = staff("view_channel", "view_channelpayment")
    channel = held.channel
    ChannelPaymentFactory()

    for name, wanted in [
        ("channels", {"address": channel.address}),
        ("channels", {"txid": held.txid}),
        ("channels", {"custom_id": channel.custom_id}),
        ("channel-payments", {"channel_id": str(channel.pk)}),
        ("channel-payments", {"is_quarantined": "true"}),
        ("channel-payments", {"txid": held.txid}),
    ]:
        found = person.get(name, **wanted).json()["results"]
        assert [one["id"] for one in found] == [str(channel.pk if name == "channels" else held.pk)], wanted
    assert person.get("channel", channel.pk).json()["owner"] is None
    assert person.get("channel-payment", held.pk).json()["credited_amount"] == "0"
    assert person.get("channel-payment-timeline", held.pk).json() == {"entries": [], "is_cut": False}


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("channels", {"status": "odd"}),
        ("channels", {"owner_id": "17"}),
        ("channels", {"owner_type": "no.model", "owner_id": "17"}),
        ("channel-payments", {"custom_id": "x"}),
        ("channel-payments", {"seen_from": "yesterday"}),
    ],
)
def test_a_filter_that_is_not_known_is_refused(staff, name, query):
    assert problem_of(staff("view_channel", "view_channelpayment").get(name, **query)) == (400, "invalid")


def test_an_owner_is_found_by_model_and_key(staff):
    owner = User.objects.create(username="anna")
    mine = ChannelFactory(owner=owner)
    ChannelFactory(owner=User.objects.create(username="bert"))

    found = staff("view_channel").get("channels", owner_type="auth.user", owner_id=owner.pk).json()["results"]

    assert [one["id"] for one in found] == [str(mine.pk)]
    assert found[0]["owner"] == {"type": "auth.user", "id": str(owner.pk)}


def test_a_release_takes_the_permission_and_the_version_that_was_seen(staff, held):
    seen = {"expected_version": held.version, "reason": "the account was switched"}
    for who in (staff("view"), staff("view_channelpayment"), staff("release_payment")):
        assert problem_of(who.post("channel-payment-release", held, **seen)) == (403, "permission_denied")
    person = staff("view_channelpayment", "release_payment")

    changed = person.post("channel-payment-release", held, **{**seen, "expected_version": 99})
    done = person.post("channel-payment-release", held, **seen)
    again = person.post("channel-payment-release", held, **{**seen, "expected_version": held.version + 1})

    assert problem_of(changed) == (409, "invoice_changed")
    assert (done.status_code, done.json()["quarantine_reason"], done.json()["credited_amount"]) == (200, "", "500")
    assert done.json()["received_currency"] == "USD"
    assert problem_of(again) == (409, "nothing_to_release")
    event = held.events.get(kind="channel_payment_released")
    assert (event.actor, event.detail["reason"]) == (person.user.username, "the account was switched")


def test_enabling_and_disabling_takes_the_permission(staff, anna, settings):
    anna.make()
    settings.ROOT_URLCONF = "tests.urls"
    row = Channel.objects.get()
    asked = {"expected_version": row.version, "reason": "the customer has left"}
    assert problem_of(staff("view_channel").post("channel-disable", row, **asked)) == (403, "permission_denied")
    person = staff("view_channel", "switch")

    done = person.post("channel-disable", row, **asked)
    late = person.post("channel-enable", row, **asked)
    back = person.post("channel-enable", row, **{**asked, "expected_version": done.json()["version"]})

    assert (done.status_code, done.json()["status"]) == (200, "disabled")
    assert problem_of(late) == (409, "invoice_changed")
    assert (back.status_code, back.json()["status"]) == (200, "enabled")


def test_a_channel_cannot_be_enabled_beside_another_one_of_its_owner(staff, anna, settings):
    anna.make()
    old = disable_channel(Channel.objects.get())
    anna.make()
    settings.ROOT_URLCONF = "tests.urls"
    asked = {"expected_version": old.version, "reason": "back again"}

    answer = staff("view_channel", "switch").post("channel-enable", old, **asked)

    assert problem_of(answer) == (409, "channel_in_use")
