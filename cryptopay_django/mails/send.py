"""Sends the mails that are due. The worker and `send_mails_task` call it."""

from __future__ import annotations

from django.utils import timezone

from ..caching import claim
from ..models import InvoiceEvent
from ..services.events.send_mails import send_due_mails
from ..services.invoices.customer_email import customer_address
from ..services.invoices.expired_mail_events import note_expired_invoices
from .choose_mail import facts_of
from .message import CustomerMail

_LOOK_EVERY = 20.0
"""Seconds between two looks for invoices whose time is up."""


def send_customer_mails() -> int:
    """Send the mails of CRYPTOPAY_CUSTOMER_MAILS that are due; return how many were sent or had become untrue.

    Any number of processes may run this. Nothing that it meets is raised, but for a database that does not answer.
    """
    if claim("cryptopay_django:expired", _LOOK_EVERY):
        note_expired_invoices(timezone.now())
    return send_due_mails(find_mail)


def find_mail(event: InvoiceEvent) -> CustomerMail | None:
    """Return the mail of an event, or None if there is nothing to say any more, or no address to say it to."""
    facts = facts_of(event)
    address = customer_address(facts.invoice) if facts else ""
    return CustomerMail(facts, address) if facts and address else None
