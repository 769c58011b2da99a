"""Finds a payment link by its token, counts how often it is opened, and begins a payment by it.

Opening a link makes no invoice: a messenger that shows a preview opens it too. `begin_use` writes the row that is the
order of the invoices; `services/invoices` makes one invoice for it, as for any order.
"""

from __future__ import annotations

import re
import secrets
from contextlib import suppress
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import OperationalError
from django.db.models import F
from django.utils import timezone

from ...exceptions import PaymentLinkError, PaymentLinkObstacle, PaymentLinkRequestError
from ...fields import canonical
from ...models import Invoice, PaymentLink, PaymentLinkUse
from ...models.locking import write_transaction
from ...models.orders import order_types
from ..accounts import is_in_force
from ..invoices.current_invoice import payment_under_way
from .create import checked_amount

_KEY = re.compile(r"[A-Za-z0-9_-]{22}", re.ASCII)
_USES, _WITHIN = 30, timedelta(minutes=1)
"""How many payments a reusable link can begin in a minute. All links of an account share its calls for creations."""


def new_key() -> str:
    """Return a random key for a use: it cannot be guessed, and a form sends it, so that pressing twice is one use."""
    return secrets.token_urlsafe(16)


def find_payment_link(token: str) -> PaymentLink:
    """Return the link of a token, in any state; raise PaymentLinkError if there is none."""
    link = PaymentLink.objects.primary().filter(token=token).first()
    if link is None:
        raise PaymentLinkError("there is no such payment link", obstacle=PaymentLinkObstacle.UNKNOWN)
    return link


def find_use(link: PaymentLink, key: str = "") -> PaymentLinkUse | None:
    """Return the payment by a link that has begun: the one there is, or of a reusable link the one with this key."""
    uses = PaymentLinkUse.objects.primary().filter(link=link).select_related("link")
    if link.is_reusable:
        return uses.filter(pk=key).first() if _KEY.fullmatch(key) else None
    return uses.first()


def use_of(invoice: Invoice) -> PaymentLinkUse | None:
    """Return the payment by a link that an invoice is for, or None. Makes no query for the order of a shop."""
    types = [one.pk for one in order_types(PaymentLinkUse)]
    if invoice.order_content_type_id not in types:
        return None
    uses = PaymentLinkUse.objects.primary().select_related("link")
    return uses.filter(pk=invoice.order_object_id).first()


def count_opening(link: PaymentLink) -> None:
    """Count that the page of a link was opened. If the database is too busy to write it, the page matters more."""
    with suppress(OperationalError), write_transaction(PaymentLink):
        rows = PaymentLink.objects.primary().filter(pk=link.pk)
        rows.update(opened_count=F("opened_count") + 1, opened_at=timezone.now())


def check_payment_link(link: PaymentLink) -> None:
    """Raise PaymentLinkError, with the obstacle, unless a customer can begin to pay by the link now."""
    obstacle = None
    if link.cancelled_at is not None:
        obstacle = PaymentLinkObstacle.CANCELLED
    elif link.is_expired(timezone.now()):
        obstacle = PaymentLinkObstacle.EXPIRED
    elif not is_in_force(link):
        obstacle = PaymentLinkObstacle.OTHER_ENVIRONMENT
    if obstacle is not None:
        raise PaymentLinkError(f"payment link {link.pk} cannot be paid by: {obstacle}", obstacle=obstacle)


def chosen_amount(link: PaymentLink, amount: object = None) -> Decimal:
    """Return what a customer pays: the fixed amount, or the one that the customer has chosen.

    Raises PaymentLinkRequestError (field "amount") for an amount that is none or that the link does not allow.
    """
    if link.price_amount is not None:
        return canonical(link.price_amount)
    chosen = checked_amount(amount, link.price_currency, link.account, field="amount")
    if not link.allows(chosen):
        raise PaymentLinkRequestError(f"{chosen:f} is outside of what payment link {link.pk} allows", field="amount")
    return chosen


def begin_use(link: PaymentLink, *, amount: Decimal, key: str = "") -> PaymentLinkUse:
    """Return the row that is the order of the customer's invoice, made if need be.

    A link for one use has one row, whoever asks. A reusable link has one for each `key`, which is from `new_key`. As
    long as nothing was paid, the customer can choose another amount. Locks the link, and commits. Raises
    PaymentLinkError if the link is over, or if too many payments by it began in a minute.
    """
    now = timezone.now()
    with write_transaction(PaymentLink):
        locked = PaymentLink.objects.lock(pk=link.pk)
        if locked is None:
            raise PaymentLinkError("there is no such payment link", obstacle=PaymentLinkObstacle.UNKNOWN)
        check_payment_link(locked)
        use = find_use(locked, key)
        if use is None:
            return _add(locked, amount, key, now)
        if use.price_amount != amount and payment_under_way(use) is None:
            PaymentLinkUse.objects.change(use, price_amount=amount)
        return use


def _add(link: PaymentLink, amount: Decimal, key: str, now: datetime) -> PaymentLinkUse:
    uses = PaymentLinkUse.objects.primary()
    if uses.filter(link=link, created_at__gte=now - _WITHIN).count() >= _USES:
        message = f"{_USES} payments by payment link {link.pk} began within a minute: try again in a moment"
        raise PaymentLinkError(message, obstacle=PaymentLinkObstacle.TOO_MANY)
    if not _KEY.fullmatch(key) or uses.filter(pk=key).exists():
        key = new_key()
    use = PaymentLinkUse(
        id=key, link=link, single=None if link.is_reusable else True, price_amount=amount, created_at=now
    )
    PaymentLinkUse.objects.insert(use)
    return use
