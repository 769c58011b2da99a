"""The actions of people on an invoice: settle it, refund it, approve or withdraw what another has begun.

An `actor` is a user, whose permissions are checked under the lock (`settle_invoice`, `refund_invoice`,
`refund_invoice_to_address`, all on `Invoice`), or the name of a person where a script has no user. How a decision is
sent to the gateway is in `execution.py`; how one without an answer ends in `outcome.py`, and by hand in
`end_by_hand.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils import timezone

from ...exceptions import (
    AddressError,
    ApprovalError,
    InvoiceChangedError,
    NotResolvableError,
    Obstacle,
    QuoteExpiredError,
    RefundAmountError,
    SamePersonError,
)
from ...fields import EXACT, canonical
from ...models import EventKind, Invoice, Resolution, ResolutionKind, StatusContext
from ...models.locking import write_transaction
from ...permissions import acts_of
from .execution import check_left, check_of, facts, known_refunds, look_at, plan, send
from .outcome import LEASE, fail_locked, lock_resolution, note
from .people import Actor, Person, check_permitted
from .places import checked_place
from .quote import SettlementQuote, quote_for
from .refund_quote import FeeBearer, RefundQuote, parameters_of, quote_again, quote_refund
from .rules import check_person, check_returnable
from .verdicts import COMMIT, REFUND, WITHDRAWAL

DRIFT = Decimal("0.05")
"""How much more than the first person saw the refund of a completed invoice may charge when the second confirms it."""


def settle_invoice(
    invoice: Invoice,
    *,
    actor: Actor,
    reason: str,
    quote: SettlementQuote | None = None,
    refund_overage: bool = False,
    expected_version: int | None = None,
) -> Resolution:
    """Settle an unresolved invoice and return the resolution, as far as its outcome can be seen now.

    Commits the quote, or one made now. With `refund_overage` an overpaid invoice is credited with what
    was ordered, and the rest is refunded to the merchant's own coin account. Above CRYPTOPAY_FOUR_EYES_ABOVE
    the resolution is only planned and waits for `approve_resolution`.

    `expected_version` is that of the invoice the person saw; a quote brings its own. Raises
    NotResolvableError, NotPermittedError, InvoiceChangedError, QuoteExpiredError and ResolutionActiveError, before
    anything is sent, GatewayError when the invoice could not be read, TransactionOpenError. What the gateway answers
    to the settlement itself is not raised: see `status`, and `error`, which also a settlement that succeeded has
    where the gateway did otherwise than asked.
    """
    person = check_person(invoice, actor=actor, reason=reason)
    check_permitted(person, *acts_of(ResolutionKind.SETTLE, {"refund_overage": refund_overage}))
    if quote is not None:
        expected_version = _version_of(quote, invoice, expected_version)
    row = look_at(invoice, expected_version=expected_version)
    if refund_overage:
        if row.status_context != StatusContext.OVERPAID:
            raise NotResolvableError(
                f"invoice {row.pk} is {row.status_context}: only an overpaid one has an overage to refund",
                obstacle=Obstacle.NOT_OVERPAID,
            )
        parameters: dict[str, Any] = {"call": REFUND, "refund_overage": True, "address": None}
        refund_ids = known_refunds(row)
    else:
        parameters, refund_ids = _commit_of(quote or quote_for(row)), []
    planned = plan(
        row,
        kind=ResolutionKind.SETTLE,
        person=person,
        reason=reason,
        parameters=parameters,
        refund_ids=refund_ids,
    )
    return send(planned)


def refund_invoice(
    invoice: Invoice,
    *,
    actor: Actor,
    reason: str,
    address: str | None = None,
    tag: str | None = None,
    without_tag: bool = False,
    amount: Decimal | int | str | None = None,
    currency: str | None = None,
    network_fee_borne_by: str = FeeBearer.MERCHANT,
    quote: RefundQuote | None = None,
    expected_version: int | None = None,
) -> Resolution:
    """Refund an invoice and return the resolution, as far as its outcome can be seen now.

    Of an unresolved one all is refunded. Without an address the coins go to the MERCHANT's own coin account, not to
    the customer. An address is checked for the invoice's network first (AddressError). On XRP and Stellar it needs its
    `tag` (destination tag, memo), beside it or in it, or the word that it needs none: `without_tag` (TagError). Of an
    overpaid invoice the gateway refunds the overage; which status the invoice ends in is the gateway's to say. Waits
    for a second person above CRYPTOPAY_FOUR_EYES_ABOVE; raises as `settle_invoice` does.

    Of a completed invoice an amount is sent back from the merchant's account, as a withdrawal, more than once up to
    what was paid: give the `quote` that the person saw, or `amount`, `currency` and `network_fee_borne_by` as
    `quote_refund` takes them, with the address. The resolution has succeeded once the gateway has accepted the
    withdrawal; what becomes of the coins is in its `Refund`. The invoice stays completed. Raises as `quote_refund`
    does, too.
    """
    person = check_person(invoice, actor=actor, reason=reason)
    if quote is not None or amount is not None:
        asked = _Asked(address, tag, without_tag, amount, currency, network_fee_borne_by)
        return _send_back(invoice, person, reason, asked, quote=quote, expected_version=expected_version)
    check_permitted(person, *acts_of(ResolutionKind.REFUND, {"address": address}))
    place = checked_place(invoice, address, tag=tag, without_tag=without_tag)
    row = look_at(invoice, expected_version=expected_version)
    planned = plan(
        row,
        kind=ResolutionKind.REFUND,
        person=person,
        reason=reason,
        parameters={"call": REFUND, "refund_overage": False, "address": place, "without_tag": without_tag},
        refund_ids=known_refunds(row),
    )
    return send(planned)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is sent back of a completed invoice, and where to, as a caller without a quote gives it."""

    address: str | None
    tag: str | None
    without_tag: bool
    amount: Decimal | int | str | None
    currency: str | None
    network_fee_borne_by: str


