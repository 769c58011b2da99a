"""Calculates how much of a completed invoice can still be refunded. Pure arithmetic on rows: no query, no call.

It counts in the price currency, at the rate of the order: at most what was credited for the invoice. Each refund
reduces it by the part of the price that the refund returns. So several refunds, in either currency, never return more
than was paid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_UP, Decimal

from ...conf import app_settings
from ...exceptions import AmountError, CurrencyError, NetworkError, NotResolvableError, Obstacle, RefundAmountError
from ...fields import EXACT, canonical
from ...gateway.currencies import check_amount, precision_of
from ...models import Invoice, Refund, RefundStatus

_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class RefundableAmount:
    """The amount that can still be sent back: in the price currency, and in the coin at the rate of the order.

    `amount` is None where it is not known how many coins were credited. Both are rounded down to their currency.
    """

    value_amount: Decimal
    price_currency: str
    amount: Decimal | None
    pay_currency: str


@dataclass(frozen=True, slots=True)
class Share:
    """An amount to send back, as it was asked for, and what that returns of the price."""

    amount: Decimal
    currency: str
    value_amount: Decimal


def refundable_amount_of(invoice: Invoice, rows: Sequence[Refund]) -> RefundableAmount:
    """Return what is left of a completed invoice after the refunds on record; those that have failed do not count."""
    counted = [row for row in rows if row.status != RefundStatus.FAILED]
    credited = invoice.settled_amount or _ZERO
    coins, all_coins = credited_coins(invoice, counted), credited_coins(invoice, ())
    value = credited
    if coins < all_coins:  # the gateway has sent back itself what it had credited
        value = EXACT.divide(EXACT.multiply(credited, coins), all_coins)
    for row in counted:
        if row.is_withdrawal:
            # One of unknown value counts as everything.
            value = EXACT.subtract(value, credited if row.value_amount is None else row.value_amount)
    unit = unit_of(invoice, invoice.price_currency)
    value = canonical(max(value, _ZERO).quantize(unit, rounding=ROUND_DOWN, context=EXACT))
    amount = None
    if all_coins and credited:
        share = EXACT.divide(EXACT.multiply(all_coins, value), credited)
        amount = share.quantize(unit_of(invoice, invoice.pay_currency), rounding=ROUND_DOWN, context=EXACT)
    return RefundableAmount(value, invoice.price_currency, amount, invoice.pay_currency)


def credited_coins(invoice: Invoice, rows: Sequence[Refund]) -> Decimal:
    """Return how many of the paid coins were credited, and are not sent back by the gateway itself.

    Its refunds of an overage take nothing of them. Where no more than the price was credited, no more coins count than
    it took, also while a refund of the overage is not on record yet.
    """
    coins = invoice.paid_amount
    for row in rows:
        if not row.is_withdrawal and row.currency == invoice.pay_currency and row.status != RefundStatus.FAILED:
            coins = EXACT.subtract(coins, row.amount)
    if invoice.pay_amount and (invoice.settled_amount or _ZERO) <= invoice.price_amount:
        coins = min(coins, invoice.pay_amount)
    return max(coins, _ZERO)


def share_of(
    invoice: Invoice, rows: Sequence[Refund], *, amount: Decimal | int | str | None, currency: str | None
) -> Share:
    """Return the share of what is left that an amount is; None stands for all of it, and for the price currency.

    Raises RefundAmountError for an amount that is not valid or more than is left, NotResolvableError where nothing is
    left.
    """
    left = refundable_amount_of(invoice, rows)
    currency = currency or invoice.price_currency
    if currency not in (invoice.price_currency, invoice.pay_currency):
        raise RefundAmountError(
            f"invoice {invoice.pk} is refunded in {invoice.price_currency} or {invoice.pay_currency}, not {currency}"
        )
    is_price = currency == invoice.price_currency
    most = left.value_amount if is_price else left.amount
    if most is None:
        raise RefundAmountError(
            f"it is not known how many {currency} were credited for invoice {invoice.pk}: give an amount in "
            f"{invoice.price_currency}"
        )
    if not most:
        raise NotResolvableError(
            f"nothing is left to refund of invoice {invoice.pk}: all of it was sent back, or is on its way",
            obstacle=Obstacle.NOTHING_LEFT,
        )
    if amount is None:
        return Share(most, currency, left.value_amount)
    try:
        network = None if is_price else invoice.network or None
        asked = check_amount(amount, currency, network=network, coins=app_settings.coins)
    except (AmountError, CurrencyError, NetworkError) as error:
        raise RefundAmountError(str(error)) from error
    if asked > most:
        raise RefundAmountError(
            f"{asked:f} {currency} is more than is left to refund of invoice {invoice.pk}: {most:f} {currency}"
        )
    if is_price or asked == most:
        return Share(asked, currency, asked if is_price else left.value_amount)
    part = EXACT.divide(EXACT.multiply(left.value_amount, asked), most)
    # Rounded up: what is left afterwards is never too much.
    value = part.quantize(unit_of(invoice, invoice.price_currency), rounding=ROUND_UP, context=EXACT)
    return Share(asked, currency, min(value, left.value_amount))


def unit_of(invoice: Invoice, currency: str) -> Decimal:
    """Return the smallest amount of a currency of an invoice: 0.01 of EUR."""
    network = invoice.network if currency == invoice.pay_currency else None
    try:
        places = precision_of(currency, network or None, coins=app_settings.coins)
    except (CurrencyError, NetworkError):
        places = 8
    return Decimal(1).scaleb(-places)
