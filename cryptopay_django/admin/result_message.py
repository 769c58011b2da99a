"""Writes the message on the page after an action, and the line in Django's own log of the admin."""

from __future__ import annotations

from decimal import Decimal

from django.contrib import messages
from django.utils.translation import gettext as _

from ..models import Invoice, Resolution, ResolutionKind, ResolutionStatus
from . import display


def message_of(resolution: Resolution) -> tuple[int, str]:
    """Return the level and text of the message about a resolution, in its present state."""
    if resolution.awaits_approval:
        return messages.WARNING, _("Planned. Nothing was sent yet: a second person must confirm it.")
    if resolution.status == ResolutionStatus.SUCCEEDED and resolution.error:
        return messages.ERROR, _("The gateway did it, but NOT as requested: %(error)s. %(done)s") % {
            "error": resolution.error.rstrip("."),
            "done": _done(resolution),
        }
    if resolution.status == ResolutionStatus.SUCCEEDED:
        return messages.SUCCESS, _done(resolution)
    if resolution.status == ResolutionStatus.FAILED:
        return messages.ERROR, _("The gateway did not do it: %(error)s") % {"error": resolution.error}
    return messages.WARNING, _(
        "It was sent, but the gateway has not shown the outcome yet. Do nothing: the worker reads it, and the "
        "outcome will appear here."
    )


def _done(resolution: Resolution) -> str:
    result, invoice = resolution.result, resolution.invoice
    status = invoice.get_status_display()
    if result.get("withdrawal_id"):
        values = {
            "amount": f"{result.get('amount')} {result.get('currency')}",
            "where": result.get("address"),
            "charged": display.amount(Decimal(result["charged_amount"]), result["charged_currency"]),
        }
        return (
            _(
                "The gateway has accepted the refund: it takes %(charged)s from our account and sends %(amount)s to "
                "%(where)s. The refund below shows when the coins are sent."
            )
            % values
        )
    if refunded := result.get("amount"):
        values = {
            "amount": f"{refunded} {result.get('currency', '')}",
            "where": result.get("address") or _("our own coin account"),
            "fee": f"{result.get('fee_amount') or '0'} {result.get('fee_currency') or ''}".strip(),
            "status": status,
        }
        return _("Refunded: %(amount)s to %(where)s, fee %(fee)s. The invoice is %(status)s.") % values
    if resolution.kind == ResolutionKind.REFUND:
        return _("Refunded. The invoice is %(status)s.") % {"status": status}
    credited = display.amount(invoice.settled_amount, invoice.price_currency)
    text = _("Settled: %(credited)s credited. The invoice is %(status)s.")
    if display.is_short(invoice):
        text = _(
            "Settled: %(credited)s credited, less than ordered, so the shop has not shipped. "
            "Accept the shortfall if it should ship."
        )
    return text % {"credited": credited, "status": status}


def logged(resolution: Resolution, act: str) -> str:
    """Return the line for Django's log of what staff did."""
    return f"{act}: resolution {resolution.pk} ({resolution.kind}) is {resolution.status}. Reason: {resolution.reason}"


def release_message(invoice: Invoice, *, accepted: bool) -> str:
    """Return the message about a release."""
    if accepted:
        return _("Shortfall accepted: the invoice counts as paid, and the shop is notified to ship.")
    return _("Released from quarantine. The invoice is %(status)s.") % {"status": invoice.get_status_display()}
