"""Compares a snapshot with our row: is it ahead or behind, where does it differ, must the gateway be asked?

Pure decisions: no query, no call, no clock. `merge.py` decides what follows from them.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from enum import Enum

from ...conf import app_settings
from ...fields import EXACT
from ...gateway.schemas import InvoiceSnapshot, Transaction
from ...models import Invoice, InvoiceStatus, Payment
from ...models.invoice import FINAL_STATUSES
from ...models.risk import storable_score

OUR_KEY = "cryptopay_django"
"""The member of an invoice's metadata at the gateway that has our row's key."""

_RANK = {InvoiceStatus.NEW: 0, InvoiceStatus.UNRESOLVED: 1} | dict.fromkeys(FINAL_STATUSES, 2)
_WHERE_TO_PAY = {"pay_amount", "pay_currency", "network", "address", "destination_tag"}


class Relation(Enum):
    """How a snapshot's status relates to our row's."""

    AHEAD = "ahead"
    SAME = "same"
    BEHIND = "behind"
    CONFLICT = "conflict"
    UNKNOWN = "unknown"


def rank_of(status: str) -> int:
    """Return how far a status is along the documented graph; an unknown one is as far as `unresolved`."""
    return _RANK[InvoiceStatus(status)] if status in InvoiceStatus else 1


def relation(invoice: Invoice, snapshot: InvoiceSnapshot) -> Relation:
    """Compare statuses along the documented graph: new < unresolved < completed, refunded, cancelled.

    Two final statuses, and two contexts of unresolved, have no order: that is a conflict.
    """
    if snapshot.status not in _RANK:
        return Relation.UNKNOWN
    ours, theirs = _RANK[InvoiceStatus(invoice.status)], _RANK[InvoiceStatus(snapshot.status)]
    if ours != theirs:
        return Relation.AHEAD if theirs > ours else Relation.BEHIND
    if snapshot.status != invoice.status:
        return Relation.CONFLICT
    if snapshot.status == InvoiceStatus.UNRESOLVED and (snapshot.status_context or "") != invoice.status_context:
        return Relation.CONFLICT
    return Relation.SAME


def needs_confirmation(invoice: Invoice, snapshot: InvoiceSnapshot) -> bool:
    """Return whether the gateway must be asked (GET) before a callback with this snapshot changes the row.

    Whatever moves the status, unless CRYPTOPAY_CONFIRM_WITH_API is off. Even then, what only the gateway can decide:
    an invoice without an id, a contradiction, an unknown status, a final status that is taken back or replaced, and
    a completion without a payment.
    """
    how = relation(invoice, snapshot)
    if invoice.gateway_id is None or how in (Relation.CONFLICT, Relation.UNKNOWN) or differences(invoice, snapshot):
        return True
    if how is Relation.BEHIND:
        # A late callback about the payment says `new`; only `unresolved` can mean that the end was taken back.
        return snapshot.status == InvoiceStatus.UNRESOLVED
    return how is Relation.AHEAD and (app_settings.CONFIRM_WITH_API or is_unpaid_completion(invoice, snapshot))


def brings_news(invoice: Invoice, payments: Mapping[str, Payment], snapshot: InvoiceSnapshot) -> bool:
    """Return whether a snapshot of the same status adds money or risk: amounts, a transaction, a score."""
    if snapshot.paid_amount > invoice.paid_amount or (snapshot.fee is not None and invoice.fee_amount is None):
        return True
    for entry in snapshot.transactions:
        payment = payments.get(entry.txid)
        if payment is None or risk_news(payment, entry):
            return True
    return False


def is_unpaid_completion(invoice: Invoice, snapshot: InvoiceSnapshot) -> bool:
    """Return whether a snapshot says, as news, that an invoice was completed without a payment."""
    is_unpaid = snapshot.status == InvoiceStatus.COMPLETED and snapshot.paid_amount == 0
    return is_unpaid and not (invoice.status == InvoiceStatus.COMPLETED and invoice.paid_amount == 0)


def is_forward(invoice: Invoice, snapshot: InvoiceSnapshot) -> bool:
    """Return whether an entry of a list may be taken in. A list can lag, so it never lowers or contradicts a row."""
    return (
        relation(invoice, snapshot) in (Relation.AHEAD, Relation.SAME)
        and snapshot.paid_amount >= invoice.paid_amount
        and not differences(invoice, snapshot)
        and not is_unpaid_completion(invoice, snapshot)
    )


def is_proven(invoice: Invoice, snapshot: InvoiceSnapshot) -> bool:
    """Return whether an invoice that the gateway has under our custom_id was made for this row.

    A custom_id can come again: after a restored backup, from a copy of the shop, from a second shop on the account.
    Our row's own key, which is a random UUID, cannot. It is the custom_id or stands in the metadata.
    """
    key = str(invoice.pk)
    return snapshot.custom_id == invoice.custom_id and key in (
        snapshot.custom_id,
        (snapshot.metadata or {}).get(OUR_KEY),
    )


def is_ours(invoice: Invoice, snapshot: InvoiceSnapshot) -> bool:
    """Return whether an invoice that the gateway has under our custom_id is this row's, and as ordered."""
    return is_proven(invoice, snapshot) and not differences(invoice, snapshot)


