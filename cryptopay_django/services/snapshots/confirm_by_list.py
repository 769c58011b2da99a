"""Confirms many waiting callbacks by pages of the gateway's list: fifty invoices a call, where a GET asks about one.

A list can lag, so a page only confirms. What it does not confirm is asked for alone.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from uuid import UUID

from django.core.exceptions import ImproperlyConfigured
from django.db.models import QuerySet
from django.utils import timezone

from ...exceptions import CryptopayError, GatewayRateLimitError
from ...gateway.rate_limit import Purpose, calling_for
from ...gateway.schemas import InvoiceSnapshot
from ...logs import about
from ...models import Callback, Invoice
from ..accounts import client_of
from ..time_for_a_call import NoTimeLeftError, time_for_a_call
from .apply import Applied, IncomingCallback, Poll, apply_snapshot

logger = logging.getLogger("cryptopay_django")

_WORTH_A_PAGE = 3
"""From how many invoices on one page is asked for in place of so many GETs."""

_LENGTH = 50
_MARGIN = 5
"""How many invoices before the first one a page begins: the gateway's order is not exactly ours."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """What a page says of an invoice, and when and on which version of our row it was asked for."""

    invoice_id: UUID
    snapshot: InvoiceSnapshot
    poll: Poll


class Pages:
    """Gathers callbacks that must be confirmed, reads pages once, and then confirms callbacks by them."""

    def __init__(self) -> None:
        self.waiting: list[Callback] = []
        self._wanted: dict[str, dict[UUID, Invoice]] = {}
        self._entries: dict[tuple[str, UUID], _Entry] = {}
        self._refusals: dict[str, GatewayRateLimitError] = {}
        self._is_read = False

    def gather(self, callback: Callback, invoice: Invoice) -> bool:
        """Put a callback aside until pages are read; return False if it must be confirmed alone.

        That is so once they are read, and for an invoice whose id only a GET may tell.
        """
        if self._is_read or invoice.gateway_id is None:
            return False
        self.waiting.append(callback)
        self._wanted.setdefault(invoice.account, {})[invoice.gateway_id] = invoice
        return True

    @calling_for(Purpose.CONFIRMATION)
    def read(self, deadline: float | None = None) -> None:
        """Read the pages that are worth a call, from the newest invoice that waits to the oldest one.

        `deadline` is on `time.monotonic()`. Never raises because of the gateway: what was not read is asked for alone.
        """
        self._is_read = True
        for account, wanted in self._wanted.items():
            try:
                self._read_account(wanted, deadline)
            except GatewayRateLimitError as error:
                self._refusals[account] = error
            except NoTimeLeftError:
                break
            except (CryptopayError, ImproperlyConfigured) as error:
                logger.warning(
                    "account %s: the list of invoices could not be read, so each invoice is polled alone: %s",
                    account,
                    error,
                    extra=about(account=account),
                )

    def refuse(self, invoice: Invoice, error: GatewayRateLimitError) -> None:
        """Note that there is no room for calls about invoices of this account."""
        self._refusals[invoice.account] = error

    def check(self, invoice: Invoice) -> None:
        """Raise GatewayRateLimitError if there was no room for a call of this account a moment ago."""
        if error := self._refusals.get(invoice.account):
            raise error

    def take(self, incoming: IncomingCallback) -> Applied | None:
        """Merge what a page says of a callback's invoice and commit; return None unless it confirms the callback.

        The first statement locks the invoice's row.
        """
        entry = self._entries.pop((incoming.callback.account, incoming.snapshot.id), None)
        if entry is None:
            return None
        applied = apply_snapshot(entry.invoice_id, entry.snapshot, poll=entry.poll, incoming=incoming)
        return applied if applied is not None and applied.confirmed else None

    def _read_account(self, wanted: dict[UUID, Invoice], deadline: float | None) -> None:
        """Begin each page just before the newest invoice that is left, while at least three are expected on it.

        Ends with the first page that shows fewer: then the account has many invoices of others, or the list lags.
        """
        left = sorted(wanted.values(), key=lambda invoice: invoice.created_at, reverse=True)
        while len(left) >= _WORTH_A_PAGE:
            if len(_next_on_list(left[0]) & {invoice.pk for invoice in left}) < _WORTH_A_PAGE:
                del left[0]
                continue
            shown = self._read_page(left, time_for_a_call(deadline))
            if len(shown) < _WORTH_A_PAGE:
                return
            left = [invoice for invoice in left[1:] if invoice.pk not in shown]

    def _read_page(self, left: list[Invoice], timeout: float | None) -> set[UUID]:
        """Read the page with the first of these; return the keys of those that it shows."""
        client, after = client_of(left[0]), _before_on_list(left[0])
        keys = [invoice.pk for invoice in left]
        # Versions are read before the page is asked for: what changes a row meanwhile may be newer than the page.
        versions = dict(Invoice.objects.primary().filter(pk__in=keys).values_list("pk", "version"))
        asked_at = timezone.now()
        page = client.list_invoices(starting_after=after, timeout=timeout)
        said = {snapshot.id: snapshot for snapshot in page}
        shown = [invoice for invoice in left if invoice.gateway_id in said and invoice.pk in versions]
        for invoice in shown:
            assert invoice.gateway_id is not None  # noqa: S101  for the type checker
            poll = Poll(versions[invoice.pk], asked_at, is_page=True)
            entry = _Entry(invoice.pk, said[invoice.gateway_id], poll)
            self._entries[invoice.account, invoice.gateway_id] = entry
        return {invoice.pk for invoice in shown}


def _before_on_list(invoice: Invoice) -> UUID | None:
    """Return the id behind which a page begins that shows an invoice; None for the beginning of the list."""
    newer = _on_list(invoice).filter(created_at__gt=invoice.created_at).order_by("created_at", "pk")
    ids = list(newer.values_list("gateway_id", flat=True)[:_MARGIN])
    return ids[-1] if len(ids) == _MARGIN else None


def _next_on_list(invoice: Invoice) -> set[UUID]:
    """Return the keys of the invoices that are expected on a page with this one, itself included."""
    older = _on_list(invoice).filter(created_at__lte=invoice.created_at).order_by("-created_at", "-pk")
    return set(older.values_list("pk", flat=True)[: _LENGTH - _MARGIN])


def _on_list(invoice: Invoice) -> QuerySet[Invoice]:
    rows = Invoice.objects.primary().filter(account=invoice.account, environment=invoice.environment)
    return rows.exclude(gateway_id=None)
