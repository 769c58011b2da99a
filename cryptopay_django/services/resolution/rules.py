"""Decides whether staff may settle or refund an invoice, and whether it takes two people. No query, no call.

The rules are those of the gateway: the merchant resolves `underpaid`, `paid_late` and `overpaid`; only the gateway
resolves a payment that it holds as high-risk.
"""

from __future__ import annotations

from decimal import Decimal
from typing import NoReturn

from ...conf import app_settings
from ...exceptions import NotResolvableError, Obstacle
from ...fields import EXACT
from ...models import Invoice, InvoiceStatus, StatusContext
from ..accounts import is_in_force
from .people import Actor, Person, person_of

RESOLVABLE = frozenset({StatusContext.UNDERPAID, StatusContext.PAID_LATE, StatusContext.OVERPAID})


def check_resolvable(invoice: Invoice) -> None:
    """Raise NotResolvableError, with the obstacle, unless staff may settle and refund this invoice."""
    if not is_in_force(invoice):
        _refuse_other_environment(invoice)
    if invoice.status != InvoiceStatus.UNRESOLVED:
        way = (
            ". To refund a completed one, give an amount or a quote"
            if invoice.status == InvoiceStatus.COMPLETED
            else ""
        )
        raise NotResolvableError(
            f"invoice {invoice.pk} is {invoice.status}: only an unresolved one can be settled or refunded{way}",
            obstacle=Obstacle.NOT_UNRESOLVED,
        )
    if invoice.status_context == StatusContext.ILLICIT_RESOURCE:
        raise NotResolvableError(
            f"invoice {invoice.pk} is on hold as high-risk: only the gateway's monitoring team can complete or "
            f"refund it. Contact {app_settings.of(invoice.account).MONITORING_CONTACT}",
            obstacle=Obstacle.HELD,
        )
    if invoice.quarantine_reason:
        _refuse_quarantined(invoice)
    if invoice.status_context not in RESOLVABLE:
        raise NotResolvableError(
            f"invoice {invoice.pk} is unresolved as {invoice.status_context!r}, which is not known here: "
            "resolve it in the account, or ask the gateway",
            obstacle=Obstacle.UNKNOWN_CONTEXT,
        )


def check_returnable(invoice: Invoice) -> None:
    """Raise NotResolvableError, with the obstacle, unless staff may send back what a completed invoice was paid."""
    if not is_in_force(invoice):
        _refuse_other_environment(invoice)
    if invoice.status != InvoiceStatus.COMPLETED:
        raise NotResolvableError(
            f"invoice {invoice.pk} is {invoice.status}: an amount can be sent back of a completed one only. An "
            "unresolved one is refunded without an amount",
            obstacle=Obstacle.NOT_COMPLETED,
        )
    if invoice.quarantine_reason:
        _refuse_quarantined(invoice)
    if not invoice.settled_amount:
        raise NotResolvableError(
            f"it is not known what was credited for invoice {invoice.pk}: ask the gateway about it first",
            obstacle=Obstacle.AMOUNT_UNKNOWN,
        )


def _refuse_other_environment(invoice: Invoice) -> NoReturn:
    raise NotResolvableError(
        f"invoice {invoice.pk} was made in {invoice.environment or 'an unknown environment'}, where account "
        f"{invoice.account} is no more: it cannot be settled or refunded from here",
        obstacle=Obstacle.OTHER_ENVIRONMENT,
    )


def _refuse_quarantined(invoice: Invoice) -> NoReturn:
    raise NotResolvableError(
        f"invoice {invoice.pk} is quarantined ({invoice.quarantine_reason}): check it and release it first",
        obstacle=Obstacle.QUARANTINED,
    )


def check_person(invoice: Invoice, *, actor: Actor, reason: str) -> Person:
    """Return who does it; raise NotResolvableError unless it is on record who does it, and why."""
    person = person_of(actor)
    if not person.name:
        raise NotResolvableError(f"who resolves invoice {invoice.pk} must be named", obstacle=Obstacle.NO_ACTOR)
    if not reason.strip():
        raise NotResolvableError(f"resolving invoice {invoice.pk} needs a reason", obstacle=Obstacle.NO_REASON)
    return person


def needs_second_person(invoice: Invoice, *, charged: Decimal | None = None) -> bool:
    """Return whether CRYPTOPAY_FOUR_EYES_ABOVE asks for two: more than that was ordered, was paid, or is `charged`.

    A part of what is above the limit takes two as well, so that nobody can go round it in small steps. Where the
    gateway left the rate or the paid amount out, nobody can say that it is less: two are asked.
    """
    limit = app_settings.of(invoice.account).FOUR_EYES_ABOVE.get(invoice.price_currency)
    if limit is None:
        return False
    worth = _worth(invoice)
    return worth is None or max(invoice.price_amount, worth, charged or Decimal(0)) > limit


def _worth(invoice: Invoice) -> Decimal | None:
    """Return what was paid in the price currency, at the rate that was frozen for it; None where that is not known."""
    if invoice.status == InvoiceStatus.UNRESOLVED and not invoice.paid_amount:
        return None
    if invoice.price_currency == invoice.pay_currency:
        return invoice.paid_amount
    if not invoice.exchange_rate:
        return None
    worth = EXACT.multiply(invoice.paid_amount, invoice.exchange_rate)
    if not invoice.pay_amount:
        return worth
    # The rate only informs, and could be of another pair: what was asked for the price is a rate of its own.
    return max(worth, EXACT.divide(EXACT.multiply(invoice.price_amount, invoice.paid_amount), invoice.pay_amount))
