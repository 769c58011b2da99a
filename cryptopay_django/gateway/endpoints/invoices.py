"""Calls about invoices: create, look up, list, recalculate, refund.

The answers to a recalculation and to a refund are not checked here: they are returned even if they are about another
object. In `services/resolution/`, `settlement_quote.py` checks a quote, `judge_outcome.py` compares a commit and a
refund with the request, and `send.py` raises an alarm if they differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from uuid import UUID

from ...redaction import hide_locals
from ..lists import Page
from ..rate_limit import Purpose, calling_for
from ..schemas import InvoiceSnapshot, Recalculation, Refund
from ..sent_mark import Mark
from .base import Endpoints, amount_text, flags, given, route_to, with_query


class InvoiceEndpoints(Endpoints):
    """`/api/invoices` and what is below it."""

    @hide_locals
    def create_invoice(
        self,
        *,
        price_amount: Decimal,
        price_currency: str,
        pay_currency: str,
        network: str | None = None,
        custom_id: str | None = None,
        customer_id: str | None = None,
        name: str | None = None,
        description: str | None = None,
        metadata: Mapping[str, str] | None = None,
        success_redirect_url: str | None = None,
        unsuccess_redirect_url: str | None = None,
        payer_email: str | None = None,
        timeout: float | None = None,
    ) -> InvoiceSnapshot:
        """Create an invoice. The `custom_id` makes it safe to ask again: a second one raises GatewayConflictError."""
        params = given(
            price_amount=amount_text("price_amount", price_amount),
            price_currency=price_currency,
            pay_currency=pay_currency,
            network=network,
            custom_id=custom_id,
            customer_id=customer_id,
            name=name,
            description=description,
            metadata=None if metadata is None else dict(metadata),
            success_redirect_url=success_redirect_url,
            unsuccess_redirect_url=unsuccess_redirect_url,
            payer_email=payer_email,
        )
        with calling_for(Purpose.CREATION):
            return self._send("POST", route_to("/api/invoices"), params, InvoiceSnapshot.from_wire, timeout)

    def retrieve_invoice(self, invoice_id: UUID | str, *, timeout: float | None = None) -> InvoiceSnapshot:
        """Return an invoice by the gateway's id."""
        route = route_to("/api/invoices/{invoice_id}", invoice_id=invoice_id)
        return self._get(route, InvoiceSnapshot.from_wire, timeout, id=invoice_id)

    def retrieve_invoice_by_custom_id(self, custom_id: str, *, timeout: float | None = None) -> InvoiceSnapshot:
        """Return an invoice by the id that the shop gave it."""
        route = route_to("/api/invoices/custom_id/{custom_id}", custom_id=custom_id)
        return self._get(route, InvoiceSnapshot.from_wire, timeout, custom_id=custom_id)

    def list_invoices(
        self,
        *,
        customer_id: str | None = None,
        subscription_id: UUID | str | None = None,
        starting_after: UUID | str | None = None,
        timeout: float | None = None,
    ) -> Page[InvoiceSnapshot]:
        """Return one page of invoices, newest first; the last of its `ids` is where the next page starts."""
        route = with_query(
            route_to("/api/invoices"),
            customer_id=customer_id,
            subscription_id=subscription_id,
            starting_after=starting_after,
        )
        return self._get_page(route, InvoiceSnapshot.from_wire, timeout)

    def create_recalculation(
        self,
        invoice_id: UUID | str,
        *,
        force_commit: bool = False,
        mark: Mark | None = None,
        timeout: float | None = None,
    ) -> Recalculation:
        """Ask what an unresolved invoice is worth now. A preview: nothing changes before it is committed.

        With `force_commit` it is in force at once; `mark` then as in `commit_recalculation`.
        """
        route = route_to("/api/invoices/{invoice_id}/recalculations", invoice_id=invoice_id)
        params = flags(force_commit=force_commit) if force_commit else {}
        return self._send("POST", route, params, Recalculation.from_wire, timeout, mark=mark)

    def commit_recalculation(
        self,
        invoice_id: UUID | str,
        recalculation_id: UUID | str,
        *,
        mark: Mark | None = None,
        timeout: float | None = None,
    ) -> Recalculation:
        """Put a recalculation into force, at most 30 seconds after it was made. Settles the invoice.

        With a `mark` it is signed with that moment, and is not sent at all when it is seconds ago.
        """
        route = route_to(
            "/api/invoices/{invoice_id}/recalculations/{recalculation_id}/commit",
            invoice_id=invoice_id,
            recalculation_id=recalculation_id,
        )
        return self._send("POST", route, {}, Recalculation.from_wire, timeout, mark=mark)

    def create_refund(
        self,
        invoice_id: UUID | str,
        *,
        address: str | None = None,
        mark: Mark | None = None,
        timeout: float | None = None,
    ) -> Refund:
        """Refund an unresolved invoice. Without an address the coins go to the merchant's own account.

        `mark` as in `commit_recalculation`. What the gateway did is in the answer: compare it with what was asked.
        """
        route = route_to("/api/invoices/{invoice_id}/refunds", invoice_id=invoice_id)
        params = given(address=address)
        return self._send("POST", route, params, Refund.from_wire, timeout, mark=mark)

    def list_refunds(self, invoice_id: UUID | str, *, timeout: float | None = None) -> Page[Refund]:
        """Return the refunds of an invoice, all at once."""
        route = route_to("/api/invoices/{invoice_id}/refunds", invoice_id=invoice_id)
        return self._get_page(route, Refund.from_wire, timeout)
