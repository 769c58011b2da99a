"""Sends back what completed invoices were paid: in shares, to the place that the customer has named."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_DOWN, Decimal
from typing import Any

from ..exceptions import RefundAmountError, SendBackError
from ..models import Invoice, Resolution, ResolutionStatus
from ..services import left_to_refund, named_refund_address, refund_invoice
from .money import unit_of


def find_refund_place(invoice: Invoice) -> dict[str, Any] | None:
    """Return the address that the customer has named, as `refund_invoice` takes it; None if they have named none."""
    named = named_refund_address(invoice)
    if named is None:
        return None
    return {"address": named.address, "tag": named.destination_tag or None, "without_tag": named.without_tag}


def outcome_of(refund: Resolution) -> str:
    """Return in English what staff must know of a refund that was asked for; empty if the gateway has accepted it."""
    if refund.awaits_approval:
        return "waits for a second person, who confirms it in the admin"
    if refund.status == ResolutionStatus.SUCCEEDED:
        return f"was accepted, but not as requested: {refund.error}" if refund.error else ""
    if refund.status == ResolutionStatus.FAILED:
        return f"has failed: {refund.error}"
    return "was sent, but its result is not known yet. Do not send it again: it is booked when the gateway shows it"


def ask_for_place(invoice: Invoice) -> SendBackError:
    """Return an error that tells staff how to ask the customer where the coins of an invoice go."""
    return SendBackError(
        f"it is not known where the coins go. Open invoice {invoice.custom_id} in the admin, send the customer "
        "the link of “Ask for an address…”, and refund again when it is answered"
    )


def share_out(invoices: Iterable[Invoice], amount: Decimal | int | None) -> dict[Invoice, Decimal]:
    """Return how much of each invoice is sent back: of the first ones first, all that is left without an amount.

    Raises RefundAmountError for an amount that is none, too precise, or more than is left, and for invoices in several
    currencies: an amount is in one.
    """
    left = {one: left_to_refund(one).quantize(unit_of(one.price_currency), ROUND_DOWN) for one in invoices}
    currencies = {one.price_currency for one in left}
    if len(currencies) > 1:
        named = ", ".join(sorted(currencies))
        raise RefundAmountError(f"the invoices are in {named}: refund those of one currency. Nothing was sent")
    currency = next(iter(currencies), "")
    total = sum(left.values(), Decimal(0))
    if not _is_valid(total if amount is None else amount, total, unit_of(currency)):
        raise RefundAmountError(f"up to {total:f} {currency} can be refunded, not {amount}: nothing was sent")
    shares, rest = {}, total if amount is None else Decimal(amount)
    for invoice, most in left.items():
        if share := min(most, rest):
            shares[invoice] = share
            rest -= share
    return shares


def _is_valid(amount: object, most: Decimal, unit: Decimal) -> bool:
    """Return whether an amount can be sent back, so that no share of it is sent before another one is refused."""
    if isinstance(amount, bool) or not isinstance(amount, Decimal | int):
        return False
    exact = Decimal(amount)
    return exact.is_finite() and 0 < exact <= most and exact % unit == 0


def send_share(invoice: Invoice, amount: Decimal, place: dict[str, Any], *, actor: str, reason: str) -> None:
    """Refund an amount of an invoice; raise CryptopayError unless the gateway has clearly accepted it as requested."""
    done = refund_invoice(invoice, actor=actor, reason=reason, amount=amount, **place)
    if problem := outcome_of(done):
        is_sent = done.status == ResolutionStatus.SUCCEEDED  # not as requested, but it is on its way
        raise SendBackError(
            f"the refund of invoice {invoice.custom_id} {problem}", sent_amount=amount if is_sent else Decimal(0)
        )
