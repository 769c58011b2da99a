"""Translates the names of the facts that an event of the timeline contains."""

from __future__ import annotations

from django.utils import translation
from django.utils.translation import gettext_noop as _

FACTS = (
    _("afterwards"),
    _("before"),
    _("accepted"),
    _("account"),
    _("address"),
    _("amount"),
    _("callback id"),
    _("channel payment id"),
    _("charged"),
    _("coin"),
    _("coins"),
    _("context"),
    _("credited"),
    _("error"),
    _("event"),
    _("event kind"),
    _("event uuid"),
    _("exchange rate"),
    _("expected"),
    _("fee"),
    _("found"),
    _("handler"),
    _("invoice id"),
    _("left value"),
    _("most charged"),
    _("needs approval"),
    _("network"),
    _("network fee"),
    _("network fee borne by"),
    _("not as asked"),
    _("ordered"),
    _("outcome"),
    _("paid"),
    _("pay"),
    _("planned by"),
    _("present value"),
    _("price"),
    _("reason"),
    _("received"),
    _("refund id"),
    _("refund overage"),
    _("settled"),
    _("shortfall"),
    _("status"),
    _("tag"),
    _("txid"),
    _("value"),
    _("why"),
    _("withdrawal id"),
    _("withdrawal status"),
    _("without tag"),
)
"""The names in English: keys of `InvoiceEvent.detail`, with spaces and without "amount"."""

_OF_STATUSES = {"from": "before", "to": "afterwards"}


def fact_name(key: str) -> str:
    """Return the name of a key of `InvoiceEvent.detail`, or of a column: translated where it is known."""
    return translation.gettext(_OF_STATUSES.get(key) or key.removesuffix("_amount").replace("_", " "))
