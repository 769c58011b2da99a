"""Channels and their payments in the admin: lists, pages, switch, refresh, release."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cryptopay_django.admin.channel import MOST_PAYMENTS
from cryptopay_django.admin.channel_switch import MOST
from cryptopay_django.models import Channel, ChannelPayment
from cryptopay_django.services import disable_channel, refresh_channel, release_channel_payment
from cryptopay_django.services.channels import totals
from cryptopay_django.services.reconciliation import reconcile_channels as reconciliation
from cryptopay_django.testing.factories import ChannelFactory, ChannelPaymentFactory, InvoiceEventFactory

from .conftest import filled, tasks, told

EVIL = '<script>alert("x")</script>'


@pytest.fixture
def client(login):
    return login("finance")


@pytest.fixture
def held(desk):
    """A credited payment that the gateway reports in another currency than the channel's."""
    return ChannelPaymentFactory(
        channel=desk.channel(),
        status="completed",
        received_amount=500,
        quarantine_reason="received_currency is USD at the gateway, and EUR here",
        contradicted={"received_currency": "USD"},
    )


def rows(response):
    return list(response.context["cl"].result_list)


# --- the list of channels


def test_the_list_shows_whose_it_is_where_coins_go_and_what_has_come_in(client, desk):
    channel = desk.channel("anna", pay_currency="XRP")
    desk.topped_up(channel, "20")
    desk.topped_up(channel, "30")
    credited = sum(payment.received_amount for payment in channel.payments.all())

    page = client.get(desk.url("channel_changelist")).text

    assert "anna" in page
    assert f'title="{channel.address}"' in page
    assert f"tag {channel.destination_tag}" in page
    assert f"{credited:.2f} EUR" in page
    assert "enabled" in page


def test_the_list_costs_the_same_for_two_channels_and_for_twenty(client, desk):
    url = desk.url("channel_changelist")

    def fill(count):
        for _ in range(count):
            made = ChannelFactory(owner=User.objects.create(username=f"u{User.objects.count()}"))
            ChannelPaymentFactory.create_batch(2, channel=made, status="completed", received_amount=5)

    def cost():
        client.get(url)
        with CaptureQueriesContext(connection) as queries:
            assert client.get(url).status_code == 200
        return len(queries)

    fill(2)
    few = cost()
    fill(18)

    assert cost() == few


def test_what_is_held_is_not_counted_as_credited_and_many_payments_are_not_added_up_for_ever(
    client, desk, held, monkeypatch
):
    url = desk.url("channel_changelist")
    assert "500.00 EUR" not in client.get(url).text
    ChannelPaymentFactory.create_batch(3, channel=held.channel, status="completed", received_amount=5)
    assert "15.00 EUR" in client.get(url).text

    monkeypatch.setattr(totals, "MOST", 2)

    assert "more than 10.00 EUR" in client.get(url).text


@pytest.mark.parametrize("name", ["address", "custom_id", "gateway_id", "pk", "owner", "username", "txid"])
def test_a_channel_is_found_by_whatever_names_it_in_full(client, desk, name, settings):
    settings.CRYPTOPAY_ORDER_SEARCH = {"auth.User": "username"}
    payment = ChannelPaymentFactory(channel=desk.channel("anna"))
    channel = payment.channel
    desk.channel("bert")
    term = {"owner": channel.owner_object_id, "username": "anna", "txid": payment.txid}.get(name)

    found = client.get(desk.url("channel_changelist"), {"q": term or str(getattr(channel, name))})

    assert rows(found) == [channel]
    assert rows(client.get(desk.url("channel_changelist"), {"q": "nothing"})) == []


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"status": "disabled"}, 1),
        ({"quarantined": "yes"}, 1),
        ({"coin": "ETH"}, 1),
        ({"receiver": "USD"}, 1),
        ({"created_at": "today"}, 4),
        ({"status": "odd"}, 4),
    ],
)
def test_the_filters_of_channels(client, desk, query, count):
    ChannelFactory(status="disabled")
    ChannelFactory(quarantine_reason="odd")
    ChannelFactory(pay_currency="ETH", network="ethereum")
    ChannelFactory(receiver_currency="USD")

    assert len(rows(client.get(desk.url("channel_changelist"), query))) == count


