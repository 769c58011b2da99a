"""Searches rows by identifiers that have an index: whole, or from their start. Each is looked up by itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import FieldError, ValidationError
from django.db import DataError, connections, router
from django.db.models import CharField, Q, QuerySet
from django.db.transaction import atomic
from django.http import HttpRequest

from ..conf import account_names, app_settings
from ..models import Channel, ChannelPayment, Invoice, Payment, PaymentLink
from ..models.orders import order_types

if TYPE_CHECKING:
    from .readonly import ModelAdmin as Base
else:
    Base = object

_SHORTENED = re.compile(r"(.*?)(?:…|\.{3})(.*)", re.DOTALL)

_HEXADECIMAL = re.compile("[0-9a-f]+", re.ASCII)

SHORTEST = 6
"""How many characters the start of an identifier has at least. Fewer would bring up what nobody means."""

MOST = 200
"""How many invoices one identifier brings up at most: several for an order, or for a reused address."""

_FOUND_ANYWAY = frozenset({"=id", "=gateway_id", "=invoice__custom_id", "reference"})
"""Our own `search_fields`. They make Django show the search; the look-ups here find by them already."""


class SearchByName(Base):
    """Mixed into a ModelAdmin: searches by the look-ups here, and by what a subclass adds to `search_fields`."""

    def named(self, term: str) -> Q:
        """Return the rows that a text names: none, unless the admin of a model says which."""
        return Q(pk__in=())

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        named = self.named(term)
        if not _FOUND_ANYWAY.issuperset(self.get_search_fields(request)):
            found, _ = super().get_search_results(request, queryset, term)
            named |= Q(pk__in=found.order_by().values("pk"))
        return queryset.filter(named), False


@dataclass(frozen=True)
class _Term:
    """One word of a search: a name, its start, or the short form of a long one, `12345678…9abc`."""

    whole: str
    start: str
    end: str

    @classmethod
    def read(cls, text: str) -> _Term:
        text = text.strip().strip("\u2066\u2069")  # around what was copied from a page from right to left
        shortened = _SHORTENED.fullmatch(text)
        return cls(text, shortened[1] if shortened else text, shortened[2] if shortened else "")

    @property
    def spellings(self) -> set[str]:
        """The whole text as it is, and in the case in which a gateway or a shop may have written it."""
        return {self.whole, self.whole.lower(), self.whole.upper()}

    def among(self, rows: QuerySet[Any], field: str, key: str = "pk") -> list[Any]:
        """Return the keys of rows whose text is this one, or begins with it, in any of the usual cases.

        The texts are read in the order of the field's index, from where this one would stand. That needs no operator
        that only some collations have an index for. What does not begin so is left out afterwards.
        """
        keys: list[Any] = list(rows.filter(**{f"{field}__in": self.spellings}).values_list(key, flat=True)[:MOST])
        if len(self.start) < SHORTEST:
            return keys
        for start in {self.start, self.start.lower(), self.start.upper()}:
            near = rows.filter(**{f"{field}__gte": start}).order_by(field).values_list(key, field)[:MOST]
            keys += [key for key, text in near if self._is_short_for(text)]
        return keys

    def among_ids(self, rows: QuerySet[Any], field: str) -> list[Any]:
        """Return the keys of rows whose UUID is this one, or begins with it.

        MariaDB's own type of UUIDs is not ordered as it is written; there, only whole ones are found.
        """
        digits = self.start.replace("-", "").lower()
        shortest = 32 if _orders_uuids_otherwise(rows.db) else SHORTEST
        if not shortest <= len(digits) <= 32 or not _HEXADECIMAL.fullmatch(digits):
            return []
        span = UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))
        near = rows.filter(**{f"{field}__range": span}).order_by(field).values_list("pk", field)[:MOST]
        return [key for key, value in near if self._is_short_for(str(value)) or self._is_short_for(value.hex)]

    def _is_short_for(self, text: str) -> bool:
        text = text.lower()
        return text.startswith(self.start.lower()) and text.endswith(self.end.lower())


def _orders_uuids_otherwise(alias: str) -> bool:
    return connections[alias].vendor == "mysql" and bool(connections[alias].features.has_native_uuid_field)


def find_invoices(text: str) -> list[UUID]:
    """Return the ids of invoices that a text names, at most MOST for each kind of name.

    Our id, the gateway's id, custom_id, address, transaction id, or what CRYPTOPAY_ORDER_SEARCH names of an order:
    whole or from its start, of SHORTEST characters or more. The order's primary key: whole. As many queries for a
    million rows as for one.
    """
    return _found(_candidates, text)


def _candidates(term: _Term) -> Iterator[Iterable[UUID]]:
    invoices = Invoice.objects.all()
    yield from _named(term, invoices)
    yield term.among(invoices, "address")
    yield term.among(Payment.objects.all(), "txid", "invoice_id")
    for pointed in _pointed_at(term, "order"):
        yield invoices.filter(pointed).values_list("pk", flat=True)[:MOST]


def _named(term: _Term, rows: QuerySet[Any]) -> Iterator[Iterable[UUID]]:
    """Yield the rows that have this as our id, the gateway's id or custom_id."""
    yield term.among_ids(rows, "pk")
    for account in account_names():
        # With the account in front, as in the unique constraints that serve these look-ups.
        yield term.among_ids(rows.filter(account=account), "gateway_id")
        yield term.among(rows.filter(account=account), "custom_id")


