"""Sends coins back for a refund of pretix.

pretix executes a refund inside its transaction, and a gateway cannot be rolled back. So a refund is in transit at
first, and is sent when pretix has committed it. Then the events of cryptopay_django complete it or let it fail.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django_scopes import scopes_disabled
from pretix.base.models import Order, OrderPayment, OrderRefund
from pretix.base.payment import PaymentException
from pretix.helpers import OF_SELF

from cryptopay_django.adapters import find_refund_place
from cryptopay_django.models import Invoice, Refund, Resolution
from cryptopay_django.services import (
    check_refund_address,
    check_returnable,
    quote_refund,
    refund_invoice,
    withdraw_resolution,
)

from .accounts import NOT_DONE, words_for_staff

logger = logging.getLogger("pretix_cryptopay")

ACTOR = "pretix"
BOOKED = "cryptopay_invoice"
"""The key in `OrderPayment.info` with the invoice whose money is on record there."""

STARTED_AT = "started_at"
"""The key in `OrderRefund.info` with the time from which LOST_AFTER counts."""

LOST_AFTER = timedelta(minutes=15)
"""A refund that was not sent after this time will not be: the process that was to send it has ended."""


def returnable_invoice(payment: OrderPayment) -> Invoice | None:
    """Return the completed invoice of a payment, of which money can be sent back, or None."""
    key = payment.info_data.get(BOOKED)
    invoice = Invoice.objects.filter(pk=key).first() if key and payment.provider == "cryptopay" else None
    if invoice is None:
        return None
    try:
        check_returnable(invoice)
    except NOT_DONE:
        return None
    return invoice


def returnable_payments(order: Order) -> list[OrderPayment]:
    """Return the payments of an order of which something can still be sent back. Each has its `invoice`."""
    found = []
    for payment in order.payments.filter(provider="cryptopay", state=OrderPayment.PAYMENT_STATE_CONFIRMED):
        payment.invoice = returnable_invoice(payment)
        payment.left_amount = payment.amount - payment.refunded_amount
        if payment.invoice is not None and payment.left_amount > 0:
            found.append(payment)
    return found


def place_of(payment: OrderPayment) -> dict[str, Any] | None:
    """Return the address that the customer has named for the coins of a payment, or None."""
    invoice = returnable_invoice(payment)
    return find_refund_place(invoice) if invoice else None


def asked_by_staff(data: Mapping[str, str], amount: Decimal, order: Order) -> OrderRefund:
    """Return a refund, not saved, as staff asked for it in the form of pretix. Raises ValidationError."""
    wanted = data.get("cryptopay-payment", "")
    payment = next((one for one in returnable_payments(order) if str(one.pk) == wanted), None)
    if payment is None:
        raise ValidationError(_("Choose the payment whose coins go back."))
    if amount > payment.left_amount:
        raise ValidationError(_("This is more than is left of the payment %(id)s.") % {"id": payment.full_id})
    place: dict[str, Any] = {
        "address": data.get("cryptopay-address", "").strip(),
        "tag": data.get("cryptopay-tag", "").strip() or None,
        "without_tag": data.get("cryptopay-without-tag") == "on",
    }
    try:
        check_refund_address(payment.invoice, **place)
    except NOT_DONE as error:
        raise ValidationError(words_for_staff(error)) from error
    refund = OrderRefund(
        order=order,
        payment=payment,
        source=OrderRefund.REFUND_SOURCE_ADMIN,
        state=OrderRefund.REFUND_STATE_CREATED,
        amount=amount,
        provider="cryptopay",
    )
    refund.info_data = place
    return refund


def start(refund: OrderRefund) -> None:
    """Bring a refund on its way: in transit now, sent after the commit.

    Raises PaymentException, also if the gateway refuses it. Inside a transaction that is known by a quote.
    """
    payment = refund.payment
    place = _asked_place(refund) or (place_of(payment) if payment else None)
    invoice = returnable_invoice(payment) if payment else None
    if place is None or invoice is None:
        raise PaymentException(
            _("It is not known where the coins are to go. Ask the customer for an address, or enter one.")
        )
    is_open = transaction.get_connection().in_atomic_block
    if is_open:  # what pretix does next, such as to cancel the order, is committed before the coins are sent
        try:
            quote_refund(invoice, amount=refund.amount, **place)
        except NOT_DONE as error:
            raise PaymentException(words_for_staff(error)) from error
    refund.info_data = {**place, STARTED_AT: timezone.now().isoformat()}
    refund.state = OrderRefund.REFUND_STATE_TRANSIT
    refund.save(update_fields=["info", "state"])
    if is_open:
        transaction.on_commit(lambda: send(refund.pk), robust=True)
        return
    why_not = send(refund.pk)
    refund.refresh_from_db()
    if why_not:
        raise PaymentException(why_not)  # so pretix says so, and leaves the order as it is


def send(refund_id: int) -> str:
    """Ask the gateway to send the coins of a refund; return why nothing was sent, or an empty text.

    What fails before the gateway has accepted it is on record. A refund that is not in transit any more is left alone:
    staff have cancelled it, or it was given up.
    """
    with scopes_disabled():
        refund = OrderRefund.objects.select_related("order__event__organizer", "payment").get(pk=refund_id)
        invoice, place = returnable_invoice(refund.payment), _asked_place(refund)
        if refund.state != OrderRefund.REFUND_STATE_TRANSIT:
            return ""
        if invoice is None or place is None:
            return fail(refund, "the payment cannot be sent back any more")
        try:
            done = refund_invoice(invoice, actor=ACTOR, reason=reason_of(refund), amount=refund.amount, **place)
        except NOT_DONE as error:
            return fail(refund, words_for_staff(error))
        why_not = why_not_done(done, actor=ACTOR)
        return fail(refund, why_not) if why_not else ""


def why_not_done(done: Resolution, *, actor: str) -> str:
    """Return why a resolution has failed, or an empty text.

    One that waits for a second person is dropped: pretix has no page for that person.
    """
    if done.awaits_approval:
        withdraw_resolution(done, actor=actor, reason="pretix has no page for a second person")
        return _("A second person would have to confirm it, and pretix has no page for that. Nothing was sent.")
    return done.error if done.status == "failed" else ""


def look_after() -> None:
    """Let refunds fail that were never sent, or whose answer came later and was no. For the periodic task."""
    with scopes_disabled():
        waiting = OrderRefund.objects.filter(provider="cryptopay", state=OrderRefund.REFUND_STATE_TRANSIT)
        for refund in waiting.select_related("order__event__organizer", "payment"):
            resolution = Resolution.objects.filter(**_of(refund)).first()
            started_at = refund.info_data.get(STARTED_AT) or refund.created.isoformat()
            if resolution is None and datetime.fromisoformat(started_at) < timezone.now() - LOST_AFTER:
                fail(refund, "it was not sent, because the server was stopped; start it again")
            elif resolution is not None and resolution.status == "failed":
                fail(refund, resolution.error)


def fail(refund: OrderRefund, error: str) -> str:
    """Let a refund fail that is in transit, and write down why; return that."""
    with transaction.atomic():
        row = OrderRefund.objects.select_for_update(of=OF_SELF).get(pk=refund.pk)
        if row.state != OrderRefund.REFUND_STATE_TRANSIT:
            return error
        row.state = OrderRefund.REFUND_STATE_FAILED
        row.save(update_fields=["state"])
        data = {"local_id": row.local_id, "provider": row.provider, "error": error}
        refund.order.log_action("pretix.event.order.refund.failed", data)
    logger.warning("refund %s failed: %s", refund.full_id, error)
    return error


def reason_of(refund: OrderRefund) -> str:
    """Return the reason on record at cryptopay_django, by which a refund is found again."""
    return f"pretix refund {refund.global_id}"


def find_asked(order: Order, reason: str) -> OrderRefund | None:
    """Return the refund of pretix that has this reason, or None."""
    return next((one for one in order.refunds.filter(provider="cryptopay") if reason_of(one) == reason), None)


def sent_for(refund: OrderRefund) -> Refund | None:
    """Return what the gateway shows of a refund, or None before it has accepted it."""
    return Refund.objects.filter(resolution__in=Resolution.objects.filter(**_of(refund))).first()


def _of(refund: OrderRefund) -> dict[str, Any]:
    """Return the filter for the resolution of a refund."""
    booked = refund.payment.info_data.get(BOOKED) if refund.payment else None
    return {"reason": reason_of(refund), "invoice_id": booked}


def _asked_place(refund: OrderRefund) -> dict[str, Any] | None:
    """Return where the coins of a refund go, as `refund_invoice` takes it; None if nobody has said it."""
    asked = refund.info_data
    if not asked.get("address"):
        return None
    return {"address": asked["address"], "tag": asked["tag"] or None, "without_tag": asked["without_tag"]}