def _send_back(
    invoice: Invoice,
    person: Person,
    reason: str,
    asked: _Asked,
    *,
    quote: RefundQuote | None,
    expected_version: int | None,
) -> Resolution:
    """Send back an amount of a completed invoice at a quote, or at one made now."""
    if quote is None and not asked.address:
        raise AddressError(f"a refund of completed invoice {invoice.pk} needs the address that the coins go to")
    if quote is not None and (asked.address or asked.tag or asked.without_tag or asked.amount or asked.currency):
        raise RefundAmountError("give a quote, which has address and amount in it, or these: not both")
    check_permitted(person, *acts_of(ResolutionKind.REFUND, {"address": True}))
    if quote is not None:
        expected_version = _version_of(quote, invoice, expected_version)
    row = look_at(invoice, expected_version=expected_version, check=check_returnable)
    if quote is None:
        quote = quote_refund(
            row,
            address=asked.address or "",
            tag=asked.tag,
            without_tag=asked.without_tag,
            amount=asked.amount,
            currency=asked.currency,
            network_fee_borne_by=asked.network_fee_borne_by,
        )
    planned = plan(
        row,
        kind=ResolutionKind.REFUND,
        person=person,
        reason=reason,
        parameters=_withdrawal_of(quote),
        refund_ids=[],
        key=quote.resolution_id,
    )
    return send(planned)


def _withdrawal_of(quote: RefundQuote) -> dict[str, Any]:
    """Return what is asked of the gateway; raise QuoteExpiredError where it would refuse it."""
    if quote.is_expired(timezone.now()):
        raise QuoteExpiredError(f"the quote for invoice {quote.invoice_id} has expired: ask for another")
    most = EXACT.multiply(quote.charged_amount, 1 + DRIFT)
    return {"call": WITHDRAWAL, "refund_overage": False, "most_charged_amount": f"{canonical(most):f}",
            **parameters_of(quote)}  # fmt: skip


