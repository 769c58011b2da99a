"""Creating a channel: one for an owner, whatever the gateway and other requests do; refreshing and switching it."""

from __future__ import annotations

import threading
import uuid
from contextlib import suppress
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.core.cache import cache
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from cryptopay_django.exceptions import (
    ChannelHeldError,
    ChannelInUseError,
    ChannelRequestError,
    CreationUnknownError,
    CurrencyError,
    GatewayError,
    GatewayTimeoutError,
    GatewayUnreachableError,
    GatewayValidationError,
    InvoiceChangedError,
    NetworkError,
    NotPermittedError,
    OtherEnvironmentError,
    ProtectedColumnError,
    TransactionOpenError,
)
from cryptopay_django.models import Channel
from cryptopay_django.models.channel import slot_of
from cryptopay_django.services import (
    create_channel,
    disable_channel,
    enable_channel,
    reconcile_channels,
    refresh_channel,
)
from cryptopay_django.testing.factories import ChannelFactory
from tests.services.topping import channel_of, customer

pytestmark = pytest.mark.django_db

CREATION = r"POST /api/channels"
LOOKUP = r"GET /api/channels/custom_id/.*"
SWITCH = r"PATCH .*"


def test_a_channel_has_an_address_that_stays_the_owners(wire):
    owner = customer()

    channel = channel_of(owner)

    assert channel.address
    assert channel.gateway_id
    assert channel.is_open
    assert (channel.pay_currency, channel.network, channel.receiver_currency) == ("BTC", "bitcoin", "EUR")
    assert (channel.owner, channel.custom_id) == (owner, str(channel.pk))
    assert channel_of(owner).pk == channel.pk
    assert wire.count(CREATION) == 1
    assert list(Channel.objects.for_owner(owner)) == [channel]


def test_each_coin_network_currency_owner_and_account_has_a_channel_of_its_own(wire):
    owner = customer()
    channels = [
        channel_of(owner),
        channel_of(owner, pay_currency="ETH"),
        channel_of(owner, network="bnb_smart_chain"),
        channel_of(owner, receiver_currency="USD"),
        channel_of(owner, receiver_currency="BTC"),
        channel_of(owner, account="second"),
        channel_of(customer("bert")),
        channel_of(get_user_model().objects.create(username="wallet")),
    ]

    assert len({channel.pk for channel in channels}) == len({channel.address for channel in channels}) == 8


def test_a_network_that_is_left_out_is_the_coins_first_one(wire):
    owner = customer()

    assert channel_of(owner).pk == channel_of(owner, network="bitcoin").pk


def test_a_coin_that_only_the_account_lists_can_be_paid_in(wire, settings):
    cache.clear()
    wire.change(
        r"GET /api/coins",
        lambda data: data.append({"currency": "NEW", "networks": [{"network": "newnet", "precision": 4}]}),
    )

    with suppress(GatewayError):  # the sandbox lists it, and does not have it
        channel_of(pay_currency="NEW")

    assert wire.count(CREATION) == 1
    with pytest.raises(NetworkError, match="newnet"):
        channel_of(pay_currency="NEW", network="tron")


def test_one_owner_that_is_loaded_as_two_models_has_one_channel(wire):
    class Proxy(Group):
        class Meta:
            proxy = True
            app_label = "auth"

    owner = customer()

    assert channel_of(Proxy.objects.get(pk=owner.pk)).pk == channel_of(owner).pk