@pytest.mark.parametrize("field", ["id", "last_login", "is_staff", "groups", "id__in"])
@pytest.mark.parametrize("term", ["A-1", "9" * 40, "NaN", "{", "２", "a\x00b"])
def test_owners_are_searched_by_a_field_of_any_kind(client, desk, settings, field, term):
    settings.CRYPTOPAY_ORDER_SEARCH = {"auth.User": field}
    name = term.replace("\x00", "")
    payment = ChannelPaymentFactory(channel=ChannelFactory(address=name))

    for page, wanted in (("channel_changelist", payment.channel), ("channelpayment_changelist", payment)):
        assert wanted in rows(client.get(desk.url(page), {"q": name}))
        assert client.get(desk.url(page), {"q": term}).status_code == 200


def test_an_owner_that_cannot_say_its_name_is_shown_by_its_key(client, desk, monkeypatch):
    channel = desk.channel("anna")

    def needs_what_is_gone(self):
        raise Permission.DoesNotExist("the permission of this owner is gone")

    monkeypatch.setattr(User, "__str__", needs_what_is_gone)

    for url in (
        desk.url("channel_changelist"),
        desk.url("channel_change", channel.pk),
        desk.url("channel_disable", channel.pk),
    ):
        assert f"user {channel.owner.pk}" in client.get(url).text, url


@pytest.mark.parametrize(("environment", "words"), [("production", "live"), ("sandbox", "test (sandbox)")])
def test_a_channel_and_its_payment_say_whether_they_are_of_the_live_gateway(
    client, desk, settings, environment, words
):
    accounts = settings.CRYPTOPAY_ACCOUNTS
    settings.CRYPTOPAY_ACCOUNTS = {**accounts, "default": {**accounts["default"], "BASE_URL": environment}}
    payment = ChannelPaymentFactory(environment=environment, channel=ChannelFactory(environment=environment))

    for page, row in (("channel", payment.channel), ("channelpayment", payment)):
        shown = client.get(desk.url(f"{page}_change", row.pk)).text
        listed = client.get(desk.url(f"{page}_changelist")).text
        assert f"<dd>{words}</dd>" in shown
        for text in (shown, listed):
            assert (f'<span title="{environment}">test</span>' in text) is (words != "live")


# --- the page of a channel


def test_the_page_says_what_it_means_and_lists_its_payments(client, desk):
    payment = desk.topped_up()
    page = client.get(desk.url("channel_change", payment.channel_id)).text

    assert "Payments to this address are converted to EUR and credited." in page
    assert payment.txid in page
    assert desk.url("channelpayment_change", payment.pk) in page
    assert f"{payment.received_amount:.2f} EUR" in page


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"status": "disabled"}, "Disabled: the customer does not see the address."),
        (
            {"quarantine_reason": "address is 1Other"},
            "Quarantined: address is 1Other. The customer does not see the address.",
        ),
        ({"gateway_id": None, "address": ""}, "The gateway has not confirmed yet that it created this channel."),
        ({"environment": "elsewhere.example"}, "It can only be viewed."),
    ],
)
def test_each_state_of_a_channel_in_words(client, desk, values, words):
    page = client.get(desk.url("channel_change", ChannelFactory(**values).pk))

    assert words in page.text


def test_no_button_where_the_gateway_cannot_be_asked(client, desk):
    for values in ({"gateway_id": None}, {"environment": "elsewhere.example"}):
        assert client.get(desk.url("channel_change", ChannelFactory(**values).pk)).context["buttons"] == []


def test_of_many_payments_the_newest_are_shown_with_a_way_to_all(client, desk):
    channel = ChannelFactory()
    ChannelPaymentFactory.create_batch(MOST_PAYMENTS + 1, channel=channel)
    ChannelPaymentFactory()
    all_of_it = f"{desk.url('channelpayment_changelist')}?channel={channel.pk}"

    page = client.get(desk.url("channel_change", channel.pk))

    assert len(page.context["payments"]) == MOST_PAYMENTS
    assert all_of_it in page.text
    assert client.get(all_of_it).context["cl"].result_count == MOST_PAYMENTS + 1
    assert client.get(f"{desk.url('channelpayment_changelist')}?channel=odd").status_code == 200


