"""Serves the calls of channels and their payments: what each reads and answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import channel_payments
from .channel_payments import ChannelForm
from .channels import Channel, ChannelStatus
from .forms import Problems, check_uuid, is_missing, read_currency, read_network, read_text
from .refusals import RefusalError, not_one_of
from .routing import Call, page_of, route
from .simulated_coins import Coin, coins_of, currencies_of


def read_channel(body: dict[str, Any], coins: Mapping[str, Coin]) -> ChannelForm:
    """Check a request for a channel; `coins` are those that there are."""
    problems = Problems()
    name = read_text(body, "name", problems)
    if body.get("name") in {None, ""}:
        problems.add(is_missing("name"))
    coin = coins.get(read_currency(body, "pay_currency", problems, known=coins))
    receiver = read_currency(body, "receiver_currency", problems, known=currencies_of(coins))
    network = read_network(body, coin, problems)
    texts = {field: read_text(body, field, problems) for field in ("description", "custom_id", "customer_id")}
    problems.check()
    assert coin is not None  # noqa: S101 - a missing coin was noted as a problem
    return ChannelForm(
        name=str(name),
        description=texts["description"],
        receiver_currency=receiver,
        coin=coin,
        network=network,
        custom_id=texts["custom_id"] or None,
        customer_id=texts["customer_id"] or None,
    )


def read_changes(body: dict[str, Any]) -> dict[str, Any]:
    """Check a request to change a channel and return what changes; what cannot change is passed over."""
    problems = Problems()
    changes: dict[str, Any] = {
        field: read_text(body, field, problems) for field in ("name", "description", "customer_id") if field in body
    }
    if "name" in body and body["name"] in {None, ""}:
        problems.add(is_missing("name"))
    if "status" in body:
        if body["status"] not in set(ChannelStatus):
            problems.add(not_one_of("status", ChannelStatus))
        else:
            changes["status"] = ChannelStatus(body["status"])
    problems.check()
    return changes


def _find(call: Call) -> Channel:
    try:
        return channel_payments.find_channel(call.state, check_uuid(call.parts[0], "channel_id"))
    except RefusalError as refusal:
        if refusal.details:
            refusal.status = int(call.state.variants["wrong_channel_id"])
        raise


def _create(call: Call) -> tuple[int, Any]:
    form = read_channel(call.body, coins_of(call.state.variants["coins"]))
    return 201, channel_payments.create_channel(call.state, form).to_wire()


def _list(call: Call) -> tuple[int, Any]:
    customer = call.query.get("customer_id")
    channels = [one for one in reversed(call.state.channels.values()) if customer in {None, one.customer_id}]
    return 200, page_of(call, channels)


def _show(call: Call) -> tuple[int, Any]:
    return 200, _find(call).to_wire()


def _show_by_custom_id(call: Call) -> tuple[int, Any]:
    return 200, channel_payments.find_channel_by_custom_id(call.state, call.parts[0]).to_wire()


def _change(call: Call) -> tuple[int, Any]:
    channel, changes = _find(call), read_changes(call.body)
    return 200, channel_payments.change_channel(call.state, channel, changes, call.now).to_wire()


def _list_payments(call: Call) -> tuple[int, Any]:
    return 200, page_of(call, [*reversed(_find(call).payments)])


def _show_payment(call: Call) -> tuple[int, Any]:
    channel, payment_id = _find(call), check_uuid(call.parts[1], "channel_payment_id")
    return 200, channel_payments.find_payment(channel, payment_id).to_wire()


ROUTES = (
    route("POST", "/api/channels", "channels", _create),
    route("GET", "/api/channels", "channels", _list),
    route("GET", "/api/channels/custom_id/{}", "channels", _show_by_custom_id),
    route("GET", "/api/channels/{}", "channels", _show),
    route("PATCH", "/api/channels/{}", "channels", _change),
    route("GET", "/api/channels/{}/payments", "channels", _list_payments),
    route("GET", "/api/channels/{}/payments/{}", "channels", _show_payment),
)
