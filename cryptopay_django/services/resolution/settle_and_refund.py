"""Settles and refunds invoices, as a person decides: `settle_invoice` and `refund_invoice`.

An `actor` is a user, or the name of a person if a script has no user. A user's permissions are checked under the lock.
Each action is planned (`plan.py`) and then sent (`send.py`), unless it waits for a second person (`approval.py`). If
the gateway gives no clear answer, `unknown_outcome.py` ends the resolution, or a person does (`end_by_hand.py`).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, NamedTuple

from ...exceptions import (
    AddressError,
    NotResolvableError,
    Obstacle,
    RefundAmountError,
)
from ...models import Invoice, Resolution, ResolutionKind, StatusContext
from ...permissions import acts_of
from .call_parameters import commit_of, version_of, withdrawal_of
from .judge_outcome import REFUND
from .people import Actor, Person, check_permitted
from .plan import known_refunds, plan, read_anew
from .refund_destination import checked_destination
from .refund_quote import FeeBearer, RefundQuote, quote_refund
from .rules import check_person, check_returnable
from .send import send
from .settlement_quote import SettlementQuote, quote_for


def settle_invoice(
    invoice: Invoice,
    *,
    actor: Actor,
    reason: str,
    quote: SettlementQuote | None = None,
    refund_overage: bool = False,
    expected_version: int | None = None,
) -> Resolution:
    """Settle an unresolved invoice and return the resolution, as far as its outcome can be seen now.

    Commits the quote, or one made now. With `refund_overage` an overpaid invoice is credited with what
    was ordered, and the rest is refunded to the merchant's own coin account. Above CRYPTOPAY_FOUR_EYES_ABOVE
    the resolution is only planned and waits for `approve_resolution`.

    `expected_version` is that of the invoice the person saw; a quote brings its own. Raises
    NotResolvableError, NotPermittedError, InvoiceChangedError, QuoteExpiredError and ResolutionActiveError, before
    anything is sent, GatewayError when the invoice could not be read, TransactionOpenError. What the gateway answers
    to the settlement itself is not raised: see `status` and `error`. A settlement that succeeded has an `error` too if
    the gateway did otherwise than asked.
    """
    person = check_person(invoice, actor=actor, reason=reason)
    check_permitted(person, *acts_of(ResolutionKind.SETTLE, {"refund_overage": refund_overage}))
    if quote is not None:
        expected_version = version_of(quote, invoice, expected_version)
    row = read_anew(invoice, expected_version=expected_version)
    if refund_overage and row.status_context != StatusContext.OVERPAID:
        raise NotResolvableError(
            f"invoice {row.pk} is {row.status_context}: only an overpaid one has an overage to refund",
            obstacle=Obstacle.NOT_OVERPAID,
        )
    refund_ids = known_refunds(row)
    overage: dict[str, Any] = {"call": REFUND, "refund_overage": True, "address": None}
    planned = plan(
        row,
        kind=ResolutionKind.SETTLE,
        person=person,
        reason=reason,
        parameters=overage if refund_overage else commit_of(quote or quote_for(row)),
        refund_ids=refund_ids,
    )
    return send(planned)


def refund_invoice(
    invoice: Invoice,
    *,
    actor: Actor,
    reason: str,
    address: str | None = None,
    tag: str | None = None,
    without_tag: bool = False,
    amount: Decimal | int | str | None = None,
    currency: str | None = None,
    network_fee_borne_by: str = FeeBearer.MERCHANT,
    quote: RefundQuote | None = None,
    expected_version: int | None = None,
) -> Resolution:
    """Refund an invoice and return the resolution, as far as its outcome can be seen now.

    Of an unresolved one all is refunded. Without an address the coins go to the MERCHANT's own coin account, not to
    the customer. An address is checked for the invoice's network first (AddressError). On XRP and Stellar it needs its
    `tag` (destination tag, memo), beside it or in it, or the word that it needs none: `without_tag` (TagError). Of an
    overpaid invoice the gateway refunds the overage; which status the invoice ends in is the gateway's to say. Waits
    for a second person above CRYPTOPAY_FOUR_EYES_ABOVE; raises as `settle_invoice` does.

    Of a completed invoice an amount is sent back from the merchant's account, as a withdrawal, more than once up to
    what was paid: give the `quote` that the person saw, or `amount`, `currency` and `network_fee_borne_by` as
    `quote_refund` takes them, with the address. The resolution has succeeded once the gateway has accepted the
    withdrawal; what becomes of the coins is in its `Refund`. The invoice stays completed. Raises as `quote_refund`
    does, too.
    """
    person = check_person(invoice, actor=actor, reason=reason)
    if quote is not None or amount is not None:
        asked = _RefundRequest(address, tag, without_tag, amount, currency, network_fee_borne_by)
        return _send_back(invoice, person, reason, asked, quote=quote, expected_version=expected_version)
    check_permitted(person, *acts_of(ResolutionKind.REFUND, {"address": address}))
    place = checked_destination(invoice, address, tag=tag, without_tag=without_tag)
    row = read_anew(invoice, expected_version=expected_version)
    planned = plan(
        row,
        kind=ResolutionKind.REFUND,
        person=person,
        reason=reason,
        parameters={"call": REFUND, "refund_overage": False, "address": place, "without_tag": without_tag},
        refund_ids=known_refunds(row),
    )
    return send(planned)


class _RefundRequest(NamedTuple):
    """The amount and address for a refund of a completed invoice, from a caller without a quote."""

    address: str | None
    tag: str | None
    without_tag: bool
    amount: Decimal | int | str | None
    currency: str | None
    network_fee_borne_by: str


def _send_back(
    invoice: Invoice,
    person: Person,
    reason: str,
    asked: _RefundRequest,
    *,
    quote: RefundQuote | None,
    expected_version: int | None,
) -> Resolution:
    """Send back an amount of a completed invoice at a quote, or at one made now."""
    if quote is None and not asked.address:
        raise AddressError(f"a refund of completed invoice {invoice.pk} needs the address that the coins go to")
    if quote is not None and (asked.address or asked.tag or asked.without_tag or asked.amount or asked.currency):
        raise RefundAmountError("give a quote, which has address and amount in it, or these: not both")
    check_permitted(person, *acts_of(ResolutionKind.REFUND, {"address": True}))
    if quote is not None:
        expected_version = version_of(quote, invoice, expected_version)
    row = read_anew(invoice, expected_version=expected_version, check=check_returnable)
    if quote is None:
        quote = quote_refund(
            row,
            address=asked.address or "",
            tag=asked.tag,
            without_tag=asked.without_tag,
            amount=asked.amount,
            currency=asked.currency,
            network_fee_borne_by=asked.network_fee_borne_by,
        )
    planned = plan(
        row,
        kind=ResolutionKind.REFUND,
        person=person,
        reason=reason,
        parameters=withdrawal_of(row, quote),
        refund_ids=[],
        key=quote.resolution_id,
    )
    return send(planned)