@pytest.mark.parametrize(
    ("owner", "request_", "error", "said"),
    [
        (lambda: Group(name="new"), {}, ChannelRequestError, "save"),
        (lambda: Group(pk=999, name="gone"), {}, ChannelRequestError, "save"),
        (lambda: None, {}, ChannelRequestError, "owner"),
        (lambda: "anna", {}, ChannelRequestError, "saved model instance"),
        (customer, {"pay_currency": "EUR"}, CurrencyError, "EUR"),
        (customer, {"pay_currency": "btc"}, CurrencyError, "BTC"),
        (customer, {"receiver_currency": "XYZ"}, CurrencyError, "XYZ"),
        (customer, {"network": "tron"}, NetworkError, "tron"),
        (customer, {"name": "a\x00b"}, ChannelRequestError, "name"),
        (customer, {"name": "a" * 256}, ChannelRequestError, "name"),
        (customer, {"customer_id": "a" * 129}, ChannelRequestError, "customer_id"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written_or_sent(wire, owner, request_, error, said):
    asked = {"pay_currency": "BTC", "receiver_currency": "EUR", **request_}

    with pytest.raises(error, match=said):
        create_channel(owner(), **asked)

    assert [one for one in wire.asked if one != "GET /api/coins"] == []
    assert Channel.objects.count() == 0


def test_an_owner_whose_row_is_gone_is_refused(wire):
    owner = customer()
    Group.objects.all().delete()

    with pytest.raises(ChannelRequestError, match="not in the database"):
        channel_of(owner)

    assert (wire.asked, Channel.objects.count()) == ([], 0)


@pytest.mark.django_db(transaction=True)
def test_no_call_is_made_inside_a_transaction(wire):
    owner = customer()
    channel = channel_of(owner)
    asked = len(wire.asked)

    for act in (lambda: channel_of(owner), lambda: disable_channel(channel), lambda: enable_channel(channel)):
        with transaction.atomic(), pytest.raises(TransactionOpenError):
            act()

    assert len(wire.asked) == asked


@pytest.mark.parametrize(
    ("fault", "error"), [("refused", GatewayValidationError), ("unreachable", GatewayUnreachableError)]
)
def test_a_creation_that_certainly_has_not_happened_leaves_no_row(wire, fault, error):
    wire.fail(CREATION, fault)

    with pytest.raises(error):
        channel_of()

    assert Channel.objects.count() == 0
    wire.heal()
    assert channel_of().address


@pytest.mark.parametrize("fault", ["timeout", "reset", "5xx", "unreadable", "proxy 409", "proxy 404"])
@pytest.mark.parametrize("after_effect", [True, False])
def test_after_an_unclear_answer_the_channel_is_looked_for_and_never_made_twice(wire, fault, after_effect):
    owner = customer()
    wire.fail(CREATION, fault, after_effect=after_effect)

    try:
        channel_of(owner)
    except CreationUnknownError:
        assert not after_effect
    wire.heal()
    channel = channel_of(owner)

    assert channel.address
    assert len(wire.sandbox.account().state.channels) == 1
    assert Channel.objects.count() == 1


def test_while_nobody_says_what_became_of_a_creation_the_row_stays(wire):
    wire.fail(rf"{CREATION}|{LOOKUP}", "timeout", after_effect=True)

    with pytest.raises(CreationUnknownError, match="can never make two"):
        channel_of()

    assert Channel.objects.get().gateway_id is None
    wire.heal()
    assert channel_of().pk == Channel.objects.get().pk
    assert wire.count(CREATION) == 1, "the second call has looked before it asked"


def test_a_channel_with_another_currency_than_asked_for_is_held_and_not_shown(wire):
    wire.change(CREATION, lambda data: data.update(receiver_currency="USD"))

    with pytest.raises(ChannelHeldError, match="receiver_currency"):
        channel_of()

    channel = Channel.objects.get()
    assert (channel.is_open, channel.address) == (False, "")
    assert channel.contradicted == {"receiver_currency": "USD"}


def test_an_address_that_changes_holds_the_channel(wire):
    channel = channel_of()
    wire.change(r"GET /api/channels/.*", lambda data: data.update(address="2N7eWx1pLbvcQhRfkz3dYt6sGm0001"))

    held = refresh_channel(channel)

    assert held.address == channel.address
    assert "address" in held.quarantine_reason
    assert not held.is_open
    assert refresh_channel(held).version == held.version, "once"


@pytest.mark.parametrize("blank", [None, ""])
def test_a_channel_is_not_shown_before_the_gateway_names_its_address(wire, blank):
    wire.change(CREATION, lambda data: data.update(address=blank, uri=blank))

    channel = channel_of()

    assert (channel.is_open, channel.address, channel.uri) == (False, "", "")
    assert refresh_channel(channel).is_open


@pytest.mark.parametrize("space", [" ", "\u3000"])
def test_an_address_of_spaces_is_no_answer_about_a_channel(wire, space):
    owner = customer()
    for call in (CREATION, LOOKUP):
        wire.change(call, lambda data: data.update(address=space))
    with pytest.raises(CreationUnknownError, match="has spaces"):
        channel_of(owner)

    assert not Channel.objects.get().is_open


def test_a_disabled_channel_makes_room_for_another(wire):
    owner = customer()
    first = channel_of(owner)

    disabled = disable_channel(first)
    second = channel_of(owner)

    assert (disabled.status, disabled.is_open) == ("disabled", False)
    assert second.pk != first.pk
    with pytest.raises(ChannelInUseError, match=str(second.pk)):
        enable_channel(disabled)
    disable_channel(second)
    assert enable_channel(disabled).is_open
    assert channel_of(owner).pk == first.pk


def test_a_channel_that_is_switched_in_the_account_is_followed(wire):
    owner = customer()
    channel = channel_of(owner)
    wire.sandbox.change_channel(channel, "disabled")

    assert refresh_channel(channel).status == "disabled"
    other = channel_of(owner)
    wire.sandbox.change_channel(channel, "enabled")
    again = refresh_channel(channel)

    assert (again.status, again.slot) == ("enabled", None), "the other one is the owner's now"
    assert channel_of(owner).pk == other.pk


def test_a_switch_without_an_answer_is_looked_at(wire):
    channel = channel_of()
    wire.fail(SWITCH, "timeout", after_effect=True)

    assert disable_channel(channel).status == "disabled"

    wire.fail(SWITCH, "timeout")
    with pytest.raises(GatewayTimeoutError):
        enable_channel(channel)
    assert Channel.objects.get().status == "disabled"


def test_a_channel_of_another_environment_is_neither_reused_nor_asked_about(wire):
    owner = customer()
    old = ChannelFactory(owner=owner, environment="production")

    channel = channel_of(owner)

    assert channel.pk != old.pk
    with pytest.raises(OtherEnvironmentError, match="channel"):
        refresh_channel(old)


def test_a_channel_that_the_gateway_has_not_confirmed_cannot_be_switched(wire):
    with pytest.raises(ChannelRequestError, match="call create_channel again"):
        disable_channel(ChannelFactory(gateway_id=None))


def test_a_switch_needs_the_users_permission_and_what_the_person_saw(wire):
    channel = channel_of()
    user = get_user_model().objects.create(username="staff", is_staff=True)
    asked = len(wire.asked)

    with pytest.raises(NotPermittedError, match="switch_channel"):
        disable_channel(channel, actor=user)
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_channel", "switch_channel"]))
    with pytest.raises(InvoiceChangedError):
        disable_channel(channel, actor=user, expected_version=channel.version - 1)
    with pytest.raises(ChannelRequestError, match="actor"):
        disable_channel(channel, actor=" ")
    assert len(wire.asked) == asked, "nothing was sent"
    assert disable_channel(channel, actor=user, expected_version=channel.version).status == "disabled"


def test_a_permission_that_was_taken_away_meanwhile_counts(wire):
    channel = channel_of()
    user = get_user_model().objects.create(username="staff", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_channel", "switch_channel"]))
    assert user.has_perm("cryptopay_django.switch_channel")
    user.user_permissions.clear()

    with pytest.raises(NotPermittedError):
        disable_channel(channel, actor=user)
    assert Channel.objects.get().status == "enabled"


def test_a_channel_that_was_deleted_meanwhile_is_not_switched(wire):
    channel = channel_of()
    Channel.objects.filter(pk=channel.pk).delete()

    with pytest.raises(ChannelRequestError, match="does not exist any more"):
        disable_channel(channel)


def test_an_old_object_that_a_shop_saves_undoes_nothing(wire):
    channel = channel_of()
    old = Channel.objects.get(pk=channel.pk)
    disable_channel(channel)

    old.customer_id = "c-17"
    old.save()

    row = Channel.objects.get(pk=channel.pk)
    assert (row.status, row.slot, row.customer_id) == ("disabled", None, "c-17")
    row.address = "elsewhere"
    with pytest.raises(ProtectedColumnError, match="address"):
        row.save()


def test_the_database_itself_refuses_a_second_channel_of_an_owner():
    owner = customer()
    first = ChannelFactory(owner=owner)
    assert first.slot == slot_of(owner, first)

    with pytest.raises(IntegrityError), transaction.atomic():
        ChannelFactory(owner=owner)
    ChannelFactory(owner=owner, status="disabled")
    ChannelFactory(owner=owner, receiver_currency="USD")


def race(wire):
    """Let four requests ask for the same channel at once; return what they got, and how many the gateway has."""
    owner, together, found = customer(), threading.Barrier(4), []

    def ask():
        try:
            together.wait()
            found.append(channel_of(owner))
        finally:
            connection.close()

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    return {channel.pk for channel in found}, len(wire.sandbox.account().state.channels)


@pytest.mark.django_db(transaction=True)
def test_requests_that_come_at_once_all_get_the_same_channel(wire):
    ours, theirs = race(wire)

    assert (len(ours), theirs) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_without_one_slot_for_all_requests_that_come_at_once_make_several(wire, monkeypatch):
    """The control: nothing but the constraint on the slot keeps them to one."""
    monkeypatch.setattr("cryptopay_django.services.channels.create.slot_of", lambda *_: uuid.uuid4().hex)

    ours, theirs = race(wire)

    assert (len(ours), theirs) == (4, 4)


@pytest.mark.parametrize("died", [True, False])
def test_a_switch_whose_outcome_nobody_has_learned_is_looked_at_in_the_next_round(wire, died):
    channel = channel_of()
    Channel.objects.update(payments_due_at=timezone.now() + timedelta(days=7))
    if died:
        wire.after_each(SWITCH, exit_process)
    else:
        wire.fail(rf"{SWITCH}|GET .*", "timeout", after_effect=True)

    with pytest.raises(SystemExit if died else GatewayTimeoutError):
        disable_channel(channel)

    assert Channel.objects.get().status == "enabled"
    wire.heal()
    reconcile_channels()
    assert Channel.objects.get().status == "disabled"


def exit_process():
    raise SystemExit


@pytest.mark.parametrize("changes", [{"environment": "elsewhere.example"}, {"account": "gone"}])
def test_an_address_that_the_account_does_not_have_any_more_is_not_shown(wire, changes):
    channel = channel_of()
    assert channel.is_open

    Channel.objects.update(**changes)

    assert not Channel.objects.get().is_open
