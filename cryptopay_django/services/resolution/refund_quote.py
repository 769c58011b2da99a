"""Quotes what it costs now to send back what a completed invoice was paid. A quote moves no money.

The gateway sends the coins as a withdrawal: it makes a preview, which can be committed for 30 seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

from django.utils import timezone

from ...exceptions import (
    FeeBearerError,
    GatewayAnswerError,
    GatewayError,
    GatewayPermissionError,
    GatewayValidationError,
    NotResolvableError,
    RefundRefusedError,
)
from ...fields import EXACT
from ...gateway.answers import Reason, read_reasons
from ...gateway.tags import for_withdrawal, is_same_place
from ...gateway.withdrawals import CoinWithdrawal
from ...models import Invoice, Resolution
from ..accounts import client_of
from ..snapshots.refund_rows import refunds_of
from ..snapshots.withdrawal_rows import PREVIEW, present_value
from .refund_destination import checked_address
from .refundable_amount import Share, refundable_amount_of, share_of
from .rules import check_returnable
from .signed_quotes import QUOTE_LIFE, SealedQuote


class FeeBearer(StrEnum):
    """The party that bears the network's fee. The fee of the gateway is the merchant's."""

    MERCHANT = "merchant"
    CUSTOMER = "customer"


@dataclass(frozen=True, slots=True)
class RefundQuote(SealedQuote):
    """The cost of a refund of a completed invoice, the amount that arrives, and the time until it can be committed.

    `amount` in `currency` is what was asked for, `value_amount` what that returns of the price. `charged_amount` is
    taken from the merchant's account in `charged_currency`, with every fee in it; `balance_amount` is what that
    account has, None where it could not be read. `received_amount` arrives, in `pay_currency`; the network's fee is in
    the same coin. `exchange_rate` is the gateway's, empty without exchange. What is left to refund, before this one,
    is `left_value_amount` in the price currency, `left_amount` in the coin. `invoice_version` is the state of the
    invoice it was made for.
    """

    salt = "cryptopay_django.refund_quote"

    invoice_id: UUID
    invoice_version: int
    resolution_id: UUID
    custom_id: str
    withdrawal_id: UUID
    amount: Decimal
    currency: str
    value_amount: Decimal
    price_currency: str
    pay_currency: str
    address: str
    network: str
    without_tag: bool
    network_fee_borne_by: str
    charged_amount: Decimal
    charged_currency: str
    received_amount: Decimal
    network_fee_amount: Decimal | None
    network_fee_level: str | None
    fee_amount: Decimal | None
    fee_currency: str | None
    exchange_rate: Decimal | None
    balance_amount: Decimal | None
    left_value_amount: Decimal
    left_amount: Decimal | None
    expires_at: datetime


def left_to_refund(invoice: Invoice) -> Decimal:
    """Return what can still be sent back of a completed invoice, in its price currency; zero for any other.

    Refunds that are pending, on hold or not known yet count as sent. Reads rows; asks nobody and locks nothing.
    """
    row = Invoice.objects.primary().get(pk=invoice.pk)
    try:
        check_returnable(row)
    except NotResolvableError:
        return Decimal(0)
    return refundable_amount_of(row, refunds_of(row)).value_amount


def quote_refund(
    invoice: Invoice,
    *,
    address: str,
    amount: Decimal | int | str | None = None,
    currency: str | None = None,
    tag: str | None = None,
    without_tag: bool = False,
    network_fee_borne_by: str = FeeBearer.MERCHANT,
) -> RefundQuote:
    """Ask the gateway what it costs to send an amount of a completed invoice to an address; valid for 30 seconds.

    The amount is in the price currency, or in the coin where `currency` is the coin; None is all that is left. The
    merchant's account in the price currency pays, and all fees; with "customer" the network's fee is taken out of the
    coins that arrive. The address and its tag are checked as in `refund_invoice`.

    Raises FeeBearerError, NotResolvableError, RefundAmountError, AddressError and TagError before the gateway is
    asked, RefundRefusedError, with a text for each field, where the gateway refuses, other GatewayErrors when there is
    no answer. Writes nothing; checks no permission: that is the caller's.
    """
    if network_fee_borne_by not in list(FeeBearer):
        choices = " or ".join(repr(one.value) for one in FeeBearer)
        raise FeeBearerError(f"network_fee_borne_by must be {choices}, not {network_fee_borne_by!r}")
    row = Invoice.objects.primary().get(pk=invoice.pk)
    check_returnable(row)
    place = for_withdrawal(checked_address(row, address, tag=tag, without_tag=without_tag), row.network)
    share = share_of(row, refunds_of(row), amount=amount, currency=currency)
    new_id = uuid4()
    return quote_share(
        row,
        share,
        address=place,
        without_tag=without_tag,
        borne_by=FeeBearer(network_fee_borne_by),
        resolution_id=new_id,
        custom_id=str(new_id),
    )


def quote_again(resolution: Resolution) -> RefundQuote:
    """Quote anew a refund of a completed invoice that waits for a second person; raises as `quote_refund` does."""
    row, asked = Invoice.objects.primary().get(pk=resolution.invoice_id), resolution.parameters
    check_returnable(row)
    share = share_of(row, refunds_of(row), amount=Decimal(asked["amount"]), currency=asked["currency"])
    return quote_share(
        row,
        share,
        address=asked["address"],
        without_tag=asked["without_tag"],
        borne_by=FeeBearer(asked["network_fee_borne_by"]),
        resolution_id=resolution.pk,
        # The gateway may keep the custom_id of the first preview, which has expired.
        custom_id=f"{resolution.pk}.{uuid4().hex[:8]}",
    )


def quote_share(
    invoice: Invoice,
    share: Share,
    *,
    address: str,
    without_tag: bool,
    borne_by: FeeBearer,
    resolution_id: UUID,
    custom_id: str,
) -> RefundQuote:
    """Return a quote for what was checked."""
    client, charged = client_of(invoice), invoice.price_currency
    balance = _balance_of(invoice, charged)  # before the preview, whose seconds count
    asked_at = timezone.now()
    try:
        shown = client.create_withdrawal(
            address=address,
            charged_currency=charged,
            received_currency=invoice.pay_currency,
            network=invoice.network or None,
            amount=share.amount,
            amount_currency=share.currency,
            amount_includes_processing_fee=False,
            amount_includes_network_fee=borne_by is FeeBearer.CUSTOMER,
            custom_id=custom_id,
        )
    except (GatewayValidationError, GatewayPermissionError) as error:
        raise _refusal(invoice, error) from error
    _check_answer(invoice, shown, share, address=address, borne_by=borne_by)
    if shown.id is None:
        raise GatewayAnswerError(f"the preview of the refund of invoice {invoice.pk} has no id to commit it by")
    left = refundable_amount_of(invoice, refunds_of(invoice))
    exchange = shown.exchange
    return RefundQuote(
        invoice_id=invoice.pk,
        invoice_version=invoice.version,
        resolution_id=resolution_id,
        custom_id=custom_id,
        withdrawal_id=shown.id,
        amount=share.amount,
        currency=share.currency,
        value_amount=share.value_amount,
        price_currency=invoice.price_currency,
        pay_currency=invoice.pay_currency,
        address=address,
        network=invoice.network,
        without_tag=without_tag,
        network_fee_borne_by=borne_by.value,
        charged_amount=shown.charged_amount,
        charged_currency=shown.charged_currency,
        received_amount=shown.received_amount,
        network_fee_amount=shown.network_fee,
        network_fee_level=shown.network_fee_level,
        fee_amount=exchange.fee if exchange else shown.fee,
        fee_currency=exchange.fee_currency if exchange else shown.fee_currency,
        exchange_rate=exchange.rate if exchange else None,
        balance_amount=balance,
        left_value_amount=left.value_amount,
        left_amount=left.amount,
        expires_at=asked_at + QUOTE_LIFE,
    )


def _balance_of(invoice: Invoice, currency: str) -> Decimal | None:
    """Return the balance of the account that pays; None where it cannot be read, which is no reason not to quote."""
    try:
        accounts = client_of(invoice).list_accounts()
    except GatewayError:
        return None
    return next((account.balance for account in accounts if account.currency == currency), None)


def _check_answer(invoice: Invoice, shown: CoinWithdrawal, share: Share, *, address: str, borne_by: FeeBearer) -> None:
    """Refuse a preview of something else, or one that is under way already."""
    wrong = []
    if shown.status != PREVIEW:
        wrong.append(f"it is {shown.status} already, and a preview was asked: look for it in the account")
    if not is_same_place(shown.address, address):
        wrong.append(f"it goes to {shown.address}, and {address} was asked")
    if shown.network and invoice.network and shown.network != invoice.network:
        wrong.append(f"it goes on {shown.network}, and {invoice.network} was asked")
    if (shown.charged_currency, shown.received_currency) != (invoice.price_currency, invoice.pay_currency):
        wrong.append(f"it is from {shown.charged_currency} to {shown.received_currency}")
    elif odd := _odd_amount(shown, share, borne_by=borne_by):
        wrong.append(odd)
    elif not shown.received_amount:
        wrong.append("nothing arrives: the network's fee is all of it")
    if wrong:
        raise GatewayAnswerError(
            f"the preview of the refund of invoice {invoice.pk} is not what was asked: {'; '.join(wrong)}"
        )


def _odd_amount(shown: CoinWithdrawal, share: Share, *, borne_by: FeeBearer) -> str:
    """Return in words what else a preview sends than was asked; empty where it is that."""
    if share.currency == shown.received_currency:
        sent = shown.received_amount
        if borne_by is FeeBearer.CUSTOMER:
            sent = EXACT.add(sent, shown.network_fee or Decimal(0))
        is_odd = sent != share.amount
    else:
        sent = present_value(shown, share.currency, borne_by=borne_by) or Decimal(0)
        gap = abs(EXACT.subtract(sent, share.amount))
        is_odd = gap > EXACT.multiply(share.amount, _TOLERANCE)
    return f"it sends {sent:f} {share.currency}, and {share.amount:f} was asked" if is_odd else ""


_TOLERANCE = Decimal("0.05")
"""How far the worth of a preview's coins may be from what was asked: roundings, and a fee that is not shown."""

