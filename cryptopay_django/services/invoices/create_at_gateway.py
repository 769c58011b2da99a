"""Writes our row first, then calls the gateway. `create.py` calls this after it has chosen the invoice.

Several requests may work on a row that has no gateway id yet. Each request that starts increases the row's version.
A request may delete the row only if the version is still the one that it has set.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from contextlib import AbstractContextManager
from uuid import UUID

from django.db import IntegrityError, models

from ...exceptions import (
    CreationUnknownError,
    CustomIdError,
    ForeignInvoiceError,
    GatewayConflictError,
    GatewayError,
    GatewayNotFoundError,
    GatewayRefusedError,
    InvoiceBusyError,
    InvoiceRequestError,
    PriceSealError,
)
from ...gateway.schemas import InvoiceSnapshot
from ...models import Invoice, InvoiceEvent, locking
from ...models.locking import write_transaction
from ...models.orders import order_exists, order_filter
from ..accounts import client_of
from ..events.deliver import deliver_or_dispatch
from ..snapshots.apply import apply_snapshot
from ..snapshots.compare import OUR_KEY
from ..snapshots.find_at_gateway import find_at_gateway

ORDERED = ("price_amount", "price_currency", "pay_currency", "network")
_SENT = (
    *ORDERED, "custom_id", "customer_id", "name", "description",
    "success_redirect_url", "unsuccess_redirect_url", "payer_email",
)  # fmt: skip
_ROUNDS = 5


def committed() -> AbstractContextManager[None]:
    """Write in a transaction that is committed at the end; raise TransactionOpenError inside of another one."""
    return locking.committed(Invoice, "a call that makes an invoice or changes a channel")


def write_first(invoice: Invoice, order: models.Model | None) -> Invoice:
    """Insert and commit the row, if its order is there; return the row that stands, which may be an earlier call's.

    Raises CustomIdError when the custom_id stands for something else.
    """
    for _ in range(_ROUNDS):
        try:
            with committed():
                _insert(invoice, order)
        except IntegrityError:
            named = {name: getattr(invoice, name) for name in ("account", "environment", "custom_id")}
            standing = Invoice.objects.primary().filter(**named).first()
            # Without one, the request that had this custom_id has failed and deleted its row: it is free again.
            if standing is not None:
                _check_same(standing, invoice, order)
                if taken_up := take_up(standing):
                    return taken_up
        else:
            return invoice
    raise InvoiceBusyError(f"invoice {invoice.custom_id} is being created by other requests: try again")


def write_next(invoice: Invoice, order: models.Model, seen: Sequence[Invoice]) -> Invoice | None:
    """Insert and commit the row as the order's next attempt; None where the order's invoices are not those seen.

    Attempts of requests that come at once have the same number, and the constraint lets one pass. Where a row
    is deleted meanwhile, because its request could not connect, its number is free again: so the newest attempt
    is locked, and they are counted once more, before this one is committed.
    """
    numbered = {row.pk: row.attempt for row in seen if row.attempt is not None}
    last = max(numbered, key=lambda pk: numbered[pk] or 0, default=None)
    invoice.attempt = 1 + ((numbered[last] or 0) if last else 0)
    try:
        with committed():
            _insert(invoice, order)
            _check_attempts(order, {invoice.pk, *numbered}, last)
    except (IntegrityError, _OvertakenError):
        return None
    return invoice


def _check_attempts(order: models.Model, expected: Set[UUID], last: UUID | None) -> None:
    """Lock the newest attempt; raise _OvertakenError unless the order's attempts are these."""
    if last is not None:
        Invoice.objects.lock(pk=last)
    found = Invoice.objects.primary().filter(**order_filter(order), attempt__isnull=False)
    if set(found.values_list("pk", flat=True)) != expected:
        raise _OvertakenError


class _OvertakenError(Exception):
    """Another request has written or deleted an invoice of the order since it was read."""


def _insert(invoice: Invoice, order: models.Model | None) -> None:
    """Insert the row; raise InvoiceRequestError when its order is not there."""
    Invoice.objects.insert(invoice)
    if order is not None and not order_exists(order):
        raise InvoiceRequestError(
            f"{order._meta.label} {order.pk} is not in the database: was its transaction rolled back, or the row "
            "deleted? Save and commit the order first"
        )


