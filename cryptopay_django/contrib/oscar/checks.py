"""Checks what the adapter needs of the shop: the statuses of its pipeline, and the pages for paying."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as CheckWarning

from cryptopay_django.adapters import check_url

from .statuses import MEANINGS, Order, chosen, first_status


def check_pages(**kwargs: Any) -> list[CheckMessage]:
    """Return an error if the pages are not mounted: each order would be placed, and then fail."""
    urls, page = "cryptopay_django.contrib.oscar.urls", "cryptopay_oscar:refund"
    return check_url(page, ["1", UUID(int=0)], include=urls, check_id="cryptopay_oscar.E003")


def check_statuses(**kwargs: Any) -> list[CheckMessage]:
    """Return an error for each entry of OSCAR_CRYPTOPAY_STATUSES that cannot work.

    Return a warning if the pipeline does not lead from the status of new orders to the one of paid orders.
    """
    statuses, known = chosen(), Order.all_statuses()
    found: list[CheckMessage] = []
    for meaning, status in statuses.items():
        if meaning not in MEANINGS:
            wrong, hint = f'OSCAR_CRYPTOPAY_STATUSES has the key "{meaning}"', f"The keys are: {', '.join(MEANINGS)}."
            found.append(Error(wrong, hint=hint, id="cryptopay_oscar.E001"))
        if status not in known:
            wrong = f'OSCAR_ORDER_STATUS_PIPELINE has no status "{status}", which OSCAR_CRYPTOPAY_STATUSES names'
            found.append(Error(wrong, hint=f"It has: {', '.join(known) or 'none'}.", id="cryptopay_oscar.E002"))
    new, paid = first_status(), statuses.get("paid", "")
    if paid not in Order.pipeline.get(new, ()):
        wrong = f'an order that is paid stays "{new}": the pipeline does not lead to "{paid}"'
        hint = "Set OSCAR_INITIAL_ORDER_STATUS, OSCAR_ORDER_STATUS_PIPELINE and OSCAR_CRYPTOPAY_STATUSES."
        found.append(CheckWarning(wrong, hint=hint, id="cryptopay_oscar.W001"))
    return found
