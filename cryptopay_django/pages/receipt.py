"""Serves the receipt of an invoice that was paid or refunded: a page to print, and a PDF where one can be made.

Public like the payment page: the key is the invoice's random id. Staff, who may view invoices, also see the fee.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from importlib.util import find_spec
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone, translation
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from ..atomic_requests import non_atomic_requests
from ..explorers import explorer_url
from ..links import path_of
from ..models import Invoice
from ..permissions import is_staff, may_view
from ..services.invoices.customer_state import read_progress
from ..services.invoices.receipt import Receipt, read_receipt
from .formats import isolated, moment, money, network_name, plain, shortened
from .languages import language_of, languages_of
from .payment_panel import shop_name
from .response_headers import hardened
from .state_texts import sent_back


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the receipt. `is_code`: an id, an amount or a rate, which reads from left to right in any language."""

    name: str
    value: str
    url: str = ""
    is_code: bool = False


@login_not_required
@non_atomic_requests
@require_safe
def receipt(request: HttpRequest, invoice_id: UUID) -> HttpResponse:
    """Show the receipt, or the payment page while there is none. `?format=pdf` answers with a file."""
    found = read_receipt(invoice_id)
    if found is None:
        if read_progress(invoice_id) is None:
            raise Http404
        return hardened(redirect(path_of("checkout", invoice_id)))
    with translation.override(language_of(request)):
        user = getattr(request, "user", None)
        rows, title = list(rows_of(found, is_staff=is_staff(user) and may_view(user))), title_of(found)
        note = receipt_note(found)
        lines = [*rows, Row("", note)]
        writer = _pdf_writer(title, lines)
        if request.GET.get("format") == "pdf":
            if writer is None:
                raise Http404
            response = HttpResponse(writer.write_pdf(title, lines), content_type="application/pdf")
            response["Content-Disposition"] = f'attachment; filename="receipt-{invoice_id}.pdf"'
            return hardened(response)
        page = path_of("receipt", invoice_id)
        context = {
            "title": title,
            "rows": rows,
            "note": note,
            "invoice": found.invoice,
            "shop_name": shop_name(found.invoice),
            "pdf_url": f"{page}?format=pdf&lang={translation.get_language()}" if writer else "",
            "page_url": path_of("checkout", invoice_id),
            "languages": languages_of(page),
        }
        return hardened(render(request, "cryptopay_django/receipt.html", context))


def receipt_pdf(found: Receipt) -> bytes | None:
    """Return a receipt as PDF in the active language, as the customer may see it, or None where none can be made."""
    title, lines = title_of(found), [*rows_of(found), Row("", receipt_note(found))]
    writer = _pdf_writer(title, lines)
    return writer.write_pdf(title, lines) if writer else None


def can_be_pdf(found: Receipt) -> bool:
    """Return whether a receipt can be had as PDF in the active language."""
    return _pdf_writer(title_of(found), [*rows_of(found, is_staff=True), Row("", receipt_note(found))]) is not None


def receipt_note(found: Receipt) -> str:
    """Return what a receipt confirms and what it is not, in the active language."""
    if found.is_paid:
        return gettext("This confirms the payment. It is not an invoice for tax.")
    return gettext("This confirms what arrived. It is no proof that the order is paid, and not an invoice for tax.")


def _pdf_writer(title: str, rows: list[Row]) -> Any:
    """Return the module that writes PDF, or None where it cannot: without the extra `pdf`, or without the letters."""
    if find_spec("fpdf") is None:
        return None
    writer = import_module(".receipt_pdf", __package__)
    return writer if writer.can_write(title, rows) else None


def title_of(found: Receipt) -> str:
    """Return what the receipt is about, in the active language."""
    if found.is_paid:
        return gettext("Receipt")
    return gettext("Receipt: payment sent back") if found.refunds else gettext("Receipt: payment not used")


def rows_of(found: Receipt, *, is_staff: bool = False) -> Iterator[Row]:
    """Yield the lines of a receipt in the active language; the gateway's fee is for staff."""
    invoice = found.invoice
    if shop := shop_name(invoice):
        yield Row(gettext("Shop"), shop)
    if invoice.description:
        yield Row(gettext("Payment for"), invoice.description)
    yield Row(gettext("Receipt number"), str(invoice.pk), is_code=True)
    yield from _payment(found)
    if is_staff and invoice.fee_amount is not None:
        yield Row(gettext("Fee of the payment service"), money(invoice.fee_amount, invoice.fee_currency), is_code=True)
    if not found.is_paid and not found.refunds:
        yield Row(gettext("Refund to you"), gettext("None so far. Ask the shop."))
    for refund in found.refunds:
        amount = f"{plain(refund.amount)}\u00a0{refund.currency}"
        yield Row(sent_back(refund), f"{isolated(amount)} · {_moment(refund.created_at)}")
        if refund.received_amount not in (None, refund.amount):
            arrives = f"{plain(refund.received_amount)}\u00a0{refund.currency}"
            yield Row(gettext("Arrives, after fees"), arrives, is_code=True)
        yield Row(gettext("To the address"), shortened(refund.address), is_code=True)
        if refund.txid:
            yield _transaction(invoice, refund.txid, refund.network)


def _payment(found: Receipt) -> Iterator[Row]:
    invoice = found.invoice
    if paid_at := _paid_at(found):
        yield Row(gettext("Paid on") if found.is_paid else gettext("Received on"), _moment(paid_at))
    yield Row(gettext("Price"), money(invoice.price_amount, invoice.price_currency), is_code=True)
    yield Row(gettext("Received"), f"{plain(invoice.paid_amount)}\u00a0{invoice.pay_currency}", is_code=True)
    if invoice.exchange_rate:
        rate = money(invoice.exchange_rate, invoice.price_currency)
        yield Row(gettext("Rate"), f"1\u00a0{invoice.pay_currency} = {rate}", is_code=True)
    if invoice.network:
        yield Row(gettext("Network"), network_name(invoice.network, invoice.pay_currency))
    for payment in found.payments:
        yield _transaction(invoice, payment.txid, invoice.network)
    if invoice.settled_amount is not None:
        settled = money(invoice.settled_amount, invoice.price_currency)
        yield Row(gettext("Counted for your order"), settled, is_code=True)


def _transaction(invoice: Invoice, txid: str, network: str) -> Row:
    url = explorer_url(txid, network=network, environment=invoice.environment)
    return Row(gettext("Transaction"), txid, url, is_code=True)


def _paid_at(found: Receipt) -> datetime | None:
    confirmed = [payment.confirmed_at for payment in found.payments if payment.confirmed_at]
    return max(confirmed) if confirmed else found.invoice.finished_at


def _moment(time: datetime) -> str:
    return f"{moment(time, 'DATETIME_FORMAT')} {timezone.localtime(time):%Z}".strip()
