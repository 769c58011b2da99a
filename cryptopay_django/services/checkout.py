"""Creating an invoice: our row first, then the call, then its answer through the one door."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.db import IntegrityError, models

from ..conf import app_settings, client_for, get_account
from ..exceptions import (
    CreationUnknownError,
    CustomIdError,
    GatewayConflictError,
    GatewayError,
    GatewayNotFoundError,
    GatewayRefusedError,
    InvoiceRequestError,
    PriceSealError,
    TransactionOpenError,
)
from ..gateway.currencies import check_amount, check_pay_currency, check_price_currency
from ..gateway.schemas import InvoiceSnapshot
from ..models import Invoice
from ..models.invoice import order_lookup
from ..models.locking import write_transaction
from ..redaction import hide_locals
from .accounts import account_for
from .handover import hand_over_events
from .intake import take_snapshot

# One dot or two alone would change the path of a request instead of naming an invoice.
_CUSTOM_ID = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,128}", re.ASCII)
_ORDERED = ("price_amount", "price_currency", "pay_currency", "network")
_SENT = (
    *_ORDERED, "custom_id", "customer_id", "name", "description", "metadata",
    "success_redirect_url", "unsuccess_redirect_url", "payer_email",
)  # fmt: skip


@hide_locals
def create_invoice(
    order: models.Model | None = None,
    *,
    price_amount: Decimal | int | str,
    price_currency: str,
    pay_currency: str,
    network: str | None = None,
    account: str | None = None,
    custom_id: str | None = None,
    customer_id: str | None = None,
    name: str | None = None,
    description: str | None = None,
    metadata: Mapping[str, str] | None = None,
    success_redirect_url: str | None = None,
    unsuccess_redirect_url: str | None = None,
    payer_email: str | None = None,
) -> Invoice:
    """Create an invoice at the gateway and return it with its address, amount to pay and hosted page.

    `price_amount` is in `price_currency`, never a float; `pay_currency` is the coin, `network` may be
    left out where the coin has one. `custom_id` makes the call repeatable: the same one with the same
    order returns the same invoice, also after CreationUnknownError. Without `account` the setting
    CRYPTOPAY_ACCOUNT_RESOLVER chooses it, unless an invoice with this custom_id has one already.

    1. Check the request (InvoiceRequestError: nothing was written or sent).
    2. Write our row and commit it: hence TransactionOpenError inside a transaction.
    3. Call. After an unclear answer look for the invoice by its custom_id; when that does not tell
       either, CreationUnknownError. Refused, or never sent: GatewayError, and this call leaves no row.
    4. Merge the answer; another price than ordered is quarantined, and PriceSealError.
    """
    invoice = _ordered_invoice(
        order,
        price_amount=price_amount,
        price_currency=price_currency,
        pay_currency=pay_currency,
        network=network or "",
        account=account,
        custom_id=custom_id,
        customer_id=customer_id or "",
        name=name or "",
        description=description or "",
        metadata=dict(metadata or {}),
        success_redirect_url=success_redirect_url or "",
        unsuccess_redirect_url=unsuccess_redirect_url or "",
        payer_email=payer_email or "",
    )
    kept = _write_first(invoice)
    if kept.gateway_id is None:
        snapshot = _call(kept, is_new=kept is invoice)
        taken = take_snapshot(kept.pk, snapshot)
        kept = taken.invoice if taken else kept
    hand_over_events(kept)
    if kept.quarantine_reason:
        raise PriceSealError(f"invoice {kept.pk} ({kept.custom_id}) is held for a person: {kept.quarantine_reason}")
    return kept


def _ordered_invoice(
    order: models.Model | None, *, price_amount: object, custom_id: str | None, **values: Any
) -> Invoice:
    """Return the unsaved row of a checked request."""
    for key, value in {"custom_id": custom_id, **values, **values["metadata"]}.items():
        if isinstance(value, str) and "\x00" in value:
            raise InvoiceRequestError(f"{key} contains a NUL character, which no database can store")
    if values["account"] is None:
        values["account"] = account_for(order, {"price_amount": price_amount, **values}, custom_id=custom_id)
    get_account(values["account"])
    coins = app_settings.coins
    check_price_currency(values["price_currency"], coins=coins)
    check_pay_currency(values["pay_currency"], values["network"] or None, coins=coins)
    amount = check_amount(price_amount, values["price_currency"], coins=coins)
    key = uuid.uuid4()
    if custom_id is not None and not (isinstance(custom_id, str) and _CUSTOM_ID.fullmatch(custom_id)):
        raise CustomIdError(f"custom_id must be 1 to 128 of A-Z a-z 0-9 . _ -, not {custom_id!r}")
    if not all(isinstance(text, str) for pair in values["metadata"].items() for text in pair):
        raise InvoiceRequestError("metadata must map texts to texts: turn numbers and dates into strings")
    for name in ("success_redirect_url", "unsuccess_redirect_url"):
        if values[name] and urlsplit(values[name]).scheme not in ("http", "https"):
            raise InvoiceRequestError(f"{name} must be an absolute http(s) URL: use request.build_absolute_uri()")
    try:
        pointer = order_lookup(order)
        invoice = Invoice(id=key, custom_id=custom_id or str(key), price_amount=amount, **values, **pointer)
        invoice.clean_fields(exclude=["order_content_type"])
    except ValidationError as error:
        raise InvoiceRequestError("; ".join(f"{k}: {' '.join(v)}" for k, v in error.message_dict.items())) from error
    except ValueError as error:
        raise InvoiceRequestError(str(error)) from error
    return invoice


def _write_first(invoice: Invoice) -> Invoice:
    """Insert and commit the row; return the one that stands, which may be that of an earlier call."""
    try:
        with write_transaction(Invoice, durable=True):
            invoice.save(force_insert=True)
    except RuntimeError as error:
        raise TransactionOpenError(
            "create_invoice must run outside of transaction.atomic(), so that the invoice is on record before the "
            "gateway is called: commit the order first; under ATOMIC_REQUESTS decorate the view with "
            "@transaction.non_atomic_requests"
        ) from error
    except IntegrityError as error:
        standing = Invoice.objects.primary().filter(account=invoice.account, custom_id=invoice.custom_id).first()
        if standing is None:
            raise
        if any(getattr(standing, name) != getattr(invoice, name) for name in (*_ORDERED, "order_object_id")) and not (
            invoice.network == "" and _same_but_network(standing, invoice)
        ):
            raise CustomIdError(
                f"custom_id {invoice.custom_id} was used before, for {standing}: use another one for another order"
            ) from error
        return standing
    return invoice


def _same_but_network(standing: Invoice, invoice: Invoice) -> bool:
    """The gateway fills in a network that was left out."""
    return all(
        getattr(standing, name) == getattr(invoice, name)
        for name in (*_ORDERED, "order_object_id")
        if name != "network"
    )


def _call(invoice: Invoice, *, is_new: bool) -> InvoiceSnapshot:
    """Make the invoice at the gateway, or find the one that an earlier try has made there.

    Where an earlier try stands, only an answer of the gateway's tells what has become of it.
    """
    if not is_new and (found := _look_for(invoice)):
        return found
    try:
        return client_for(invoice.account).create_invoice(
            **{name: value for name in _SENT if (value := getattr(invoice, name))}
        )
    except GatewayError as error:
        is_clear = not error.outcome_unknown and not isinstance(error, GatewayConflictError)
        if is_clear and is_new:
            Invoice.objects.filter(pk=invoice.pk, gateway_id=None, version=0).delete()
            raise
        if is_clear and isinstance(error, GatewayRefusedError):
            raise
        if found := _look_for(invoice, error):
            return found
        raise _unknown(invoice, error) from error


def _look_for(invoice: Invoice, doubt: GatewayError | None = None) -> InvoiceSnapshot | None:
    """Return what the gateway has under our custom_id, or None; raise CreationUnknownError if it does not say."""
    try:
        return client_for(invoice.account).retrieve_invoice_by_custom_id(invoice.custom_id)
    except GatewayNotFoundError:
        return None
    except GatewayError as error:
        raise _unknown(invoice, doubt or error) from error


def _unknown(invoice: Invoice, error: GatewayError) -> CreationUnknownError:
    return CreationUnknownError(
        f"the gateway gave no clear answer for invoice {invoice.pk} ({error}); call create_invoice again with "
        f"custom_id={invoice.custom_id!r}: it can never make two"
    )
