"""Builds the e-mail of a mail: plain text and HTML from templates, in the language of the invoice."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parseaddr
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import EmailMultiAlternatives
from django.template.loader import select_template
from django.utils import translation
from django.utils.translation import gettext

from ..conf import app_settings
from ..links import path_of, url_of
from ..logs import about
from ..pages.contact_promises import promise
from ..pages.languages import direction, shown_language
from ..pages.payment_panel import shop_name, support
from ..pages.receipt import receipt_note, receipt_pdf
from .choose_mail import REVIEWED, Facts
from .mail_texts import lines_of, title_and_text

logger = logging.getLogger("cryptopay_django")

_FOLDER = "cryptopay_django/mail"
_ISOLATES = str.maketrans("", "", "\u2066\u2069")


@dataclass(frozen=True)
class CustomerMail:
    """A mail to one customer: what it is about, and the address."""

    facts: Facts
    address: str = field(repr=False)
    language: str = ""
    """The customer's language; empty for that of the invoice."""

    @property
    def once(self) -> str:
        """The key of a mail that a customer gets only once."""
        return self.facts.once

    @property
    def detail(self) -> Mapping[str, Any]:
        """The entry of the timeline about the mail. Without the address, which belongs to the customer."""
        return {"mail": self.facts.kind, "language": self._language}

    @cached_property
    def _language(self) -> str:
        return shown_language(self.language or self.facts.invoice.language or settings.LANGUAGE_CODE)

    def send(self) -> None:
        """Send it by Django's e-mail; raise what a template or the mail server raises."""
        self.message().send()

    def message(self) -> EmailMultiAlternatives:
        """Return the e-mail. Its Message-ID is the same each time that it is built."""
        invoice = self.facts.invoice
        sender = app_settings.of(invoice.account).CUSTOMER_MAIL_FROM or settings.DEFAULT_FROM_EMAIL
        contact = app_settings.of(invoice.account).SUPPORT_EMAIL
        host = parseaddr(sender)[1].partition("@")[2] or "localhost"
        with translation.override(self._language):
            context = self.context()
            message = EmailMultiAlternatives(
                subject=" ".join(self._plain("subject.txt", context).split()),
                body=self._plain("message.txt", context),
                from_email=sender,
                to=[self.address],
                reply_to=[contact] if contact else None,
                headers={
                    "Message-ID": f"<{uuid.uuid5(invoice.pk, self.once).hex}@{host}>",
                    "Auto-Submitted": "auto-generated",
                },
            )
            message.attach_alternative(self._render("message.html", context), "text/html")
            if pdf := self._receipt():
                message.attach(filename=f"receipt-{invoice.pk}.pdf", content=pdf, mimetype="application/pdf")
        return message

    def context(self) -> dict[str, Any]:
        """Return the context of the templates, in the active language."""
        facts, invoice = self.facts, self.facts.invoice
        title, text = title_and_text(facts)
        return {
            "kind": facts.kind,
            "invoice": invoice,
            "lang": self._language,
            "dir": direction(self._language),
            "shop_name": shop_name(invoice),
            "title": title,
            "text": text,
            "promise": promise(facts.progress) if facts.progress.state in REVIEWED else "",
            "rows": list(lines_of(facts)),
            "note": receipt_note(facts.receipt) if facts.receipt else "",
            "button_url": self._url("receipt" if facts.kind == "paid" else "checkout"),
            "button_text": _button_text(facts.kind),
            **support(invoice),
        }

    def _url(self, name: str) -> str:
        if not app_settings.SITE_URL:
            raise ImproperlyConfigured(
                "CRYPTOPAY_SITE_URL is empty: a mail cannot link to the payment page without it"
            )
        query = urlencode({"lang": self._language})
        return f"{url_of(path_of(name, self.facts.invoice.pk))}?{query}"

    def _receipt(self) -> bytes | None:
        """Return the receipt as PDF, where one can be made; a failure to make it delays no mail."""
        if self.facts.receipt is None:
            return None
        invoice = self.facts.invoice
        try:
            return receipt_pdf(self.facts.receipt)
        except Exception:
            text = "the receipt of invoice %s as PDF cannot be made; the mail leaves without it"
            logger.exception(text, invoice.pk, extra=about(invoice))
            return None

    def _plain(self, usual: str, context: dict[str, Any]) -> str:
        """Render plain text. Marks of direction are left to languages that need them: some programs show them."""
        text = self._render(usual, context)
        return text if context["dir"] == "rtl" else text.translate(_ISOLATES)

    def _render(self, usual: str, context: dict[str, Any]) -> str:
        """Render the template of this mail if the shop has one, otherwise the usual one."""
        own = usual.replace("message", self.facts.kind).replace("subject", f"{self.facts.kind}_subject")
        return str(select_template([f"{_FOLDER}/{own}", f"{_FOLDER}/{usual}"]).render(context))


def _button_text(kind: str) -> str:
    """Return what the button says: "Open" only where the customer has something to do on the page."""
    if kind == "paid":
        return gettext("Receipt")
    is_asked = kind in ("created", "partly_paid", "expired")
    return gettext("Open the payment page") if is_asked else gettext("See the state of your payment")
