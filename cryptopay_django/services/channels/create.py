"""Creates a channel: one for an owner, coin, network and currency. Writes our row first, then calls the gateway.

Several requests may work on a row that has no gateway id yet. Each request that starts increases the row's version.
A request may delete the row only if the version is still the one that it has set.
"""

from __future__ import annotations

import uuid
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, models

from ...conf import get_account
from ...exceptions import (
    ChannelBusyError,
    ChannelHeldError,
    ChannelRequestError,
    CreationUnknownError,
    GatewayConflictError,
    GatewayError,
    GatewayNotFoundError,
    GatewayRefusedError,
)
from ...gateway.channels import ChannelSnapshot
from ...gateway.currencies import check_pay_currency, check_price_currency
from ...models import Channel
from ...models.channel import slot_of
from ...models.locking import write_transaction
from ...models.orders import order_exists, order_pointer
from ...redaction import hide_locals
from ..accounts import client_of, resolve_account
from ..invoices.account_coins import coins_for
from ..invoices.create_at_gateway import committed
from .channel_rows import apply_channel

_SENT = (
    "name", "pay_currency", "receiver_currency", "network", "description", "custom_id", "customer_id",
)  # fmt: skip
_ROUNDS = 5


@hide_locals
def create_channel(
    owner: models.Model,
    *,
    pay_currency: str,
    receiver_currency: str,
    network: str | None = None,
    account: str | None = None,
    customer_id: str | None = None,
    name: str | None = None,
    description: str | None = None,
) -> Channel:
    """Create a channel at the gateway, or find the one that the owner has, and return it with its address.

    `owner` is any saved object of the shop: a user, a wallet. What arrives, in the coin `pay_currency`, is credited
    in `receiver_currency`, fiat or coin. Without `network` it is the first that is known here of the coin. One owner
    has one enabled channel for a coin, network, currency and account: a later call returns it as it is, also where
    `name`, `description` or `customer_id` are others. After `disable_channel` a call makes a new one. Without
    `account` the setting CRYPTOPAY_ACCOUNT_RESOLVER chooses it.

    1. Check the request (ChannelRequestError, CurrencyError, NetworkError: nothing was written or sent).
    2. Write our row and commit it: hence TransactionOpenError inside a transaction.
    3. Call. After an unclear answer look for the channel by our UUID, its custom_id; when that is not answered either,
       CreationUnknownError: call again. Refused, or never sent: GatewayError, and this call leaves no row.
    4. Merge the answer; another coin, network or currency than asked for quarantines it: ChannelHeldError.
    """
    request = {
        "pay_currency": pay_currency,
        "receiver_currency": receiver_currency,
        "network": network,
        "customer_id": customer_id,
        "name": name,
        "description": description,
    }
    wanted = _wanted(owner, request, account=account)
    with committed():
        pass  # refuses a transaction before anything else, also where nothing would have to be written
    for _ in range(_ROUNDS):
        standing = Channel.objects.primary().filter(slot=wanted.slot).first()
        if standing is None:
            if _write_first(wanted, owner):
                return _finish(wanted, is_new=True)
        elif taken_up := _take_up(standing):
            return _finish(taken_up, is_new=False)
    raise ChannelBusyError(f"the channels of {owner._meta.label} {owner.pk} keep changing: try again")


