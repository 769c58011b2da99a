"""Lists everything that happened to an invoice, a payment or a callback: callbacks, events, actions, polls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ..models import (
    Callback,
    CallbackOutcome,
    ChannelPayment,
    EventKind,
    HandlerDelivery,
    InvoiceEvent,
    ResolutionKind,
    Subject,
)
from ..services.events.outbox import SIGNALS
from ..services.events.unheard import unheard_kinds
from ..services.events.withholding import is_withheld
from .display import amount, context_name, moment_text
from .fact_names import fact_name

MOST = 200
"""How many callbacks, and how many events, a page shows at most: the newest."""

_CURRENCIES: dict[str, str] = {
    "credited_amount": "price_currency",
    "ordered_amount": "price_currency",
    "settled_amount": "price_currency",
    "shortfall_amount": "price_currency",
    "price_amount": "price_currency",
    "pay_amount": "pay_currency",
    "paid_amount": "pay_currency",
    "fee_amount": "fee_currency",
    "received_amount": "received_currency",
    "network_fee_amount": "received_currency",
    "charged_amount": "charged_currency",
    "most_charged_amount": "charged_currency",
    "present_value_amount": "price_currency",
    "amount": "currency",
    "value_amount": "price_currency",
}
_OF_CHANNEL_PAYMENTS = {"paid_amount": "paid_currency"}
"""The same where the event is about a payment on a channel."""

_INTERNAL = {
    *("custom_id", "network_fee_level"),
    *("call", "invoice_version", "quote_expires_at", "recalculation_id", "resolution", "resolution_kind"),
    *_CURRENCIES.values(),
    *_OF_CHANNEL_PAYMENTS.values(),
}
_TONES = {
    EventKind.INVOICE_COMPLETED: "good",
    EventKind.PAYMENT_CONFIRMED: "good",
    EventKind.INVOICE_SETTLED_SHORT: "warning",
    EventKind.INVOICE_UNRESOLVED: "warning",
    EventKind.INVOICE_QUARANTINED: "alarm",
    EventKind.STATUS_OVERRULED: "alarm",
    EventKind.RISK_HIGH: "alarm",
    EventKind.DELIVERY_FAILING: "alarm",
    EventKind.HANDLER_GIVEN_UP: "alarm",
    EventKind.HOOK_FAILED: "alarm",
    EventKind.REFUND_SUCCEEDED: "good",
    EventKind.CHANNEL_PAYMENT_COMPLETED: "good",
    EventKind.CHANNEL_PAYMENT_ON_HOLD: "alarm",
    EventKind.REFUND_FAILED: "alarm",
    EventKind.APPROVAL_REQUESTED: "warning",
    EventKind.RESOLUTION_SUCCEEDED: "good",
    EventKind.RESOLUTION_FAILED: "alarm",
    EventKind.RESOLUTION_UNKNOWN: "warning",
    EventKind.RESOLUTION_STUCK: "alarm",
    EventKind.RESOLUTION_ENDED: "warning",
    EventKind.RESOLUTION_ALARM: "alarm",
}


@dataclass(frozen=True)
class Call:
    """The delivery of an event to a durable handler. `state`: done, waiting, pending (failed), dead."""

    delivery_id: int
    handler: str
    state: str
    text: str
    traceback: str
    can_retry: bool


@dataclass(frozen=True)
class Entry:
    """One line. `source`: callback, event, person or poll."""

    at: datetime
    source: str
    title: str
    tone: str = "plain"
    who: str = ""
    facts: list[tuple[str, str]] = field(default_factory=list)
    url: str = ""
    delivery: str = ""
    is_pending: bool = False
    traceback: str = ""
    event_id: int | None = None
    kind: str = ""
    is_notice_due: bool = False
    calls: list[Call] = field(default_factory=list)


@dataclass(frozen=True)
class Timeline:
    """The lines, oldest first, and whether older ones were left out."""

    entries: list[Entry]
    is_cut: bool

    @property
    def is_delivered(self) -> bool:
        """Return whether no signal of the invoice is still to be delivered."""
        return not any(entry.is_pending for entry in self.entries)

    @property
    def undelivered(self) -> list[str]:
        """The handlers of the shop that have failed and not heard of everything yet."""
        calls = [call for entry in self.entries for call in entry.calls]
        return sorted({call.handler for call in calls if call.state in ("pending", "dead")})


def timeline_of(about: Subject, *, site_name: str) -> Timeline:
    """Return the timeline of an invoice, a payment or a callback. Three queries, however much happened."""
    if isinstance(about, Callback):
        callbacks, callbacks_cut = [about], False
    else:
        callbacks, callbacks_cut = _newest(about.callbacks.defer("body"))
    events, events_cut = _newest(about.events.select_related("payment").prefetch_related("deliveries"))
    entries = [
        *(_of_callback(one, site_name) for one in callbacks),
        *(_of_event(one, about) for one in events),
        *_of_polls(about),
    ]
    order = {"callback": 0, "event": 1, "person": 1, "poll": 2}
    entries.sort(key=lambda entry: (entry.at, order[entry.source], entry.event_id or 0))
    return Timeline(entries, callbacks_cut or events_cut)


def _newest(rows: QuerySet[Any]) -> tuple[list[Any], bool]:
    found = list(rows.order_by("-pk")[: MOST + 1])
    return found[:MOST], len(found) > MOST


def _of_callback(callback: Callback, site_name: str) -> Entry:
    tone = "alarm" if callback.outcome == CallbackOutcome.UNREADABLE else "plain"
    return Entry(
        callback.received_at,
        "callback",
        _("callback: %(event)s") % {"event": callback.event or _("not read yet")},
        tone="warning" if callback.outcome == CallbackOutcome.PENDING else tone,
        facts=[
            (_("outcome"), str(callback.get_outcome_display())),
            *([(_("why"), callback.error)] if callback.error else []),
        ],
        url=reverse(f"{site_name}:cryptopay_django_callback_change", args=[callback.pk]),
    )


def _of_event(event: InvoiceEvent, about: Subject) -> Entry:
    is_signal = event.kind in SIGNALS
    is_pending = event.next_attempt_at is not None
    return Entry(
        event.created_at,
        "person" if event.actor else "event",
        _title(event),
        tone=_TONES.get(EventKind(event.kind), "plain") if event.kind in EventKind else "plain",
        who=event.actor,
        facts=list(_facts(event, about)),
        delivery=_delivery(event, about) if is_signal or is_pending else "",
        is_pending=is_pending,
        traceback=event.last_error if is_pending else "",
        event_id=event.pk,
        kind=event.kind,
        is_notice_due=event.notice_due_at is not None,
        calls=[_call(one) for one in sorted(event.deliveries.all(), key=lambda one: one.handler)],
    )


def _title(event: InvoiceEvent) -> str:
    kind = event.detail.get("resolution_kind")
    words = dict(ResolutionKind.choices)
    return f"{event.get_kind_display()} ({words.get(kind, kind)})" if kind else str(event.get_kind_display())


def _of_polls(about: Subject) -> Iterator[Entry]:
    if not isinstance(about, Callback) and about.polled_at is not None:
        yield Entry(about.polled_at, "poll", _("the gateway was last polled"))


def _delivery(event: InvoiceEvent, about: Subject) -> str:
    if event.delivered_at is not None:
        return _("delivered to the shop at %(at)s") % {"at": moment_text(event.delivered_at)}
    if event.next_attempt_at is None:
        return _("not delivered to the shop")
    return _waiting(event, about, moment_text(event.next_attempt_at))


def _waiting(event: InvoiceEvent, about: Subject, due: str) -> str:
    """Return a text: why an event is still pending."""
    text = _("not yet delivered to the shop")
    if is_withheld(event, about):
        text = _("withheld: it does not match the invoice's status, or the invoice is quarantined")
    elif event.kind in unheard_kinds():
        text = _("pending: no receiver and no handler is connected to it; see the doctor")
    elif event.begun_at is not None:
        text = _("an attempt started at %(at)s and has not ended; next attempt at %(next)s")
        text %= {"at": moment_text(event.begun_at), "next": due}
    elif event.attempts:
        text = ngettext(
            "delivery to the shop failed, %(count)d time so far; next attempt at %(at)s",
            "delivery to the shop failed, %(count)d times so far; next attempt at %(at)s",
            event.attempts,
        )
        text %= {"count": event.attempts, "at": due}
    elif event.is_repetition:
        text = _("it will be delivered again")
    return text


def _call(one: HandlerDelivery) -> Call:
    failed = ngettext("failed once", "failed %(count)d times", one.attempts) % {"count": one.attempts}
    if one.delivered_at is not None:
        state, text = "done", _("delivered at %(at)s") % {"at": moment_text(one.delivered_at)}
    elif one.next_attempt_at is None:
        state, text = (
            "dead",
            _("%(failed)s and was given up: there are no more automatic retries") % {"failed": failed},
        )
    elif not one.attempts:
        state, text = "waiting", _("not yet delivered")
    else:
        at = moment_text(one.next_attempt_at)
        state, text = "pending", _("%(failed)s; next attempt at %(at)s") % {"failed": failed, "at": at}
    is_delivered = one.delivered_at is not None
    return Call(one.pk, one.handler, state, text, "" if is_delivered else one.last_error, not is_delivered)


def _facts(event: InvoiceEvent, about: Subject) -> Iterator[tuple[str, str]]:
    if event.kind == EventKind.RESOLUTION_SENT:  # as planned: said once
        return
    if event.payment is not None:
        yield _("transaction"), event.payment.txid
    names = _asked_or_actual(event)
    for name, text in facts_of(event.detail, about):
        yield names.get(name, name), text
    if names and event.detail.get("resolution_kind") == "refund" and not event.detail.get("address"):
        yield names["address"], _("our own coin account")


def _asked_or_actual(event: InvoiceEvent) -> dict[str, str]:
    """Return how the facts of a decision are called: as it was asked, or as the gateway did it."""
    if event.kind == EventKind.RESOLUTION_PLANNED:
        return {"address": _("asked address"), "amount": _("asked amount"), "fee": _("asked fee")}
    is_answer = event.kind in (EventKind.RESOLUTION_ACCEPTED, EventKind.RESOLUTION_SUCCEEDED)
    if is_answer and "refund_id" in event.detail:
        return {"address": _("actual address"), "amount": _("actual amount"), "fee": _("actual fee")}
    return {}


def facts_of(detail: Mapping[str, Any], about: Subject) -> Iterator[tuple[str, str]]:
    """Return a stored detail as names and values for people; what says nothing to them is left out."""
    currencies = _CURRENCIES | _OF_CHANNEL_PAYMENTS if isinstance(about, ChannelPayment) else _CURRENCIES
    for name, value in detail.items():
        if name in _INTERNAL or value in (None, "", False, [], {}):
            continue
        if name in currencies:
            own = "" if name in ("amount", "fee_amount") else getattr(about, currencies[name], "")
            text = _amount(value, str(detail.get(currencies[name]) or own))
        elif name == "accepted" and isinstance(value, Mapping):
            text = "; ".join(f"{column}: {old} → {new}" for column, (old, new) in value.items())
        elif name in ("context", "status_context"):
            text = context_name(str(value))
        else:
            text = _("yes") if value is True else str(value)
        yield fact_name(name), text


def _amount(value: object, currency: str) -> str:
    try:
        return amount(Decimal(str(value)), currency)
    except InvalidOperation:
        return str(value)