def take_up(standing: Invoice) -> Invoice | None:
    """Return the row of an earlier call as it is now, None if it is gone. Keeps that call from deleting it."""
    if standing.gateway_id is not None:
        return standing
    with committed():
        row = Invoice.objects.lock(pk=standing.pk)
        if row is not None and row.gateway_id is None:
            Invoice.objects.change(row, version=row.version + 1)
    return row


def finish(invoice: Invoice, *, is_new: bool) -> Invoice:
    """Make sure that the gateway has the invoice, and return the row with what it answered."""
    written: tuple[InvoiceEvent, ...] = ()
    if invoice.gateway_id is None:
        taken = apply_snapshot(invoice.pk, _call(invoice, is_new=is_new))
        if taken is None:
            raise CreationUnknownError(
                f"the row of invoice {invoice.pk} was deleted while the gateway made it: call create_invoice again"
            )
        invoice, written = taken.invoice, taken.events
    deliver_or_dispatch(invoice, written)
    if invoice.quarantine_reason:
        raise PriceSealError(f"invoice {invoice.pk} ({invoice.custom_id}) is quarantined: {invoice.quarantine_reason}")
    return invoice


def _check_same(standing: Invoice, invoice: Invoice, order: models.Model | None) -> None:
    """Raise CustomIdError unless the row of an earlier call is what is asked for now."""
    same = all(
        getattr(standing, name) == getattr(invoice, name)
        # The gateway fills in a network that was left out.
        or (name == "network" and invoice.network == "")
        for name in ORDERED
    )
    if not same or not _has_order(standing, order):
        raise CustomIdError(
            f"custom_id {invoice.custom_id} was used before, for {standing}: use another one for another order"
        )


def _has_order(invoice: Invoice, order: models.Model | None) -> bool:
    if order is None:
        return invoice.order_content_type_id is None and invoice.order_object_id == ""
    lookup = order_filter(order)
    types = {kind.pk for kind in lookup["order_content_type__in"]}
    return invoice.order_content_type_id in types and invoice.order_object_id == lookup["order_object_id"]


def _call(invoice: Invoice, *, is_new: bool) -> InvoiceSnapshot:
    """Make the invoice at the gateway, or find the one that an earlier try has made there.

    Where an earlier try stands, only an answer of the gateway's tells what has become of it.
    """
    if not is_new and (found := _look_for(invoice, None)):
        return found
    try:
        return client_of(invoice).create_invoice(
            metadata={**invoice.metadata, OUR_KEY: str(invoice.pk)},
            **{name: value for name in _SENT if (value := getattr(invoice, name))},
        )
    except GatewayError as error:
        is_clear = not error.outcome_unknown and not isinstance(error, GatewayConflictError)
        if is_clear and is_new:
            _delete(invoice)
            raise
        if is_clear and isinstance(error, GatewayRefusedError):
            raise
        try:
            found = _look_for(invoice, error)
        except CustomIdError:
            if is_new and isinstance(error, GatewayConflictError):
                _delete(invoice)
            raise
        if found:
            return found
        raise _unknown(invoice, error) from error


def _look_for(invoice: Invoice, doubt: GatewayError | None) -> InvoiceSnapshot | None:
    """Return what the gateway has under our custom_id, or None; raise CreationUnknownError if it does not say.

    An invoice that is not ours has the custom_id for ever: CustomIdError.
    """
    try:
        return find_at_gateway(invoice)
    except ForeignInvoiceError as error:
        raise CustomIdError(str(error)) from error
    except GatewayNotFoundError:
        return None
    except GatewayError as error:
        raise _unknown(invoice, doubt or error) from error


def _delete(invoice: Invoice) -> None:
    """Delete the row of an invoice that the gateway does not have, unless another request has taken it up."""
    with write_transaction(Invoice):
        row = Invoice.objects.lock(pk=invoice.pk)
        if row is not None and row.gateway_id is None and row.version == invoice.version:
            row.delete()


def _unknown(invoice: Invoice, error: GatewayError) -> CreationUnknownError:
    return CreationUnknownError(
        f"the gateway gave no clear answer for invoice {invoice.pk} ({error}); call create_invoice again with the "
        f"same order, or with custom_id={invoice.custom_id!r}: it can never make two"
    )
