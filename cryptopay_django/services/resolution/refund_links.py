"""Makes and answers links by which a customer gives the address for a refund. Sends no coins.

A link is answered once. Its token is in the link alone: the database has only its digest. An answer invalidates all
other links of the invoice, so only one answer is valid; to ask again, staff make a new link.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import QuerySet
from django.utils import timezone

from ...conf import app_settings
from ...exceptions import InvoiceChangedError, LinkObstacle, NotResolvableError, RefundLinkError
from ...fields import EXACT, canonical
from ...gateway.tags import parted
from ...links import path_of
from ...models import EventKind, Invoice, InvoiceStatus, RefundLink, Resolution, StatusContext
from ...models.locking import write_transaction
from ...permissions import Act
from ...redaction import hide_locals
from ..accounts import is_in_force
from ..events.outbox import new_event, write_events
from ..snapshots.refund_rows import refunds_of
from .people import Actor, check_permitted, person_of
from .refund_destination import checked_address
from .refundable_amount import refundable_amount_of
from .rules import check_resolvable

_CUSTOMERS_AN_HOUR = 5
"""How many links a customer can have made for an invoice in an hour, on the payment page."""


@dataclass(frozen=True, slots=True)
class MadeLink:
    """A new link, and its token: the only time that it can be read."""

    link: RefundLink
    token: str = field(repr=False)

    @property
    def path(self) -> str:
        """The path of the page where the customer answers, on this site."""
        return path_of("refund-address", self.token)


@hide_locals
def make_refund_link(invoice: Invoice, *, actor: Actor | None = None) -> MadeLink:
    """Make a link by which the customer can say where the coins of an invoice are to go back.

    `actor` is the member of staff (permission `refund_invoice_to_address`); their link takes the place of all earlier
    ones. None is the customer on the payment page: for an underpaid, overpaid or late invoice only, while no address
    is named. Locks the invoice, and commits. Raises RefundLinkError and NotPermittedError.
    """
    person = None if actor is None else person_of(actor)
    now, token = timezone.now(), secrets.token_urlsafe(32)
    with write_transaction(Invoice):
        locked = _lock(invoice)
        if person is not None:
            if not person.name:
                raise RefundLinkError("who makes the link must be named", obstacle=LinkObstacle.CLOSED)
            check_permitted(person, Act.REFUND_TO_ADDRESS)
        _check_open(locked, is_customer=person is None)
        links = RefundLink.objects.primary().filter(invoice=locked)
        if person is None:
            _check_customer(locked, links, now)
        else:
            _revoke(links, now)
        link = RefundLink(
            invoice=locked,
            token_digest=_digest(token),
            actor=person.name if person else "",
            created_at=now,
            expires_at=now + timedelta(seconds=app_settings.REFUND_LINK_LIFETIME),
        )
        RefundLink.objects.insert(link)
        event = new_event(locked, EventKind.REFUND_LINK_MADE, at=now, actor=link.actor)
        write_events([event])
    return MadeLink(link, token)


@hide_locals
def find_refund_link(token: str) -> RefundLink:
    """Return the link of a token, open or not, with its invoice; raise RefundLinkError if there is none."""
    rows = RefundLink.objects.primary().select_related("invoice")
    link = rows.filter(token_digest=_digest(token)).first()
    if link is None:
        raise RefundLinkError("there is no such link", obstacle=LinkObstacle.UNKNOWN)
    return link


def check_refund_link(link: RefundLink) -> None:
    """Raise RefundLinkError, with the obstacle, unless the link can be answered now. Reads; locks nothing."""
    _check_link(link, timezone.now())
    _check_open(link.invoice, is_customer=not link.actor)


@hide_locals
def check_refund_place(link: RefundLink, address: str, *, tag: str | None, without_tag: bool) -> tuple[str, str]:
    """Return the plain address and the tag of an answer; raise AddressError or TagError if coins cannot go there."""
    invoice = link.invoice
    plain, found = parted(checked_address(invoice, address.strip(), tag=tag or None, without_tag=without_tag))
    return plain, found or ""


@hide_locals
def name_refund_address(token: str, *, address: str, tag: str | None = None, without_tag: bool = False) -> RefundLink:
    """Write down where the customer wants the coins, once, and return the link.

    Locks the invoice, then the link, and commits; the version of the invoice grows, so that nobody refunds to an older
    address by a form that was opened before. Raises RefundLinkError, AddressError and TagError.
    """
    found = find_refund_link(token)
    now = timezone.now()
    with write_transaction(Invoice):
        locked = _lock(found.invoice)
        link = RefundLink.objects.lock(pk=found.pk)
        if link is None:
            raise RefundLinkError("there is no such link", obstacle=LinkObstacle.UNKNOWN)
        link.invoice = locked
        _check_link(link, now)
        _check_open(locked, is_customer=not link.actor)
        link.address, link.destination_tag = check_refund_place(link, address, tag=tag, without_tag=without_tag)
        link.without_tag, link.network, link.used_at = without_tag, locked.network, now
        RefundLink.objects.write(link)
        _revoke(RefundLink.objects.primary().filter(invoice=locked).exclude(pk=link.pk), now)
        Invoice.objects.change(locked, version=locked.version + 1)
        detail = {
            "address": link.address,
            "destination_tag": link.destination_tag,
            "without_tag": link.without_tag,
            "network": link.network,
            "link_made_by": link.actor,
        }
        once = f"{EventKind.REFUND_ADDRESS_NAMED}:{link.pk}"
        write_events([new_event(locked, EventKind.REFUND_ADDRESS_NAMED, at=now, once=once, detail=detail)])
    return link


def named_refund_address(invoice: Invoice) -> RefundLink | None:
    """Return the link by which the customer named an address last, or None."""
    used = RefundLink.objects.primary().filter(invoice_id=invoice.pk, used_at__isnull=False).exclude(address="")
    return used.order_by("-used_at").first()


def coins_to_return(invoice: Invoice) -> Decimal | None:
    """Return what a refund of an unresolved invoice sends back, before the fee; None if that is not known."""
    if invoice.status != InvoiceStatus.UNRESOLVED or not invoice.paid_amount:
        return None
    if invoice.status_context != StatusContext.OVERPAID:
        return canonical(invoice.paid_amount)
    return None if invoice.pay_amount is None else canonical(EXACT.subtract(invoice.paid_amount, invoice.pay_amount))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _lock(invoice: Invoice) -> Invoice:
    locked = Invoice.objects.lock(pk=invoice.pk)
    if locked is None:
        raise InvoiceChangedError(f"invoice {invoice.pk} does not exist any more")
    return locked


def _check_link(link: RefundLink, now: datetime) -> None:
    if link.used_at is not None:
        raise RefundLinkError("the link was used", obstacle=LinkObstacle.USED)
    if link.revoked_at is not None:
        raise RefundLinkError("a newer link, or an answer, took its place", obstacle=LinkObstacle.REVOKED)
    if now >= link.expires_at:
        raise RefundLinkError("the link has expired", obstacle=LinkObstacle.EXPIRED)


def _check_open(invoice: Invoice, *, is_customer: bool) -> None:
    """Raise RefundLinkError unless coins of the invoice may go back to a customer, and are not on their way."""
    why = ""
    if invoice.status == InvoiceStatus.COMPLETED and not is_customer:
        if invoice.quarantine_reason or not is_in_force(invoice):
            why = f"invoice {invoice.pk} is quarantined, or of another environment"
        elif invoice.settled_amount and not refundable_amount_of(invoice, refunds_of(invoice)).value_amount:
            why = f"nothing is left to refund of invoice {invoice.pk}: all of it was sent back, or is on its way"
    else:
        try:
            check_resolvable(invoice)
        except NotResolvableError as error:
            why = str(error)
    if not invoice.network:
        why = why or f"the network of invoice {invoice.pk} is not known, so that no address can be checked"
    elif Resolution.objects.primary().filter(invoice_id=invoice.pk, active=True).exists():
        why = why or f"a settlement or refund of invoice {invoice.pk} is under way: the address cannot change now"
    if why:
        raise RefundLinkError(why, obstacle=LinkObstacle.CLOSED)


def _check_customer(invoice: Invoice, links: QuerySet[RefundLink], now: datetime) -> None:
    if links.filter(used_at__isnull=False).exists():
        raise RefundLinkError("an address is named already: staff can ask again", obstacle=LinkObstacle.USED)
    if links.filter(actor="", created_at__gte=now - timedelta(hours=1)).count() >= _CUSTOMERS_AN_HOUR:
        raise RefundLinkError(f"too many links for invoice {invoice.pk}", obstacle=LinkObstacle.TOO_MANY)


def _revoke(links: QuerySet[RefundLink], now: datetime) -> None:
    links.filter(used_at=None, revoked_at=None).update(revoked_at=now)
