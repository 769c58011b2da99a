"""Finds a customer where no row of an invoice or a channel leads: in stored callbacks, payment links, and log lines.

A callback about a payment on a channel, a withdrawal, a subscription, or about an invoice that is not ours, has the
customer's data in its bytes alone. A payment link has what staff wrote into its texts, and Django's log of the admin
repeats it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any
from uuid import UUID

from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model, Q, QuerySet
from django.utils import timezone

from ..exceptions import WireError
from ..gateway.strictjson import Json, parse_json_tolerantly
from ..gateway.tags import parted
from ..models import (
    Callback,
    ChannelPayment,
    EventKind,
    HandlerDelivery,
    Invoice,
    InvoiceEvent,
    InvoiceStatus,
    PaymentLink,
    PaymentLinkUse,
    Refund,
    RefundLink,
    Resolution,
    ResolutionStatus,
)
from ..models.channel_payment import open_payments, quarantined_payments
from ..models.locking import write_transaction
from ..models.orders import order_types
from .events.call_handlers import pending_calls

_CHUNK = 200
_ERASED = "(erased)"


def callbacks_of_customer(*, customer_id: str, payer_email: str) -> Iterator[Callback]:
    """Yield the callbacks, without those of invoices here, whose body names a customer. Reads all of their bodies.

    The shop's id counts in every member that is called `customer_id`, and as the `id` of a `customer`, however deep;
    the e-mail address in every text that contains it, in upper or lower case.
    """
    rows, last = Callback.objects.primary().filter(invoice=None).only("pk", "body").order_by("pk"), 0
    while chunk := list(rows.filter(pk__gt=last)[:_CHUNK]):
        last = chunk[-1].pk
        for row in chunk:
            if _names(bytes(row.body), customer_id=customer_id, payer_email=payer_email.casefold()):
                yield row


def erase_callback(key: int) -> str:
    """Delete a callback under its lock, and the errors of its deliveries; return why not, or nothing."""
    with write_transaction(Callback):
        callback = Callback.objects.lock(pk=key)
        if callback is None:
            return ""
        if callback.next_attempt_at is not None:
            return "it is pending"
        payments = ChannelPayment.objects.primary().filter(callbacks=callback)
        if payments.filter(open_payments() | quarantined_payments()).exists():
            return "its channel payment is open, or held for a person"
        events = InvoiceEvent.objects.primary().filter(callback=callback)
        if events.filter(next_attempt_at__isnull=False).exists() or _calls_of(events).exists():
            return "its event is pending"
        keys = list(events.values_list("pk", flat=True))
        InvoiceEvent.objects.filter(pk__in=keys).update(last_error="")
        HandlerDelivery.objects.filter(event__in=keys).update(last_error="")
        callback.delete()
    return ""


def links_of_customer(invoices: QuerySet[Invoice], *, customer_id: str, payer_email: str) -> list[UUID]:
    """Return the keys of payment links that are a customer's.

    They are those that are paid once and have made one of these invoices, and those whose texts have the e-mail
    address, or whose reference is the shop's id of the customer.
    """
    uses = PaymentLinkUse.objects.primary().filter(single=True, pk__in=_orders_of(invoices))
    found = Q(pk__in=list(uses.values_list("link_id", flat=True)))
    if customer_id:
        found |= Q(reference=customer_id)
    if payer_email:
        found |= Q(reference__icontains=payer_email) | Q(description__icontains=payer_email)
    return list(PaymentLink.objects.primary().filter(found).order_by("created_at").values_list("pk", flat=True))


def invoices_of_links(links: Iterable[UUID]) -> QuerySet[Invoice]:
    """Return the invoices that payment links have made: they repeat the text of the link."""
    uses = PaymentLinkUse.objects.primary().filter(link__in=list(links))
    keys = list(uses.values_list("pk", flat=True))
    return Invoice.objects.primary().filter(
        order_content_type__in=order_types(PaymentLinkUse), order_object_id__in=keys
    )


def erase_link(key: UUID) -> str:
    """Erase the texts of a payment link under its lock; return why not, or nothing."""
    with write_transaction(PaymentLink):
        link = PaymentLink.objects.lock(pk=key)
        if link is None:
            return ""
        is_paid = invoices_of_links([key]).filter(status=InvoiceStatus.COMPLETED).exists()
        is_over = link.cancelled_at is not None or link.is_expired(timezone.now())
        if not is_over and (link.is_reusable or not is_paid):
            return "the payment link can still be paid: cancel it first"
        link.description = link.reference = ""
        link.save(update_fields=["description", "reference"])
        rename_in_log(link)
    return ""


def erase_named_addresses(invoice: Invoice) -> None:
    """Erase the addresses that no coins went to: named by the customer, or of refunds that have failed."""
    RefundLink.objects.filter(invoice=invoice).update(address="", destination_tag="")
    events = list(InvoiceEvent.objects.primary().filter(invoice=invoice))
    named = [event.pk for event in events if event.kind == EventKind.REFUND_ADDRESS_NAMED]
    InvoiceEvent.objects.filter(pk__in=named).update(detail={})
    for failed in Resolution.objects.primary().filter(invoice=invoice, status=ResolutionStatus.FAILED):
        address = failed.parameters.get("address")
        if not address or _is_paid_to(invoice, address):
            continue
        parameters = {**failed.parameters, "address": _ERASED}
        error = _without(address, failed.error)
        Resolution.objects.filter(pk=failed.pk).update(parameters=parameters, error=error)
        for event in events:
            if event.detail.get("resolution") == str(failed.pk):
                detail = {name: _without(address, value) for name, value in event.detail.items()}
                InvoiceEvent.objects.filter(pk=event.pk).update(detail=detail)


def _is_paid_to(invoice: Invoice, address: str) -> bool:
    """Return whether coins of an invoice went to an address, or are on their way to it."""
    return Refund.objects.primary().filter(invoice=invoice, address__in=(address, parted(address)[0])).exists()


def _without(address: str, value: Any) -> Any:
    for text in (address, parted(address)[0]):
        value = value.replace(text, _ERASED) if isinstance(value, str) else value
    return value


def rename_in_log(row: Model) -> None:
    """Write the present name of a row into Django's log of the admin, which keeps the name that it had."""
    if not apps.is_installed("django.contrib.admin"):
        return
    entries = apps.get_model("admin", "LogEntry")._default_manager
    kind = ContentType.objects.db_manager(entries.db).get_for_model(type(row))
    entries.filter(content_type_id=kind.pk, object_id=str(row.pk)).update(object_repr=str(row)[:200])


