"""Searches that an index answers: whole identifiers only, each looked up by itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from uuid import UUID

from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import router
from django.db.models import Q, QuerySet

from ..conf import account_names, app_settings
from ..models import Invoice, Payment
from ..models.orders import order_types

_SHORT = re.compile(r"([0-9a-fA-F]{8}[0-9a-fA-F-]{0,27})(?:…|\.\.\.)?", re.ASCII)
_NEXT_DIGIT = dict(zip("0123456789abcdef-", "123456789abcdefg0", strict=True))

MOST = 200
"""How many invoices one identifier brings up at most: several for an order, or for a reused address."""


def find_invoices(term: str) -> list[UUID]:
    """Return the ids of invoices that a text names exactly, at most MOST for each kind of name.

    Our id, the gateway's id, custom_id, address, transaction id, the order's primary key, or what
    CRYPTOPAY_ORDER_SEARCH names of an order. As many queries for a million rows as for one.
    """
    term = term.strip().strip("\x00")
    found: dict[UUID, None] = {}
    for candidates in _candidates(term):
        found.update(dict.fromkeys(candidates[:MOST]))
    return list(found)


def _begin_with(start: str, accounts: list[str]) -> QuerySet[Invoice, UUID]:
    """Return the invoices whose custom_id begins with these hexadecimal digits: what the list shows of a long one.

    A range is what an index of any collation serves; the last condition is for the spelling.
    """
    after = start[:-1] + _NEXT_DIGIT[start[-1]]
    found = Invoice.objects.filter(account__in=accounts, custom_id__gte=start, custom_id__lt=after)
    return found.filter(custom_id__startswith=start).values_list("pk", flat=True)


def _candidates(term: str) -> Iterator[QuerySet[Invoice, UUID] | QuerySet[Payment, UUID]]:
    invoices = Invoice.objects.values_list("pk", flat=True)
    accounts = account_names()
    try:
        key = UUID(term)
    except ValueError:
        pass
    else:
        yield invoices.filter(pk=key)
        # With the account in front, as in the unique constraints that serve these look-ups.
        yield invoices.filter(account__in=accounts, gateway_id=key)
    spellings = {term, term.lower(), term.upper()}
    yield invoices.filter(account__in=accounts, custom_id__in=spellings)
    if short := _SHORT.fullmatch(term):
        yield _begin_with(short[1].lower(), accounts)
    yield invoices.filter(address__in=spellings)
    yield Payment.objects.filter(txid__in=spellings).values_list("invoice_id", flat=True)
    types = list(ContentType.objects.using(router.db_for_write(Invoice)).values_list("pk", flat=True))
    yield invoices.filter(order_content_type__in=types, order_object_id=term)
    named = Q()
    for label, field in app_settings.ORDER_SEARCH.items():
        model = apps.get_model(label)
        try:
            keys = model._default_manager.filter(**{field: term}).values_list("pk", flat=True)[:MOST]
            texts = [str(order) for order in keys]
        except (ValueError, TypeError, OverflowError, ValidationError):
            continue  # a field of numbers or dates has nothing that is written like this
        if texts:
            named |= Q(order_content_type__in=order_types(model), order_object_id__in=texts)
    if named:
        yield invoices.filter(named)