_AMOUNTS = frozenset({"charged_amount", "charged_amount_to_send", "received_amount", "amount"})


def _refusal(invoice: Invoice, error: GatewayValidationError | GatewayPermissionError) -> RefundRefusedError:
    """Return the gateway's refusal in words for staff, field by field."""
    reasons = read_reasons(error.details)
    problems = list(dict.fromkeys(_problem_of(invoice, reason) for reason in reasons))
    if error.code == "high_risk_address":
        problems = [("address", "the gateway sends nothing to this address: it is of bad repute. Ask for another one")]
    elif isinstance(error, GatewayPermissionError):
        problems = [("", "the API key may not make withdrawals, or not from this machine: change that in the account")]
    words = "; ".join(text for _, text in problems)
    why = words or str(error)
    return RefundRefusedError(
        f"the gateway refuses the refund of invoice {invoice.pk}, nothing was sent: {why}", problems=problems
    )


def _problem_of(invoice: Invoice, reason: Reason) -> tuple[str, str]:
    """Return the field that a reason is about, and a text that says what to do."""
    if reason.code == "must_be_less_than_or_equal" and reason.target in _AMOUNTS:
        what = f"what is taken from it, with all fees, {reason.message}"
        if reason.target == "received_amount":
            what = f"the coins that arrive {reason.message} {invoice.pay_currency}"
        return "amount", (
            f"the {invoice.price_currency} account has too little, or a limit is exceeded: {what}. "
            "Top it up, or refund less"
        )
    if reason.code == "must_be_greater_than_or_equal" and reason.target in _AMOUNTS:
        return "amount", f"it is too little for the gateway: in {invoice.price_currency} it {reason.message}"
    if reason.target == "address":
        return "address", f"the gateway does not take this address: it {reason.message or reason.code}"
    field = "amount" if reason.target in _AMOUNTS else ""
    return field, str(reason)


def parameters_of(quote: RefundQuote) -> dict[str, Any]:
    """Return what is asked of the gateway, with the figures that the person saw, as JSON."""
    names = (
        "amount", "value_amount", "charged_amount", "received_amount", "network_fee_amount", "fee_amount",
        "exchange_rate", "left_value_amount",
    )  # fmt: skip
    amounts = {name: None if (value := getattr(quote, name)) is None else f"{value:f}" for name in names}
    texts = (
        "custom_id", "currency", "price_currency", "address", "without_tag", "network_fee_borne_by",
        "charged_currency", "network_fee_level", "fee_currency",
    )  # fmt: skip
    return {
        **amounts,
        **{name: getattr(quote, name) for name in texts},
        "received_currency": quote.pay_currency,
        "withdrawal_id": str(quote.withdrawal_id),
        "quote_expires_at": quote.expires_at.isoformat(),
    }
