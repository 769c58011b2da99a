"""Describes the address that a customer gave for a refund, for `refund_links.py`, `invoice_page.py` and `forms.py`."""

from __future__ import annotations

from django.utils.translation import gettext as _

from ..models import RefundLink
from . import display


def maker_of(link: RefundLink) -> str:
    """Return in words who made a link."""
    return link.actor or _("the customer, on the payment page")


def place_in(link: RefundLink) -> str:
    """Return in words what the customer named; "" for nothing."""
    if not link.address:
        return ""
    if link.destination_tag:
        return _("%(address)s, tag %(tag)s") % {"address": link.address, "tag": link.destination_tag}
    return _("%(address)s, no tag needed") % {"address": link.address} if link.without_tag else link.address


def named_text(link: RefundLink) -> str:
    """Return a text: when the customer gave the address, and by whose link."""
    at = display.moment_text(link.used_at) if link.used_at else ""
    return _("named by the customer at %(at)s, by a link that was made by %(by)s") % {"at": at, "by": maker_of(link)}