def test_texts_from_outside_are_escaped(client, desk):
    channel = ChannelFactory(name=EVIL, address=EVIL, quarantine_reason=EVIL, description=EVIL)
    payment = ChannelPaymentFactory(channel=channel, txid=EVIL, quarantine_reason=EVIL, risk_level=EVIL)
    urls = [
        desk.url("channel_changelist"),
        desk.url("channel_change", channel.pk),
        desk.url("channel_disable", channel.pk),
        desk.url("channelpayment_changelist"),
        desk.url("channelpayment_change", payment.pk),
        desk.url("channelpayment_release", payment.pk),
    ]

    for url in urls:
        assert EVIL not in client.get(url).text, url


def test_a_view_only_user_sees_and_cannot_act(login, desk, held):
    client = login("viewer")
    channel = client.get(desk.url("channel_change", held.channel_id))
    payment = client.get(desk.url("channelpayment_change", held.pk))

    assert "You may not enable or disable channels." in channel.text
    assert "You may not release payments." in payment.text
    for page in (channel, payment):
        assert 'class="cp-button cp-disabled"' in page.text
        assert "Refresh from the gateway" not in page.text
        assert 'name="_save"' not in page.text


def test_payments_are_not_linked_for_those_who_may_not_see_them(login, desk):
    payment = ChannelPaymentFactory()
    client = login("bare")
    User.objects.get(username="bare").user_permissions.set(Permission.objects.filter(codename="view_channel"))

    page = client.get(desk.url("channel_change", payment.channel_id)).text

    assert payment.txid in page
    assert desk.url("channelpayment_change", payment.pk) not in page


@pytest.mark.parametrize("may_see", [True, False])
def test_the_timeline_leads_to_callbacks_only_whom_they_are_shown(login, desk, may_see):
    payment = desk.topped_up()
    client = login("bare")
    granted = ["view_channelpayment", *(["view_callback"] if may_see else [])]
    User.objects.get(username="bare").user_permissions.set(Permission.objects.filter(codename__in=granted))
    there = desk.url("callback_change", payment.callbacks.first().pk)

    page = client.get(desk.url("channelpayment_change", payment.pk)).text

    assert (f'href="{there}"' in page) is may_see


# --- enable, disable, refresh


def test_disabling_shows_what_it_means_asks_for_a_reason_and_is_on_record(client, desk):
    channel = desk.channel()
    url = desk.url("channel_disable", channel.pk)
    form = client.get(url)
    assert "The gateway holds what still arrives" in form.text
    assert client.post(url, filled(form)).context["form"].errors["reason"]
    assert desk.sandbox.channel(channel).status == "enabled"

    page = client.post(url, filled(form, reason="left the shop"), follow=True)

    channel.refresh_from_db()
    assert (channel.status, desk.sandbox.channel(channel).status) == ("disabled", "disabled")
    assert "The channel is disabled." in told(page)
    assert "left the shop" in LogEntry.objects.get().change_message
    back = desk.url("channel_enable", channel.pk)
    assert "The channel is enabled." in told(client.post(back, filled(client.get(back), reason="back"), follow=True))


def test_what_has_changed_meanwhile_is_not_switched(client, desk):
    channel = desk.channel()
    url = desk.url("channel_disable", channel.pk)
    form = filled(client.get(url), reason="left")
    desk.sandbox.change_channel(channel, "disabled")
    refresh_channel(channel)

    page = client.post(url, form, follow=True)

    assert "has changed meanwhile" in told(page)
    assert "The channel already has this status." in told(page)
    assert not LogEntry.objects.exists()


def test_a_channel_beside_another_one_of_its_owner_is_not_enabled(client, desk):
    old = disable_channel(desk.channel())
    desk.channel()
    url = desk.url("channel_enable", old.pk)

    page = client.post(url, filled(client.get(url), reason="back"), follow=True)

    assert "Disable that one first" in told(page)
    assert Channel.objects.get(pk=old.pk).status == "disabled"


