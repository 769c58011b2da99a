"""Shows which mails the customer of an invoice got, which were skipped, and previews of all mails. Sends nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib.admin.sites import AdminSite
from django.db.models.options import Options
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from ..conf import app_settings
from ..mails.samples import sample_mails
from ..models import EventKind, HandlerDelivery, Invoice, InvoiceEvent
from ..pages.languages import family, languages_of, shown_language
from ..permissions import may_view
from ..services.events.outbox import CUSTOMER_MAIL, MAIL_OF
from ..services.invoices.customer_email import customer_address
from . import display
from .action_pages import ActPages
from .own_page import own_page

if TYPE_CHECKING:
    from django.core.mail import EmailMultiAlternatives

_NAMES: Mapping[str, Any] = {
    "created": gettext_lazy("invoice made"),
    "partly_paid": gettext_lazy("partly paid"),
    "expired": gettext_lazy("expired"),
    "paid": gettext_lazy("paid (with the receipt)"),
    "review": gettext_lazy("waits for review"),
    "refunded": gettext_lazy("refunded"),
}
_REASONS: Mapping[str, Any] = {
    "review-underpaid": gettext_lazy("waits for review: underpaid"),
    "review-overpaid": gettext_lazy("waits for review: overpaid"),
    "review-late": gettext_lazy("waits for review: paid late"),
    "review-held": gettext_lazy("waits for review: held as high-risk"),
}


class PreviewForm(forms.Form):
    """The mail and the language of a preview, read from the URL: the receipt in the customer's language by default."""

    mail = forms.ChoiceField(label=gettext_lazy("Mail"), required=False)
    language = forms.ChoiceField(label=gettext_lazy("Language"), required=False)

    def __init__(self, *args: Any, invoice: Invoice, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.invoice = invoice
        mail, language = (self.fields[name] for name in ("mail", "language"))
        assert isinstance(mail, forms.ChoiceField)  # noqa: S101  for the type checker
        assert isinstance(language, forms.ChoiceField)  # noqa: S101  for the type checker
        names = sample_mails(account=invoice.account, address="", language="en")
        mail.choices = [(name, _NAMES.get(name) or _REASONS.get(name, name)) for name in names]
        offered = {one["code"]: one["name"] for one in languages_of("")} or {_usual(invoice): _usual(invoice)}
        language.choices = list(offered.items())
        self.usual_language = _offered(_usual(invoice), offered)

    def clean(self) -> dict[str, Any]:
        """Fill in the defaults."""
        values: dict[str, Any] = super().clean() or self.cleaned_data
        values["mail"] = values.get("mail") or "paid"
        values["language"] = values.get("language") or self.usual_language
        return values


class MailPages(ActPages[Invoice]):
    """Mixed into the admin of invoices: the page of the customer's mails."""

    admin_site: AdminSite
    opts: Options[Any]

    def mail_urls(self) -> list[URLPattern]:
        """Return the URL of the page."""
        return self.urls_of_acts({"mails": self.mails_view})

    def mails_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Show the mails of an invoice, and a preview of one. Sends nothing and changes nothing."""
        invoice = self.permitted(request, pk, may_view(request.user))
        form = PreviewForm(request.GET, invoice=invoice)
        is_valid = form.is_valid()
        url = self.to_page(pk).url
        context = {
            "subject_url": url,
            "subject_name": display.title_of(invoice),
            "title": _("Mails to the customer: invoice %(name)s") % {"name": display.short_name(invoice)},
            "address": _address(invoice),
            "mails": mails_of(invoice),
            "switched_on": [_NAMES[name] for name in app_settings.of(invoice.account).CUSTOMER_MAILS],
            "form": form,
            **(_preview(invoice, **form.cleaned_data) if is_valid else {}),
        }
        # The form shows the defaults that were filled in.
        form.data = {**request.GET.dict(), **form.cleaned_data}
        return own_page(self, request, "invoice/mails", context)


def mails_of(invoice: Invoice) -> list[dict[str, Any]]:
    """Return the mails that were sent or due to the customer of an invoice, oldest first. Two queries."""
    sent = {event.pk: event for event in invoice.events.filter(kind=EventKind.CUSTOMER_MAILED).order_by("pk")}
    rows = HandlerDelivery.objects.filter(event__invoice=invoice, handler=CUSTOMER_MAIL)
    found = []
    for row in rows.select_related("event").order_by("pk"):
        kind = MAIL_OF[row.event.kind]
        # A mail and its line in the timeline are written together, at the same moment.
        lines = (one for one in sent.values() if one.created_at == row.delivered_at and one.detail.get("mail") == kind)
        line = next(lines, None)
        found.append(_line(kind, row.event.created_at, row=row, line=line))
        if line is not None:
            del sent[line.pk]
    # Of events that were delivered again afterwards, or are pruned.
    found += [_line(str(line.detail.get("mail")), line.created_at, line=line) for line in sent.values()]
    return sorted(found, key=lambda one: one["at"])


def _line(
    kind: str, at: datetime, *, row: HandlerDelivery | None = None, line: InvoiceEvent | None = None
) -> dict[str, Any]:
    tone, state, note = "good", _("sent"), display.moment_text(line.created_at) if line else ""
    if line is None and row is not None:
        tone, state, note = _state_of(row)
    return {
        "name": _NAMES.get(kind, kind),
        "because": row.event.get_kind_display() if row else "",
        "at": at,
        "badge": display.badge(tone, state),
        "note": note,
        "language": line.detail.get("language", "") if line else "",
    }


def _state_of(row: HandlerDelivery) -> tuple[str, str, str]:
    """Return the tone, the name and the reason of the state of a mail that was not sent."""
    if row.delivered_at is not None:
        why = _("It was not true any more, the customer had been told already, or there was no address.")
        return "plain", _("skipped"), f"{display.moment_text(row.delivered_at)}. {why}"
    failed = ngettext("failed once", "failed %(count)d times", row.attempts) % {"count": row.attempts}
    if row.next_attempt_at is None:
        text = _("%(failed)s and was given up: there are no more automatic retries")
        return "alarm", _("given up"), text % {"failed": failed}
    if row.attempts:
        values = {"failed": failed, "at": display.moment_text(row.next_attempt_at)}
        return "warning", _("failed"), _("%(failed)s; next attempt at %(at)s") % values
    return "waiting", _("still to be sent"), ""


def _address(invoice: Invoice) -> str:
    """Return the customer's address, or why there is none."""
    try:
        return customer_address(invoice) or _("none: no mail is sent")
    except Exception as error:  # noqa: BLE001  the shop's own function
        return _("CRYPTOPAY_CUSTOMER_ADDRESS failed: %(error)s") % {"error": f"{type(error).__name__}: {error}"}


def _usual(invoice: Invoice) -> str:
    return shown_language(invoice.language or settings.LANGUAGE_CODE)


def _offered(language: str, codes: Collection[str]) -> str:
    """Return a language as it is among those that are offered: en for en-us."""
    return language if language in codes else next((one for one in codes if family(one) == family(language)), language)


def _preview(invoice: Invoice, *, mail: str, language: str) -> dict[str, Any]:
    """Return a sample of a mail with the templates and settings of the shop; or what is wrong with them."""
    samples = sample_mails(account=invoice.account, address="ada@example.org", language=language)
    try:
        message: EmailMultiAlternatives = samples[mail].message()
    except Exception as error:  # noqa: BLE001  a template of the shop may raise anything, and this is where it is seen
        return {"preview_problem": f"{type(error).__name__}: {error}"}
    return {
        "subject": message.subject,
        "sender": message.from_email,
        "text": message.body,
        "html": str(message.alternatives[0][0]),
        "files": [name for one in message.attachments if (name := getattr(one, "filename", None))],
    }