def _orders_of(invoices: QuerySet[Invoice]) -> list[str]:
    found = invoices.filter(order_content_type__in=order_types(PaymentLinkUse))
    return list(found.values_list("order_object_id", flat=True))


def _calls_of(events: QuerySet[InvoiceEvent]) -> QuerySet[HandlerDelivery]:
    return pending_calls().filter(event__in=events, next_attempt_at__isnull=False)


def _names(body: bytes, *, customer_id: str, payer_email: str) -> bool:
    try:
        said = parse_json_tolerantly(body)
    except WireError:
        # No JSON: it may contain anything, so that the name itself decides.
        text = body.decode("utf-8", "replace").casefold()
        return any(name and name.casefold() in text for name in (customer_id, payer_email))
    return any(
        (customer_id and is_id and text == customer_id) or (payer_email and payer_email in text.casefold())
        for is_id, text in _texts(said)
    )


def _texts(value: Json, *names: str) -> Iterator[tuple[bool, str]]:
    """Yield the texts and whole numbers in a body, keys too, and whether each is the shop's id of a customer."""
    match value:
        case dict():
            for name, inner in value.items():
                yield False, name
                yield from _texts(inner, *names[-1:], name)
        case list():
            for inner in value:
                yield from _texts(inner, *names)
        case str():
            yield _is_id(names), value
        case int() if not isinstance(value, bool):
            yield _is_id(names), str(value)


def _is_id(names: Iterable[str]) -> bool:
    path = tuple(names)
    return path[-1:] == ("customer_id",) or path[-2:] == ("customer", "id")