def test_several_are_disabled_after_a_page_that_asks(client, desk):
    channels = [desk.channel(name) for name in ("anna", "bert")]
    elsewhere = ChannelFactory(environment="elsewhere.example")
    keys = [str(one.pk) for one in (*channels, elsewhere)]
    posted = {"action": "disable_selected", "_selected_action": keys}
    page = client.post(desk.url("channel_changelist"), posted)
    assert "It is not credited until" in page.text
    assert Channel.objects.filter(status="disabled").count() == 0
    chosen = [f"{one.pk}:{one.version}" for one in (*channels, elsewhere)]

    unread = client.post(desk.url("channel_several", "disable"), {"channel": chosen})
    done = client.post(desk.url("channel_several", "disable"), {"channel": chosen, "reason": "a scam"})

    assert unread.context["form"].errors["reason"]
    assert Channel.objects.filter(status="disabled").count() == 2
    assert sorted(result.tone for result in done.context["results"]) == ["good", "good", "warning"]
    assert client.post(desk.url("channel_several", "delete"), {}).status_code == 403


def test_too_many_at_once_are_refused(client, desk):
    ChannelFactory.create_batch(MOST + 1)
    keys = [str(key) for key in Channel.objects.values_list("pk", flat=True)]

    for action in ("disable_selected", "refresh_selected"):
        page = client.post(desk.url("channel_changelist"), {"action": action, "_selected_action": keys}, follow=True)
        assert f"More than {MOST} are selected" in told(page)


def test_the_actions_of_the_list_are_offered_to_those_who_may(login, desk):
    ChannelFactory()
    found = {}
    for role in ("finance", "support", "viewer"):
        form = login(role).get(desk.url("channel_changelist")).context["action_form"]
        found[role] = {choice[0] for choice in form.fields["action"].choices if choice[0]} if form else set()

    assert found == {
        "finance": {"enable_selected", "disable_selected", "refresh_selected"},
        "support": {"refresh_selected"},
        "viewer": set(),
    }


def test_refreshing_a_channel_brings_in_a_payment_whose_callback_was_lost(client, desk):
    channel = desk.channel()
    desk.sandbox.pay(channel, "0.01")
    assert not channel.payments.exists()

    page = client.post(desk.url("channel_refresh", channel.pk), follow=True)

    assert "Updated payments: 1." in told(page)
    assert channel.payments.get().status == "pending"
    again = client.post(desk.url("channel_refresh", channel.pk), follow=True)
    assert "No new payments." in told(again)
    several = {"action": "refresh_selected", "_selected_action": [str(channel.pk)]}
    assert [one.tone for one in client.post(desk.url("channel_changelist"), several).context["results"]] == ["good"]


@pytest.mark.parametrize("page", ["channel_refresh", "channelpayment_refresh"])
def test_a_gateway_that_is_down_gives_words(client, desk, page):
    payment = desk.topped_up()
    row = payment.channel if page == "channel_refresh" else payment
    desk.sandbox.trouble(error="1")

    shown = client.post(desk.url(page, row.pk), follow=True)

    assert shown.status_code == 200
    assert "The gateway could not be reached" in told(shown)


def test_a_refresh_takes_a_few_payments_at_once_and_says_that_there_are_more(client, desk, monkeypatch):
    monkeypatch.setattr(reconciliation, "_POLLS_AT_ONCE", 1)
    channel = desk.channel()
    desk.sandbox.pay(channel, "0.01")
    desk.sandbox.pay(channel, "0.02")

    page = client.post(desk.url("channel_refresh", channel.pk), follow=True)

    assert "Updated payments: 1. There are more" in told(page)
    assert channel.payments.count() == 1
    assert "Updated payments: 1." in told(client.post(desk.url("channel_refresh", channel.pk), follow=True))
    assert channel.payments.count() == 2


# --- payments