def approve_resolution(
    resolution: Resolution, *, actor: Actor, quote: SettlementQuote | RefundQuote | None = None
) -> Resolution:
    """Confirm, as the second person, a resolution that waits for one; then send it, and return it as it is then.

    A settlement, or a refund of a completed invoice, is committed at `quote`, or at one made now: the one that the
    first person saw is long expired. Such a refund may charge 5 % more than that person saw; else it is dropped, with
    InvoiceChangedError. Raises ApprovalError, SamePersonError, QuoteExpiredError; InvoiceChangedError when the invoice
    is not what was decided on any more, which ends the resolution; NotPermittedError.
    """
    row = Resolution.objects.primary().select_related("invoice").get(pk=resolution.pk)
    person = check_person(row.invoice, actor=actor, reason=row.reason)
    check_permitted(person, *acts_of(row.kind, row.parameters))
    _check_waiting(row, approver=person)
    try:
        check = check_of(row.parameters["call"])
        invoice = look_at(row.invoice, expected_version=None, besides=row, check=check)
        fresh = _fresh_of(row, invoice, quote)
    except (NotResolvableError, RefundAmountError) as error:
        _drop(row, f"{error}")
        raise InvoiceChangedError(f"{error}. The resolution has been dropped; nothing was sent") from error
    refund_ids = known_refunds(invoice) if row.parameters["call"] == REFUND else []
    now = timezone.now()
    with write_transaction(Resolution, durable=True):
        locked = lock_resolution(row)
        check_permitted(person, *acts_of(locked.kind, locked.parameters))
        _check_waiting(locked, approver=person)
        changes = _changes(locked, fresh)
        if changes:
            fail_locked(locked, changes, at=now)
        else:
            locked.approve(person.name, user_id=person.user_id, at=now)
            locked.parameters = {**locked.parameters, **fresh, "invoice_version": locked.invoice.version}
            locked.known_refund_ids = refund_ids
            locked.next_attempt_at = now + LEASE
            locked.save()
            note(locked, EventKind.RESOLUTION_APPROVED, at=now, actor=person.name, planned_by=locked.actor, **fresh)
    if changes:
        raise InvoiceChangedError(f"{changes}. The resolution has been dropped; nothing was sent")
    return send(locked)


def withdraw_resolution(resolution: Resolution, *, actor: Actor, reason: str) -> Resolution:
    """Drop a resolution that waits for a second person; it ends as failed. Its planner may do that, too.

    Raises ApprovalError when it does not wait any more, and NotPermittedError. Locks and commits; makes no call.
    """
    person = check_person(resolution.invoice, actor=actor, reason=reason)
    now = timezone.now()
    with write_transaction(Resolution):
        locked = lock_resolution(resolution)
        check_permitted(person, *acts_of(locked.kind, locked.parameters))
        _check_waiting(locked)
        locked.fail(error=f"withdrawn by {person.name}: {reason}"[:2000], at=now)
        locked.save()
        note(locked, EventKind.RESOLUTION_WITHDRAWN, at=now, actor=person.name, reason=reason, planned_by=locked.actor)
    return locked


def _fresh_of(row: Resolution, invoice: Invoice, quote: SettlementQuote | RefundQuote | None) -> dict[str, Any]:
    """Return what is asked of the gateway now, where the first person's quote has expired; else nothing."""
    if row.parameters["call"] == WITHDRAWAL:
        # The limit is that of the first person's quote, which both have seen.
        most = row.parameters["most_charged_amount"]
        return {**_fresh_withdrawal(row, invoice, quote), "most_charged_amount": most}
    if row.parameters["call"] != COMMIT:
        return {}
    if quote is not None:
        _version_of(quote, invoice, invoice.version)
    if isinstance(quote, RefundQuote):
        raise QuoteExpiredError("the quote is one for a refund, and a settlement waits: ask for another")
    return _commit_of(quote or quote_for(invoice))


