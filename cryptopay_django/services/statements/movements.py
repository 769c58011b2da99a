"""Computes what a payment, refund or other operation has moved on the account, by our row or the gateway's ledger.

Makes no query and no call.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from ...fields import EXACT
from ...gateway.currencies import FIAT
from ...gateway.ledger import LedgerTransaction
from ...gateway.withdrawals import CoinWithdrawal
from ...models import (
    ChannelPayment,
    ChannelPaymentStatus,
    EntryKind,
    Invoice,
    InvoiceStatus,
    RateSource,
    Refund,
    RefundStatus,
)

ZERO = Decimal(0)
FINAL = frozenset({"", "completed", "refunded", "cancelled"})

_KINDS = {
    "Invoice": EntryKind.INVOICE,
    "ChannelPayment": EntryKind.CHANNEL_PAYMENT,
    "InvoiceRefund": EntryKind.REFUND,
    "CoinWithdrawal": EntryKind.WITHDRAWAL,
    "BankWithdrawal": EntryKind.WITHDRAWAL,
    "CoinDeposit": EntryKind.DEPOSIT,
    "BankDeposit": EntryKind.DEPOSIT,
    "ExchangeTransfer": EntryKind.EXCHANGE,
}
_MOVES_WHEN_COMPLETED = frozenset({"Invoice", "ChannelPayment", "CoinDeposit", "BankDeposit"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """All that a thing has moved in one currency until now.

    `amount` is what it changed the balance by, and `fee` what the gateway took of that: with the fee, which is
    positive, it would have been the sum of both.
    `happened_at` is when it first moved, `changed_at` when it last changed. `rate` is the price of one `coin` in the
    value's currency.
    """

    kind: EntryKind
    family: str
    reference: UUID
    currency: str
    amount: Decimal
    fee: Decimal = ZERO
    status: str = ""
    happened_at: datetime
    changed_at: datetime
    network_fee: Decimal | None = None
    coin_amount: Decimal | None = None
    coin: str = ""
    value_currency: str = ""
    rate: Decimal | None = None
    rate_source: RateSource = RateSource.PAYMENT
    custom_id: str = ""
    order_id: str = ""
    txid: str = ""
    is_ours: bool = True

    @property
    def key(self) -> tuple[str, UUID, str]:
        """What the entries of a thing in a currency have in common."""
        return self.family, self.reference, self.currency

    @property
    def is_open(self) -> bool:
        """Return whether the gateway can still change it, so that its row in the ledger is to be read again.

        What has a row here is followed by that.
        """
        return not self.is_ours and not self.is_final

    @property
    def is_final(self) -> bool:
        """Return whether its status is an end, as far as is known here."""
        return self.status in FINAL


def invoice_fact(invoice: Invoice) -> Fact | None:
    """Return what an invoice has moved: what was credited, less the fee. None if the gateway does not have it."""
    if invoice.gateway_id is None:
        return None
    settled = invoice.settled_amount or ZERO
    is_credited = invoice.status == InvoiceStatus.COMPLETED
    fee = _same(invoice.fee_amount, invoice.fee_currency, invoice.price_currency) if is_credited else ZERO
    is_as_ordered = settled == invoice.price_amount and invoice.pay_amount is not None
    coins = invoice.pay_amount if is_as_ordered else invoice.paid_amount
    rate = invoice.exchange_rate if is_as_ordered else _rate(settled, invoice.paid_amount)
    return Fact(
        kind=EntryKind.INVOICE,
        family="Invoice",
        reference=invoice.gateway_id,
        currency=invoice.price_currency,
        amount=EXACT.subtract(settled, fee) if is_credited else ZERO,
        fee=fee,
        status=invoice.status,
        happened_at=invoice.finished_at or invoice.updated_at,
        changed_at=invoice.updated_at,
        coin_amount=coins if is_credited else None,
        coin=invoice.pay_currency,
        value_currency=invoice.price_currency,
        rate=rate if is_credited and invoice.pay_currency != invoice.price_currency else None,
        custom_id=invoice.custom_id,
        order_id=invoice.order_object_id,
    )


def channel_payment_fact(payment: ChannelPayment) -> Fact:
    """Return what a payment on a channel has moved: what was credited, which is without the fee."""
    is_credited = payment.status == ChannelPaymentStatus.COMPLETED
    fee = _same(payment.fee_amount, payment.fee_currency, payment.received_currency) if is_credited else ZERO
    return Fact(
        kind=EntryKind.CHANNEL_PAYMENT,
        family="ChannelPayment",
        reference=payment.gateway_id,
        currency=payment.received_currency,
        amount=payment.received_amount if is_credited else ZERO,
        fee=fee,
        status=payment.status,
        happened_at=payment.finished_at or payment.updated_at,
        changed_at=payment.updated_at,
        coin_amount=payment.paid_amount if is_credited else None,
        coin=payment.paid_currency,
        value_currency=payment.received_currency,
        rate=payment.exchange_rate if is_credited else None,
        custom_id=payment.channel.custom_id,
        order_id=payment.channel.owner_object_id,
        txid=payment.txid,
    )


def refund_fact(refund: Refund) -> Fact:
    """Return what a refund has moved.

    The gateway's own brings the coins to the account, from where a withdrawal sends them on if there is an address.
    One of a completed order is a withdrawal itself.
    """
    is_booked = refund.status != RefundStatus.FAILED
    happened_at = refund.gateway_created_at or refund.created_at
    invoice = refund.invoice
    if refund.is_withdrawal:
        currency = refund.charged_currency or refund.currency
        charged = refund.amount if refund.charged_amount is None else refund.charged_amount
        fee = _same(refund.fee_amount, refund.fee_currency, currency)
        is_converted = currency != refund.currency
        coins = EXACT.add(refund.received_amount or ZERO, refund.network_fee_amount or ZERO)
        return Fact(
            kind=EntryKind.RETURN,
            family="CoinWithdrawal",
            reference=refund.gateway_id,
            currency=currency,
            amount=EXACT.minus(charged) if is_booked else ZERO,
            fee=fee if is_booked else ZERO,
            status={"succeeded": "completed", "failed": "cancelled"}.get(refund.status, refund.withdrawal_status),
            happened_at=happened_at,
            changed_at=refund.failed_at or refund.updated_at,
            network_fee=refund.network_fee_amount,
            coin_amount=refund.received_amount,
            coin=refund.currency,
            value_currency=currency if is_converted else "",
            rate=_rate(EXACT.subtract(charged, fee), coins) if is_converted else None,
            custom_id=invoice.custom_id,
            order_id=invoice.order_object_id,
            txid=refund.txid,
        )
    fee = _same(refund.fee_amount, refund.fee_currency, refund.currency)
    return Fact(
        kind=EntryKind.REFUND,
        family="InvoiceRefund",
        reference=refund.gateway_id,
        currency=refund.currency,
        amount=EXACT.subtract(refund.amount, fee) if is_booked else ZERO,
        fee=fee if is_booked else ZERO,
        status="" if is_booked else "cancelled",
        happened_at=happened_at,
        changed_at=refund.failed_at or refund.updated_at,
        coin_amount=refund.amount,
        coin=refund.currency,
        value_currency=invoice.price_currency,
        rate=_rate(refund.value_amount, refund.amount),
        rate_source=RateSource.ORDER,
        custom_id=invoice.custom_id,
        order_id=invoice.order_object_id,
        txid=refund.txid,
    )


def ledger_fact(
    entry: LedgerTransaction,
    *,
    moved: Decimal,
    others: Sequence[LedgerTransaction] = (),
    withdrawal: CoinWithdrawal | None = None,
    now: datetime,
) -> Fact:
    """Return what a row of the ledger has moved, for a thing that has no row here.

    `others` are the rows of the same thing: of an exchange, the one in the other currency says what this one is worth.
    """
    fact = Fact(
        kind=_KINDS.get(entry.reference_type, EntryKind.OTHER),
        family=entry.reference_type,
        reference=entry.reference_id or entry.id,
        currency=entry.currency,
        amount=moved,
        fee=_same(entry.fee, entry.fee_currency or "", entry.currency) if moved else ZERO,
        status=entry.status or "",
        happened_at=entry.created_at or now,
        changed_at=now,
        custom_id=entry.custom_id or "",
        is_ours=False,
    )
    if withdrawal is not None:
        rate = withdrawal.exchange.rate if withdrawal.exchange else None
        return replace(
            fact,
            network_fee=withdrawal.network_fee,
            coin_amount=withdrawal.received_amount,
            coin=withdrawal.received_currency,
            value_currency=entry.currency if rate else "",
            rate=rate,
            txid=withdrawal.txid or "",
        )
    paid_in = [one for one in others if one.currency != entry.currency and one.currency in FIAT]
    if entry.reference_type == "ExchangeTransfer" and entry.currency not in FIAT and paid_in:
        other = paid_in[0]
        worth = EXACT.add(other.amount, _same(other.fee, other.fee_currency or "", other.currency))
        rate = _rate(abs(worth), abs(entry.amount))
        return replace(fact, coin=entry.currency, value_currency=other.currency, rate=rate)
    return fact


def of_refund(fact: Fact, refund: Refund) -> Fact:
    """Return the fact of a withdrawal that sends on the coins of a refund to the customer's address."""
    order = refund_fact(refund)
    return replace(
        fact,
        kind=EntryKind.REFUND,
        value_currency=order.value_currency,
        rate=order.rate,
        rate_source=order.rate_source,
        custom_id=order.custom_id,
        order_id=order.order_id,
    )


def moved_by_status(entry: LedgerTransaction) -> Decimal:
    """Return what a row of the ledger has moved by the status of its thing."""
    status = entry.status or ""
    if entry.reference_type in _MOVES_WHEN_COMPLETED:
        return entry.amount if status in ("completed", "") else ZERO
    return ZERO if status == "cancelled" else entry.amount


def _same(fee: Decimal | None, fee_currency: str, currency: str) -> Decimal:
    """Return a fee that is taken in this currency; nothing if it is in another one."""
    return fee if fee is not None and fee_currency in ("", currency) else ZERO


def _rate(value: Decimal | None, coins: Decimal | None) -> Decimal | None:
    """Return the price of one coin, cut to 18 places; None where there are no coins, or no value."""
    if not coins or value is None:
        return None
    rate = EXACT.divide(value, coins)
    if rate.adjusted() >= 20:
        return None
    return rate.quantize(Decimal(1).scaleb(-18), context=EXACT)
