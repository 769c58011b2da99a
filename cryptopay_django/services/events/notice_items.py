"""Makes the content of a notice: one item for each event, as a person reads it. Recipients and times: `notices.py`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext, ngettext

from ...conf import app_settings
from ...links import url_of
from ...models import Callback, ChannelPayment, Invoice, InvoiceEvent, NoticeKind, Subject


@dataclass(frozen=True, slots=True)
class NoticeItem:
    """One thing to report: ids, amounts and a link. No names, no addresses, no secrets.

    Only of an invoice there is an `invoice_id`, and what was ordered. Of others `custom_id` is their key here.
    """

    invoice_id: UUID | None
    custom_id: str
    account: str
    status: str
    ordered: str
    paid: str
    happened_at: datetime
    url: str


@dataclass(frozen=True, slots=True)
class Notice:
    """A digest of one kind: what happened since the last one. `more` is how many are not listed."""

    kind: NoticeKind
    items: tuple[NoticeItem, ...]
    more: int

    @property
    def subject(self) -> str:
        """One line."""
        count = len(self.items) + self.more
        if all(item.invoice_id is not None for item in self.items):
            told = ngettext("%(count)d invoice", "%(count)d invoices", count) % {"count": count}
        else:
            told = ngettext("%(count)d event", "%(count)d events", count) % {"count": count}
        return f"Cryptopay: {self.kind.label} ({told})"

    @property
    def text(self) -> str:
        """Plain text, two lines an item."""
        lines = [f"{self.kind.label}:", ""]
        for item in self.items:
            text = gettext("%(id)s (%(account)s): ordered %(ordered)s, paid %(paid)s, now %(status)s; %(at)s")
            if item.invoice_id is None:
                text = gettext("callback %(id)s (%(account)s): %(status)s; %(at)s")
                if item.paid:
                    text = gettext("channel payment %(id)s (%(account)s): %(paid)s, now %(status)s; %(at)s")
            lines.append(
                text
                % {
                    "id": item.custom_id,
                    "account": item.account,
                    "ordered": item.ordered,
                    "paid": item.paid,
                    "status": item.status,
                    "at": f"{item.happened_at:%Y-%m-%d %H:%M %Z}",
                }
            )
            lines.append(f"  {item.url or item.invoice_id or item.custom_id}")
        if self.more:
            lines += ["", gettext("… and %(count)d more.") % {"count": self.more}]
        return "\n".join(lines) + "\n"


def item_of(event: InvoiceEvent) -> NoticeItem:
    """Return what a notice says of an event; `event` with what it is about."""
    if event.invoice is not None:
        return _of_invoice(event.invoice, event)
    if event.channel_payment is not None:
        return _of_payment(event.channel_payment, event)
    return _of_callback(event.callback, event)


def _of_payment(payment: ChannelPayment, event: InvoiceEvent) -> NoticeItem:
    status = payment.get_status_display()
    return NoticeItem(
        invoice_id=None,
        custom_id=str(payment.pk),
        account=payment.account,
        status=f"{status} ({payment.status_context})" if payment.status_context else status,
        ordered="",
        paid=f"{payment.paid_amount:f} {payment.paid_currency}",
        happened_at=event.created_at,
        url=_url(payment),
    )


def _of_callback(callback: Callback | None, event: InvoiceEvent) -> NoticeItem:
    """Return the same of a callback, which a shop may have deleted meanwhile."""
    return NoticeItem(
        invoice_id=None,
        custom_id=str(callback.pk if callback else event.subject),
        account=callback.account if callback else "",
        status=callback.event if callback else "",
        ordered="",
        paid="",
        happened_at=event.created_at,
        url=_url(callback) if callback else "",
    )


def _of_invoice(invoice: Invoice, event: InvoiceEvent) -> NoticeItem:
    status = invoice.get_status_display()
    return NoticeItem(
        invoice_id=invoice.pk,
        custom_id=invoice.custom_id,
        account=invoice.account,
        status=f"{status} ({invoice.status_context})" if invoice.status_context else status,
        ordered=f"{invoice.price_amount:f} {invoice.price_currency}",
        paid=f"{invoice.paid_amount:f} {invoice.pay_currency}",
        happened_at=event.created_at,
        url=_url(invoice),
    )


def _url(about: Subject) -> str:
    if not app_settings.SITE_URL:
        return ""
    try:
        return url_of(reverse(f"admin:{about._meta.app_label}_{about._meta.model_name}_change", args=[about.pk]))
    except NoReverseMatch:
        return ""
