"""Finds a customer in stored callbacks, in whatever member of the body, and deletes them.

A callback about a payment on a channel, a withdrawal, a subscription, or about an invoice that is not ours, has the
customer's data in its bytes alone: no row of ours leads there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from django.db.models import QuerySet

from ..exceptions import WireError
from ..gateway.strictjson import Json, parse_json_tolerantly
from ..models import Callback, ChannelPayment, HandlerDelivery, InvoiceEvent
from ..models.channel_payment import held_payments, open_payments
from ..models.locking import write_transaction
from .events.handler_lane import pending_calls

_CHUNK = 200


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
        if payments.filter(open_payments() | held_payments()).exists():
            return "its channel payment is open, or held for a person"
        events = InvoiceEvent.objects.primary().filter(callback=callback)
        if events.filter(next_attempt_at__isnull=False).exists() or _calls_of(events).exists():
            return "its event is pending"
        keys = list(events.values_list("pk", flat=True))
        InvoiceEvent.objects.filter(pk__in=keys).update(last_error="")
        HandlerDelivery.objects.filter(event__in=keys).update(last_error="")
        callback.delete()
    return ""


def _calls_of(events: QuerySet[InvoiceEvent]) -> QuerySet[HandlerDelivery]:
    return pending_calls().filter(event__in=events, next_attempt_at__isnull=False)


def _names(body: bytes, *, customer_id: str, payer_email: str) -> bool:
    try:
        said = parse_json_tolerantly(body)
    except WireError:
        # No JSON: it may hold anything, so that the name itself decides.
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
