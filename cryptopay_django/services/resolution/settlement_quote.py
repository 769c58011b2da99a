"""Quotes how much an unresolved invoice would be settled for now. A quote changes nothing anywhere.

The quote for a refund of a completed invoice: `refund_quote.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NoReturn
from uuid import UUID

from django.utils import timezone

from ...exceptions import GatewayAnswerError, GatewayError, GatewayRefusedError, InvoiceChangedError
from ...fields import EXACT
from ...gateway.schemas import Recalculation
from ...models import Invoice
from ..accounts import client_of
from ..events.deliver import deliver_or_dispatch
from ..snapshots.apply import poll_invoice
from .rules import check_resolvable
from .signed_quotes import QUOTE_LIFE, SealedQuote


@dataclass(frozen=True, slots=True)
class SettlementQuote(SealedQuote):
    """The amount that the gateway would credit for the payment, and the time until it can be committed.

    `invoice_version` is the state of the invoice it was made for; `shortfall_amount` is zero where the
    credit covers the order. Rates are the price currency for one coin, empty without exchange.
    """

    salt = "cryptopay_django.quote"

    invoice_id: UUID
    invoice_version: int
    recalculation_id: UUID
    credited_amount: Decimal
    price_currency: str
    ordered_amount: Decimal
    shortfall_amount: Decimal
    paid_amount: Decimal
    pay_currency: str
    exchange_rate: Decimal | None
    previous_exchange_rate: Decimal | None
    fee_amount: Decimal | None
    fee_currency: str | None
    expires_at: datetime


def quote_settlement(invoice: Invoice) -> SettlementQuote:
    """Ask the gateway what the invoice would be settled for now; a preview that lives 30 seconds.

    Raises NotResolvableError when staff may not settle it, InvoiceChangedError when the gateway says that
    it is not unresolved any more (our row has been brought up to date then), GatewayError when there is no
    answer. Writes nothing else; checks no permission: that is the caller's.
    """
    row = Invoice.objects.primary().get(pk=invoice.pk)
    check_resolvable(row)
    return quote_for(row)


def quote_for(invoice: Invoice) -> SettlementQuote:
    """Return a quote for a row that was checked."""
    asked_at = timezone.now()
    try:
        recalculation = client_of(invoice).create_recalculation(str(invoice.gateway_id))
    except GatewayRefusedError as error:
        _refuse(invoice, error)
    _check_answer(invoice, recalculation)
    if recalculation.pay_amount != invoice.paid_amount:
        odd = GatewayAnswerError(
            f"the recalculation of invoice {invoice.pk} is for {recalculation.pay_amount:f} {invoice.pay_currency}, "
            f"and {invoice.paid_amount:f} was paid"
        )
        _refuse(invoice, odd)
    if not recalculation.price_amount:
        nothing = f"the recalculation of invoice {invoice.pk} would credit nothing: refund the payment instead"
        _refuse(invoice, GatewayAnswerError(nothing))
    shortfall = EXACT.subtract(invoice.price_amount, recalculation.price_amount)
    return SettlementQuote(
        invoice_id=invoice.pk,
        invoice_version=invoice.version,
        recalculation_id=recalculation.id,
        credited_amount=recalculation.price_amount,
        price_currency=invoice.price_currency,
        ordered_amount=invoice.price_amount,
        shortfall_amount=max(shortfall, Decimal(0)),
        paid_amount=recalculation.pay_amount,
        pay_currency=invoice.pay_currency,
        exchange_rate=recalculation.exchange.rate if recalculation.exchange else None,
        previous_exchange_rate=recalculation.previous_exchange_rate,
        fee_amount=recalculation.fee,
        fee_currency=recalculation.fee_currency,
        expires_at=asked_at + QUOTE_LIFE,
    )


def _refuse(invoice: Invoice, error: GatewayError) -> NoReturn:
    """Ask the gateway about the invoice; raise InvoiceChangedError if it has changed, otherwise the error itself."""
    taken = poll_invoice(invoice)
    if not taken.changed:
        raise error
    deliver_or_dispatch(taken.invoice, taken.events)
    raise InvoiceChangedError(
        f"invoice {invoice.pk} has changed: it is {taken.invoice.status} now. Look at it again"
    ) from error


def _check_answer(invoice: Invoice, recalculation: Recalculation) -> None:
    """Refuse a quote for something else: another invoice, or other currencies."""
    found = (recalculation.invoice_id, recalculation.price_currency, recalculation.pay_currency)
    if found != (invoice.gateway_id, invoice.price_currency, invoice.pay_currency):
        raise GatewayAnswerError(
            f"the recalculation of invoice {invoice.pk} came back for {found[0]} in {found[1]} and {found[2]}"
        )