def _fresh_withdrawal(
    row: Resolution, invoice: Invoice, quote: SettlementQuote | RefundQuote | None
) -> dict[str, Any]:
    """Return what is asked of the gateway now for a refund that waits: the same refund, at a new quote."""
    if quote is None:
        return _withdrawal_of(quote_again(row))
    _version_of(quote, invoice, invoice.version)
    fresh = _withdrawal_of(quote) if isinstance(quote, RefundQuote) else {}
    names = ("amount", "currency", "address", "without_tag", "network_fee_borne_by", "value_amount")
    is_same = all(fresh.get(name) == row.parameters[name] for name in names)
    if not isinstance(quote, RefundQuote) or quote.resolution_id != row.pk or not is_same:
        raise QuoteExpiredError(f"the quote is not for resolution {row.pk}: ask for another, nothing was sent")
    return fresh


def _version_of(quote: SettlementQuote | RefundQuote, invoice: Invoice, expected_version: int | None) -> int:
    """Check a quote before anything else is done with it; return the version it was made for."""
    if quote.invoice_id != invoice.pk:
        raise QuoteExpiredError(f"the quote is for invoice {quote.invoice_id}, not {invoice.pk}")
    if expected_version is not None and quote.invoice_version != expected_version:
        raise InvoiceChangedError(f"invoice {invoice.pk} has changed since the quote was made. Ask for another")
    if quote.is_expired(timezone.now()):
        raise QuoteExpiredError(f"the quote for invoice {invoice.pk} has expired: ask for another, nothing was sent")
    return quote.invoice_version


def _commit_of(quote: SettlementQuote) -> dict[str, Any]:
    """Return what is asked of the gateway, with the figures that the person saw, as JSON."""
    if quote.is_expired(timezone.now()):
        raise QuoteExpiredError(f"the quote for invoice {quote.invoice_id} has expired: ask for another")
    amounts = {
        name: None if (value := getattr(quote, name)) is None else f"{value:f}"
        for name in ("credited_amount", "ordered_amount", "shortfall_amount", "exchange_rate", "fee_amount")
    }
    return {
        "call": COMMIT,
        "refund_overage": False,
        "recalculation_id": str(quote.recalculation_id),
        "price_currency": quote.price_currency,
        "fee_currency": quote.fee_currency,
        "quote_expires_at": quote.expires_at.isoformat(),
        **amounts,
    }


def _check_waiting(resolution: Resolution, *, approver: Person | None = None) -> None:
    if not resolution.awaits_approval:
        raise ApprovalError(f"resolution {resolution.pk} is {resolution.status}: it does not wait for a second person")
    if approver is not None and approver.is_same(resolution.actor, resolution.actor_user_id):
        raise SamePersonError(f"{approver.name} planned resolution {resolution.pk}: another person has to confirm it")


def _changes(resolution: Resolution, fresh: Mapping[str, Any]) -> str:
    """Return in words what has changed of what the first person decided on; empty when nothing has."""
    try:
        check_of(resolution.parameters["call"])(resolution.invoice)
        check_left(resolution.invoice, resolution.parameters)
    except (InvoiceChangedError, NotResolvableError, RefundAmountError) as error:
        return str(error)
    if resolution.parameters["call"] == WITHDRAWAL:
        most, charged = resolution.parameters["most_charged_amount"], fresh["charged_amount"]
        if Decimal(charged) > Decimal(most):
            currency = resolution.parameters["charged_currency"]
            return f"it would now take {charged} {currency} from the account, and {most} is the most that was agreed"
    now = facts(resolution.invoice)
    changed = [name for name in ("status_context", "paid_amount") if resolution.parameters[name] != now[name]]
    return "; ".join(f"{name} was {resolution.parameters[name]} and is {now[name]}" for name in changed)


def _drop(resolution: Resolution, why: str) -> None:
    """End a resolution that waits for an approval which can no longer be given."""
    with write_transaction(Resolution):
        locked = lock_resolution(resolution)
        if locked.awaits_approval:
            fail_locked(locked, why, at=timezone.now())