def test_a_held_payment_names_whom_to_ask_and_its_callback_leads_to_it(client, desk, settings):
    settings.CRYPTOPAY_MONITORING_CONTACT = "compliance@gateway.example"
    payment = desk.topped_up(risk="high")
    page = client.get(desk.url("channelpayment_change", payment.pk)).text

    assert payment.status == "on_hold"
    assert "compliance@gateway.example" in page
    callback = client.get(desk.url("callback_change", payment.callbacks.first().pk)).text
    assert desk.url("channelpayment_change", payment.pk) in callback


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "Detected on the network, but not confirmed yet."),
        ({"status": "completed"}, "Credited by the gateway, and the shop was notified."),
        ({"status": "on_hold", "status_context": "illicit_resource"}, "The gateway holds it as high-risk"),
        ({"status": "on_hold", "status_context": "channel_disabled"}, "It arrived after the channel was disabled"),
        ({"status": "on_hold", "status_context": "new_word"}, "for a reason that this app does not know: new_word"),
        ({"status": "refunded"}, "Refunded to its sender."),
        ({"status": "cancelled"}, "Not confirmed by the network within 14 days."),
        (
            {"status": "completed", "quarantine_reason": "odd"},
            "Quarantined: odd. The shop does not credit it meanwhile.",
        ),
        ({"environment": "elsewhere.example"}, "It can only be viewed."),
    ],
)
def test_each_state_of_a_payment_in_words(client, desk, values, words):
    assert words in client.get(desk.url("channelpayment_change", ChannelPaymentFactory(**values).pk)).text


def test_the_page_of_a_payment_has_its_amounts_and_its_timeline(client, desk):
    payment = desk.topped_up(risk="low")
    page = client.get(desk.url("channelpayment_change", payment.pk))

    for text in (
        f"{payment.paid_amount.normalize():f} BTC",
        f"{payment.received_amount:.2f} EUR",
        f"{payment.fee_amount:.2f} EUR",
        "1 BTC = ",
        payment.txid,
        "channel payment seen",
        "channel payment credited",
        "callback: ChannelPayment",
    ):
        assert text in page.text, text
    seen = next(one for one in page.context["timeline"].entries if one.kind == "channel_payment_created")
    assert ("paid", "0.01 BTC") in seen.facts


def test_an_event_that_failed_is_delivered_by_a_button(client, desk):
    payment = ChannelPaymentFactory(status="completed", received_amount=5)
    event = InvoiceEventFactory(
        invoice=None, channel_payment=payment, subject=payment.pk, kind="channel_payment_completed", attempts=1,
        last_error="Traceback", next_attempt_at=timezone.now() + timedelta(hours=1),
    )  # fmt: skip
    page = client.get(desk.url("channelpayment_change", payment.pk))
    assert "The shop was not notified yet" in page.text
    assert desk.url("channelpayment_retry", payment.pk, event.pk) in page.text

    done = client.post(desk.url("channelpayment_retry", payment.pk, event.pk), follow=True)

    assert "Delivered to the shop." in told(done)


def test_a_release_shows_what_is_accepted_and_takes_a_reason(client, desk, held):
    url = desk.url("channelpayment_release", held.pk)
    form = client.get(url)
    for text in ("Held because: received_currency is USD", "as the gateway reports it", "This moves no money"):
        assert text in form.text
    assert client.post(url, filled(form)).context["form"].errors["reason"]

    page = client.post(url, filled(form, reason="the account was switched"), follow=True)

    held.refresh_from_db()
    assert (held.quarantine_reason, held.received_currency, held.credited_amount) == ("", "USD", 500)
    assert "Released." in told(page)
    assert "received_currency: EUR → USD" in page.text
    event = held.events.get(kind="channel_payment_released")
    assert (event.actor, event.detail["reason"]) == ("finance", "the account was switched")
    assert "the account was switched" in LogEntry.objects.get().change_message


