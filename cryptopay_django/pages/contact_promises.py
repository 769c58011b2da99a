"""Writes who writes to the customer, and by when, on the payment page. The promises follow the shop's settings."""

from __future__ import annotations

import logging

from django.utils.translation import gettext, ngettext

from ..conf import app_settings
from ..logs import about
from ..models import Invoice
from ..services.invoices.customer_email import customer_address, masked
from ..services.invoices.customer_state import Progress, State
from .formats import isolated

logger = logging.getLogger("cryptopay_django")

_AWAITS_DECISION = frozenset({State.UNDERPAID, State.OVERPAID, State.LATE, State.HELD, State.REVIEW})
_UNDER_WAY = frozenset({State.SEEN, State.CONFIRMED})


def promise(progress: Progress) -> str:
    """Return what is promised while the network confirms or a person decides, in the active language, or "".

    Reads the customer's address only if it is needed.
    """
    account, state = app_settings.of(progress.invoice.account), progress.state
    days, mails = account.ANSWER_WITHIN_DAYS, set(account.CUSTOMER_MAILS)
    awaits_decision = state in _AWAITS_DECISION and (days or {"paid", "refunded"} <= mails)
    is_under_way = state in _UNDER_WAY and "paid" in mails
    address = masked(_address(progress.invoice)) if awaits_decision or is_under_way else ""
    if not address:
        return ""
    if is_under_way:
        return gettext("You get an e-mail at %(address)s when it is complete.") % {"address": isolated(address)}
    if not days:
        return gettext("You get an e-mail at %(address)s when it is decided.") % {"address": isolated(address)}
    text = ngettext(
        "The shop will write to you at %(address)s within %(days)d day.",
        "The shop will write to you at %(address)s within %(days)d days.",
        days,
    )
    return text % {"address": isolated(address), "days": days}


def come_back(progress: Progress) -> str:
    """Return that the page shows what is decided, in the active language, or "" where nobody decides."""
    if progress.state not in _AWAITS_DECISION:
        return ""
    return gettext("You can come back to this page at any time: it shows what was decided.")


def answer_within(account: str) -> str:
    """Return by when the shop of an account answers, in the active language, or "": also where it names no contact."""
    options = app_settings.of(account)
    days = options.ANSWER_WITHIN_DAYS
    if not days or not (options.SUPPORT_EMAIL or options.SUPPORT_URL):
        return ""
    text = ngettext(
        "If you write to the shop, you get an answer within %(days)d day.",
        "If you write to the shop, you get an answer within %(days)d days.",
        days,
    )
    return text % {"days": days}


def _address(invoice: Invoice) -> str:
    try:
        return customer_address(invoice)
    except Exception:
        # Whatever the shop's function raises: the customer must see the page.
        logger.exception("CRYPTOPAY_CUSTOMER_ADDRESS failed for invoice %s", invoice.pk, extra=about(invoice))
        return ""