def find_channels(text: str) -> list[UUID]:
    """Return the ids of channels that a text names, at most MOST for each kind of name.

    Our id, the gateway's id, custom_id, address, transaction id, or what CRYPTOPAY_ORDER_SEARCH names of the owner:
    whole or from its start. The owner's primary key: whole.
    """
    return _found(_channel_candidates, text)


def find_channel_payments(text: str) -> list[UUID]:
    """Return the ids of payments that a text names: our id, the gateway's, the transaction, or the channel."""
    return _found(_channel_payment_candidates, text)


def find_payment_links(text: str) -> list[UUID]:
    """Return the ids of payment links that a text names: our id, the reference, or the URL or its token as a whole."""
    return _found(_payment_link_candidates, text)


def _payment_link_candidates(term: _Term) -> Iterator[Iterable[UUID]]:
    links = PaymentLink.objects.all()
    yield term.among_ids(links, "pk")
    yield term.among(links, "reference")
    yield links.filter(token=term.whole.rstrip("/").rpartition("/")[2]).values_list("pk", flat=True)


def _channel_payment_candidates(term: _Term) -> Iterator[Iterable[UUID]]:
    payments = ChannelPayment.objects.all()
    yield term.among(payments, "txid")
    yield term.among_ids(payments, "pk")
    for account in account_names():
        yield term.among_ids(payments.filter(account=account), "gateway_id")
    if channels := find_channels(term.whole):
        yield payments.filter(channel_id__in=channels).order_by("-seen_at").values_list("pk", flat=True)[:MOST]


def _channel_candidates(term: _Term) -> Iterator[Iterable[UUID]]:
    channels = Channel.objects.all()
    yield from _named(term, channels)
    yield term.among(channels, "address")
    yield term.among(ChannelPayment.objects.all(), "txid", "channel_id")
    for pointed in _pointed_at(term, "owner"):
        yield channels.filter(pointed).values_list("pk", flat=True)[:MOST]


def _pointed_at(term: _Term, name: str) -> Iterator[Q]:
    """Yield the filters for rows whose order, or owner, has this primary key, or this value of a named field."""
    types = list(ContentType.objects.using(router.db_for_write(Invoice)).values_list("pk", flat=True))
    yield Q(**{f"{name}_content_type__in": types, f"{name}_object_id": term.whole})
    named = Q()
    for label, field in app_settings.ORDER_SEARCH.items():
        named |= _orders_with(label, field, term, name)
    if named:
        yield named


def _orders_with(label: str, field: str, term: _Term, name: str) -> Q:
    """Return the filter for orders, or owners, of a model by a field; an empty one where there is none.

    A text is found from its start, all else whole. Fields of numbers, dates, addresses and the like refuse what is not
    written like one of them: some by themselves, some by their database, which then ends its transaction. A model or
    field that is not there is E002 of `check`.
    """
    try:
        model = apps.get_model(label)
        orders = model._default_manager.all()
        with atomic(using=orders.db) if connections[orders.db].in_atomic_block else nullcontext():
            keys = [str(key) for key in _by_field(orders, field, term)]
    except (ValueError, TypeError, ArithmeticError, LookupError, FieldError, ValidationError, DataError):
        return Q()
    return Q(**{f"{name}_content_type__in": order_types(model), f"{name}_object_id__in": keys}) if keys else Q()


def _by_field(orders: QuerySet[Any], field: str, term: _Term) -> Iterable[Any]:
    if field in {one.name for one in orders.model._meta.concrete_fields if isinstance(one, CharField)}:
        return term.among(orders, field)
    return orders.filter(**{field: term.whole}).values_list("pk", flat=True)[:MOST]


def _found(candidates: Callable[[_Term], Iterable[Iterable[UUID]]], text: str) -> list[UUID]:
    if "\x00" in text:
        return []  # no database has it in a text
    return list(dict.fromkeys(key for keys in candidates(_Term.read(text)) for key in keys))