def _wanted(owner: models.Model, request: dict[str, Any], *, account: str | None) -> Channel:
    """Return the unsaved row of a checked request."""
    for name, value in request.items():
        if isinstance(value, str) and "\x00" in value:
            raise ChannelRequestError(f"{name} contains a NUL character, which no database can store")
    try:
        pointer = {name.replace("order_", "owner_", 1): value for name, value in order_pointer(owner).items()}
    except ValueError as error:
        raise ChannelRequestError(f"the owner of a channel: {error}") from error
    if pointer["owner_content_type"] is None:
        raise ChannelRequestError("a channel needs an owner: any saved object of the shop, such as a user")
    account = account or resolve_account(owner, request)
    pay_currency, receiver_currency, network = (
        request[name] for name in ("pay_currency", "receiver_currency", "network")
    )
    coins = coins_for(account, price_currency=receiver_currency, pay_currency=pay_currency, network=network or "")
    check_pay_currency(pay_currency, network, coins=coins)
    check_price_currency(receiver_currency, coins=coins)
    key, default_name = uuid.uuid4(), f"{owner._meta.label} {owner.pk}"
    values = {name: value or "" for name, value in request.items()}
    values["network"] = values["network"] or next(iter(coins[pay_currency]))
    values["name"] = values["name"] or default_name
    environment = get_account(account).environment
    channel = Channel(id=key, custom_id=str(key), account=account, environment=environment, **values, **pointer)
    channel.slot = slot_of(owner, channel)
    try:
        channel.clean_fields(exclude=["owner_content_type"])
    except ValidationError as error:
        raise ChannelRequestError("; ".join(f"{k}: {' '.join(v)}" for k, v in error.message_dict.items())) from error
    return channel


def _write_first(channel: Channel, owner: models.Model) -> bool:
    """Insert and commit the row, if its owner is there; return False where another request was first."""
    try:
        with committed():
            Channel.objects.insert(channel)
            if not order_exists(owner):
                raise ChannelRequestError(
                    f"{owner._meta.label} {owner.pk} is not in the database: was its transaction rolled back, or the "
                    "row deleted? Save and commit it first"
                )
    except IntegrityError:
        return False
    return True


def _take_up(standing: Channel) -> Channel | None:
    """Return the row of an earlier call as it is now, None if it is gone. Keeps that call from deleting it."""
    if standing.gateway_id is not None:
        return standing
    with committed():
        row = Channel.objects.lock(pk=standing.pk)
        if row is not None and row.gateway_id is None:
            Channel.objects.change(row, version=row.version + 1)
    return row


def _finish(channel: Channel, *, is_new: bool) -> Channel:
    """Make sure that the gateway has the channel, and return the row with what it answered."""
    if channel.gateway_id is None:
        taken = apply_channel(channel.pk, _call(channel, is_new=is_new))
        if taken is None:
            raise CreationUnknownError(
                f"the row of channel {channel.pk} was deleted while the gateway made it: call create_channel again"
            )
        channel = taken
    if channel.quarantine_reason:
        raise ChannelHeldError(f"channel {channel.pk} is held for a person: {channel.quarantine_reason}")
    return channel


def _call(channel: Channel, *, is_new: bool) -> ChannelSnapshot:
    """Make the channel at the gateway, or find the one that an earlier try has made there."""
    if not is_new and (found := _look_for(channel, None)):
        return found
    try:
        return client_of(channel).create_channel(
            **{name: value for name in _SENT if (value := getattr(channel, name))},
        )
    except GatewayError as error:
        is_clear = not error.outcome_unknown and not isinstance(error, GatewayConflictError)
        if is_clear and is_new:
            _delete(channel)
            raise
        if is_clear and isinstance(error, GatewayRefusedError):
            raise
        if found := _look_for(channel, error):
            return found
        raise _unknown(channel, error) from error


def _look_for(channel: Channel, doubt: GatewayError | None) -> ChannelSnapshot | None:
    """Return what the gateway has under our UUID, or None; raise CreationUnknownError if it does not say."""
    try:
        return client_of(channel).retrieve_channel_by_custom_id(channel.custom_id)
    except GatewayNotFoundError:
        return None
    except GatewayError as error:
        raise _unknown(channel, doubt or error) from error


def _delete(channel: Channel) -> None:
    """Delete the row of a channel that the gateway does not have, unless another request has taken it up."""
    with write_transaction(Channel):
        row = Channel.objects.lock(pk=channel.pk)
        if row is not None and row.gateway_id is None and row.version == channel.version:
            row.delete()


def _unknown(channel: Channel, error: GatewayError) -> CreationUnknownError:
    return CreationUnknownError(
        f"the gateway gave no clear answer for channel {channel.pk} ({error}); call create_channel again for the same "
        "owner: it can never make two"
    )