def test_what_has_changed_meanwhile_is_not_released(client, desk, held):
    url = desk.url("channelpayment_release", held.pk)
    form = filled(client.get(url), reason="right")
    ChannelPayment.objects.filter(pk=held.pk).update(version=held.version + 1)

    page = client.post(url, form)
    release_channel_payment(ChannelPayment.objects.get(), actor="bert", reason="right")
    late = client.post(url, form, follow=True)

    assert "has changed meanwhile" in told(page)
    assert page.context["form"].initial["version"] == str(held.version + 1)
    assert page.context["form"].initial["reason"] == "right"
    assert "has changed meanwhile" in told(late)
    assert late.request["PATH_INFO"] == desk.url("channelpayment_change", held.pk)
    assert ChannelPayment.objects.get().events.filter(kind="channel_payment_released").count() == 1


def test_refreshing_a_payment_shows_what_the_gateway_reports(client, desk):
    channel = desk.channel()
    desk.sandbox.pay(channel, "0.01")
    desk.sandbox.deliver()
    payment = channel.payments.get()
    desk.sandbox.confirm(channel)

    page = client.post(desk.url("channelpayment_refresh", payment.pk), follow=True)
    again = client.post(desk.url("channelpayment_refresh", payment.pk), follow=True)

    assert "The payment was updated." in told(page)
    assert "The gateway reports no change." in told(again)
    assert ChannelPayment.objects.get().status == "completed"


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"waits": "me"}, 1),
        ({"status": "on_hold"}, 2),
        ({"context": "channel_disabled"}, 1),
        ({"quarantined": "no"}, 3),
        ({"risk": "high"}, 1),
        ({"coin": "BTC"}, 4),
        ({"seen_at": "30"}, 3),
        ({"context": "odd"}, 4),
    ],
)
def test_the_filters_of_payments(client, desk, query, count):
    ChannelPaymentFactory(quarantine_reason="odd")
    ChannelPaymentFactory(status="on_hold", status_context="channel_disabled")
    ChannelPaymentFactory(status="on_hold", status_context="illicit_resource", risk_level="high")
    ChannelPaymentFactory(seen_at=timezone.now() - timedelta(days=99))

    assert len(rows(client.get(desk.url("channelpayment_changelist"), query))) == count


def test_nothing_waits_for_those_who_may_not_release(login, desk, held):
    assert rows(login("viewer").get(desk.url("channelpayment_changelist"), {"waits": "me"})) == []


@pytest.mark.parametrize("name", ["pk", "gateway_id", "txid", "address", "owner"])
def test_a_payment_is_found_by_what_names_it_or_its_channel(client, desk, name):
    payment = ChannelPaymentFactory(channel=desk.channel())
    ChannelPaymentFactory()
    named = {"address": payment.channel.address, "owner": payment.channel.owner_object_id}

    found = client.get(desk.url("channelpayment_changelist"), {"q": named.get(name) or str(getattr(payment, name))})

    assert rows(found) == [payment]


def test_the_list_of_payments_costs_the_same_for_two_and_for_twenty(client, desk):
    url = desk.url("channelpayment_changelist")

    def cost():
        client.get(url)
        with CaptureQueriesContext(connection) as queries:
            client.get(url)
        return len(queries)

    ChannelPaymentFactory.create_batch(2)
    few = cost()
    ChannelPaymentFactory.create_batch(18)

    assert cost() == few


def test_the_overview_counts_what_is_held_and_leads_to_it(client, desk, held):
    other = ChannelPaymentFactory(status="on_hold", status_context="illicit_resource")
    ChannelFactory(quarantine_reason="odd")

    page = client.get(desk.url("invoice_overview"))

    assert tasks(page) == {
        "Clear up: channel payments quarantined here": 1,
        "Clear up: quarantined channels": 1,
        "Wait: channel payments on hold at the gateway": 1,
    }
    assert [task.money for task, _oldest in page.context["tasks"]] == [
        [f"{amount:f} {coin}"] if amount else []
        for amount, coin in ((held.paid_amount.normalize(), "BTC"), (0, ""), (other.paid_amount.normalize(), "BTC"))
    ]
    for link in ("channelpayment/?quarantined=yes", "channelpayment/?status=on_hold", "channel/?quarantined=yes"):
        assert f"/admin/cryptopay_django/{link}" in page.text
