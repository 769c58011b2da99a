"""Finds the e-mail address of the customer of an invoice: from CRYPTOPAY_CUSTOMER_ADDRESS, or its `payer_email`."""

from __future__ import annotations

from ...conf import app_settings
from ...models import Invoice


def customer_address(invoice: Invoice) -> str:
    """Return the address for mails about an invoice, or ""; raise what the shop's own function raises."""
    find = app_settings.CUSTOMER_ADDRESS
    return str((find(invoice) if find else invoice.payer_email) or "").strip()


def masked(address: str) -> str:
    """Return an address as others may see it: a***@example.org."""
    name, _, host = address.rpartition("@")
    return f"{name[:1]}***@{host}" if name else ""
