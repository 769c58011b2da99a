"""The actions of people on an unresolved invoice: settle it, refund it, approve or withdraw what another has begun.

An `actor` is a user, whose permissions are checked under the lock (`settle_invoice`, `refund_invoice`,
`refund_invoice_to_address`, all on `Invoice`), or the name of a person where a script has no user. How a decision is
sent to the gateway is in `execution.py`; how one without an answer ends in `outcome.py`, and by hand in
`end_by_hand.py`.
"""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from ...conf import BASE_URLS, get_account
from ...exceptions import (
    ApprovalError,
    InvoiceChangedError,
    NotResolvableError,
    Obstacle,
    QuoteExpiredError,
    SamePersonError,
    TagError,
)
from ...gateway.addresses import check_address
from ...gateway.tags import with_tag
from ...models import EventKind, Invoice, Resolution, ResolutionKind, StatusContext
from ...models.locking import write_transaction
from ...permissions import acts_of
from .execution import facts, known_refunds, look_at, plan, send
from .outcome import LEASE, fail_locked, lock_resolution, note
from .people import Actor, Person, check_permitted
from .quote import SettlementQuote, quote_for
from .rules import check_person, check_resolvable
from .verdicts import COMMIT, REFUND


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
    expected_version: int | None = None,
) -> Resolution:
    """Refund an unresolved invoice and return the resolution, as far as its outcome can be seen now.

    Without an address the coins go to the MERCHANT's own coin account, not to the customer. An address is
    checked for the invoice's network first (AddressError). On XRP and Stellar it needs its `tag` (destination tag,
    memo), beside it or in it, or the word that it needs none: `without_tag` (TagError). Of an overpaid invoice the
    gateway refunds the overage; which status the invoice ends in is the gateway's to say. Waits for a second person
    above CRYPTOPAY_FOUR_EYES_ABOVE; raises as `settle_invoice` does.
    """
    person = check_person(invoice, actor=actor, reason=reason)
    check_permitted(person, *acts_of(ResolutionKind.REFUND, {"address": address}))
    place = _place_of(invoice, address, tag=tag, without_tag=without_tag)
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


def _place_of(invoice: Invoice, address: str | None, *, tag: str | None, without_tag: bool) -> str | None:
    """Return the checked address of a refund as the gateway takes it, with its tag; None for the own account."""
    if address is None:
        if tag or without_tag:
            raise TagError("there is a tag, or the word that none is needed, and no address that it belongs to")
        return None
    is_production = get_account(invoice.account).base_url == BASE_URLS["production"]
    check_address(address, invoice.network, testnet=False if is_production else None)
    return with_tag(address, invoice.network, tag=tag, without_tag=without_tag)


def approve_resolution(resolution: Resolution, *, actor: Actor, quote: SettlementQuote | None = None) -> Resolution:
    """Confirm, as the second person, a resolution that waits for one; then send it, and return it as it is then.

    A settlement is committed at `quote`, or at one made now: the one that the first person saw is long
    expired. Raises ApprovalError, SamePersonError, QuoteExpiredError; InvoiceChangedError when the invoice
    is not what was decided on any more, which ends the resolution; NotPermittedError.
    """
    row = Resolution.objects.primary().select_related("invoice").get(pk=resolution.pk)
    person = check_person(row.invoice, actor=actor, reason=row.reason)
    check_permitted(person, *acts_of(row.kind, row.parameters))
    _check_waiting(row, approver=person)
    try:
        invoice = look_at(row.invoice, expected_version=None, besides=row)
    except NotResolvableError as error:
        _drop(row, f"{error}")
        raise InvoiceChangedError(f"{error}. The resolution has been dropped; nothing was sent") from error
    fresh: dict[str, Any] = {}
    if row.parameters["call"] == COMMIT:
        if quote is not None:
            _version_of(quote, invoice, invoice.version)
        fresh = _commit_of(quote or quote_for(invoice))
    refund_ids = known_refunds(invoice) if row.parameters["call"] == REFUND else []
    now = timezone.now()
    with write_transaction(Resolution, durable=True):
        locked = lock_resolution(row)
        check_permitted(person, *acts_of(locked.kind, locked.parameters))
        _check_waiting(locked, approver=person)
        changes = _changes(locked)
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


def _version_of(quote: SettlementQuote, invoice: Invoice, expected_version: int | None) -> int:
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


def _changes(resolution: Resolution) -> str:
    """Return in words what has changed of what the first person decided on; empty when nothing has."""
    try:
        check_resolvable(resolution.invoice)
    except NotResolvableError as error:
        return str(error)
    now = facts(resolution.invoice)
    changed = [name for name in ("status_context", "paid_amount") if resolution.parameters[name] != now[name]]
    return "; ".join(f"{name} was {resolution.parameters[name]} and is {now[name]}" for name in changed)


def _drop(resolution: Resolution, why: str) -> None:
    """End a resolution that waits for an approval which can no longer be given."""
    with write_transaction(Resolution):
        locked = lock_resolution(resolution)
        if locked.awaits_approval:
            fail_locked(locked, why, at=timezone.now())