def is_recalculated(invoice: Invoice, snapshot: InvoiceSnapshot) -> bool:
    """Return whether a changed price can be a recalculation: what is to pay has become what was paid.

    Only an invoice that was paid can be recalculated, and only on its way from unresolved to completed.
    Priced in its own coin, the new price is the paid amount itself.
    """
    return (
        snapshot.status in (InvoiceStatus.UNRESOLVED, InvoiceStatus.COMPLETED)
        and snapshot.pay_amount == snapshot.paid_amount
        and (snapshot.price_currency != snapshot.pay_currency or snapshot.price_amount == snapshot.pay_amount)
        and invoice.pay_amount is not None
    )


def differences(invoice: Invoice, snapshot: InvoiceSnapshot) -> dict[str, str]:
    """Return what a snapshot says otherwise of what was ordered, where to pay, and what was credited, by column.

    Empty for what is as we know it, or not known here yet. A link to pay with follows what it leads to.
    """
    address, tag = snapshot.address_and_tag
    theirs: dict[str, object] = {
        "gateway_id": snapshot.id,
        "price_currency": snapshot.price_currency,
        "pay_currency": snapshot.pay_currency,
        "custom_id": snapshot.custom_id,
        "network": snapshot.network,
        "address": address,
        "destination_tag": tag,
    }
    if invoice.status == InvoiceStatus.COMPLETED == snapshot.status:
        theirs["settled_amount"] = snapshot.price_amount
    if not is_recalculated(invoice, snapshot):
        theirs |= {"price_amount": snapshot.price_amount, "pay_amount": snapshot.pay_amount}
    found = {
        name: _text(value)
        for name, value in theirs.items()
        if value is not None and getattr(invoice, name) not in (None, "", value)
    }
    if "address" in found and tag is None and invoice.destination_tag:
        found["destination_tag"] = ""
    if _WHERE_TO_PAY & found.keys() and (snapshot.uri or "") != invoice.uri:
        found["uri"] = snapshot.uri or ""
    return found


def contradictions(invoice: Invoice, snapshot: InvoiceSnapshot) -> list[str]:
    """Return what in a snapshot breaks the price seal, in words; empty when it is what was ordered."""
    return [
        f"{'id' if name == 'gateway_id' else name} is {value[:100] or 'empty'}, "
        f"{'credited' if name == 'settled_amount' else 'ordered'} was {_text(getattr(invoice, name))[:100]}"
        for name, value in differences(invoice, snapshot).items()
        if name != "uri"
    ]


def risk_of(entry: Transaction) -> dict[str, object]:
    """Return what a transaction says of risk and origin, by column of a payment; nothing of what it leaves out."""
    known: dict[str, object] = {}
    if entry.risk is not None:
        score = entry.risk.score
        known |= {
            "risk_score": None if score is None else storable_score(score),
            "risk_level": entry.risk.level,
            "risk_resource_name": entry.risk.resource_name or "",
            "risk_resource_category": entry.risk.resource_category or "",
        }
    if entry.source_addresses:
        known["source_addresses"] = list(entry.source_addresses)
    return {name: value for name, value in known.items() if value is not None}


def risk_news(payment: Payment, entry: Transaction) -> dict[str, object]:
    """Return what a transaction says otherwise of risk and origin than our row, by column.

    Callbacks have all digits of a score, and the gateway's answers one decimal: that is the same score.
    """
    return {
        name: value
        for name, value in risk_of(entry).items()
        if getattr(payment, name) != value
        and not (isinstance(value, Decimal) and _is_rounded(getattr(payment, name), value))
    }


def _is_rounded(one: Decimal | None, other: Decimal) -> bool:
    """Return whether one of two scores can be the other one, rounded to one decimal or more."""
    if one is None:
        return False
    exponents = (score.normalize(EXACT).as_tuple().exponent for score in (one, other))
    digits = max(1, min(-exponent for exponent in exponents if isinstance(exponent, int)))
    return EXACT.abs(EXACT.subtract(one, other)) * 2 <= Decimal(1).scaleb(-digits)


def state_of(subject: Invoice | InvoiceSnapshot) -> str:
    """Return status and context in one text."""
    return f"{subject.status} {subject.status_context or ''}".strip()


def _text(value: object) -> str:
    return f"{value:f}" if isinstance(value, Decimal) else str(value)
