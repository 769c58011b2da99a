"""Creates the invoice of an order: checks the request, and reuses an invoice that fits.

`create_at_gateway.py` writes the row and calls the gateway.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import get_language

from ...conf import get_account
from ...exceptions import CustomIdError, InvoiceBusyError, InvoiceRequestError
from ...gateway.currencies import check_amount, check_pay_currency, check_price_currency
from ...models import Invoice, InvoiceStatus
from ...models.orders import order_pointer
from ...redaction import hide_locals
from ..accounts import account_for, is_in_force
from ..snapshots.compare import OUR_KEY
from .account_coins import coins_for
from .create_at_gateway import committed, finish, take_up, write_first, write_next
from .current_invoice import ask_about_expired, every_invoice_of, is_in_coin, is_over, payment_under_way, satisfies
from .summary import missing_amount, payment_summary

# One dot or two alone would change the path of a request instead of naming an invoice.
_CUSTOM_ID = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,128}", re.ASCII)
_OPTIONAL = (
    "network", "customer_id", "name", "description", "success_redirect_url", "unsuccess_redirect_url", "payer_email",
)  # fmt: skip
_ROUNDS = 5


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
    language: str | None = None,
    only_missing: bool = False,
) -> Invoice:
    """Create an invoice at the gateway, or find it, and return it with its address, amount to pay and hosted page.

    `price_amount` is in `price_currency`, never a float; `pay_currency` is the coin, `network` may be
    left out where the coin has one. An order without `custom_id` has one invoice at a time in a coin: the
    call returns the one that money came in for, or the one that still waits, and makes a new one when that
    has expired or the price has changed. With `custom_id` the call is repeatable by that name: the same one
    with the same order returns the same invoice, expired or not. Without both, each call is a new invoice.
    `language` is the customer's, for mails: without it the active one, if the site has it.
    Without `account` the setting CRYPTOPAY_ACCOUNT_RESOLVER chooses it, unless the invoice has one already.
    With `only_missing`, `price_amount` is the whole price of the order, and the invoice is for what is missing of it
    (`payment_summary`). Raises NothingMissingError if it is paid, and MissingUnknownError while money is pending or
    quarantined. It needs an order, and takes no `custom_id`.

    1. Check the request (InvoiceRequestError: nothing was written or sent).
    2. Write our row and commit it: hence TransactionOpenError inside a transaction.
    3. Call. After an unclear answer look for the invoice by its custom_id; when that does not tell
       either, CreationUnknownError. Refused, or never sent: GatewayError, and this call leaves no row.
       An invoice that is found is adopted if it carries our UUID: else CustomIdError.
    4. Merge the answer; another price than ordered is quarantined, and PriceSealError.
    """
    request: dict[str, Any] = {
        "price_amount": price_amount,
        "price_currency": price_currency,
        "pay_currency": pay_currency,
        "network": network,
        "account": account,
        "customer_id": customer_id,
        "name": name,
        "description": description,
        "metadata": metadata,
        "success_redirect_url": success_redirect_url,
        "unsuccess_redirect_url": unsuccess_redirect_url,
        "payer_email": payer_email,
        "language": language,
    }
    if only_missing:
        if order is None or custom_id is not None:
            raise InvoiceRequestError("only_missing needs an order, and no custom_id: what is missing changes")
        return invoice_for_rest(order, **request)
    if order is not None and custom_id is None:
        return invoice_for_order(order, **request)
    return _create(ordered_invoice(order, custom_id=custom_id, **request), order)


@hide_locals
def invoice_for_order(
    order: models.Model,
    *,
    get_payment_under_way: Callable[[Any], Invoice | None] = payment_under_way,
    get_custom_id: Callable[[int], str | None] = lambda number: None,
    before_call: Callable[[str], None] | None = None,
    **request: Any,
) -> Invoice:
    """Return the invoice that an order is to be paid by, made if need be; what pages and API share.

    `request` as for `create_invoice`. `get_custom_id` is given the number of the invoice among those of this
    order in this coin, and may name it; else its name is its UUID, and a constraint on the order's attempts
    keeps requests that come at once to one invoice. `before_call` is given the account, once, when the gateway is
    about to be called, and may refuse.
    """
    wanted = ordered_invoice(order, **request)
    with committed():
        pass  # refuses a transaction before anything else, also where nothing would have to be written
    for _ in range(_ROUNDS):
        if under_way := get_payment_under_way(order):
            return under_way
        seen = every_invoice_of(order)
        known = [row for row in seen if request["account"] in (None, row.account) and is_in_force(row)]
        waiting = next((invoice for invoice in known if satisfies(invoice, wanted)), None)
        if before_call and (waiting is None or waiting.gateway_id is None):
            before_call((waiting or wanted).account)
            before_call = None
        if waiting is not None:
            invoice = take_up(waiting)
        elif ask_about_expired(known):
            continue
        else:
            if custom_id := get_custom_id(1 + sum(is_in_coin(invoice, wanted) for invoice in known)):
                return _create(ordered_invoice(order, custom_id=custom_id, **request), order)
            invoice = write_next(wanted, order, seen)
        if invoice is None:
            continue
        is_new = invoice is wanted
        invoice = finish(invoice, is_new=is_new)
        # One that an earlier call has made, and that is only found now, may be over and unpaid.
        if is_new or not is_over(invoice) or invoice.status in (InvoiceStatus.UNRESOLVED, InvoiceStatus.COMPLETED):
            return invoice
    raise InvoiceBusyError(f"the invoices of {order._meta.label} {order.pk} keep changing: try again")


@hide_locals
def invoice_for_rest(order: models.Model, *, price_amount: Any, price_currency: str, **request: Any) -> Invoice:
    """Return the invoice for what is missing of an order's price, made if need be: like `invoice_for_order`.

    What is missing is looked at again before each attempt is written.
    """

    def look() -> Decimal:
        return missing_amount(order, payment_summary(order, due_amount=price_amount, currency=price_currency))

    def refuse_change(_order: models.Model) -> None:
        if look() != missing:
            raise InvoiceBusyError(f"what is missing for {order._meta.label} {order.pk} has just changed: try again")

    missing = look()
    request = {**request, "get_payment_under_way": refuse_change}
    return invoice_for_order(order, price_amount=missing, price_currency=price_currency, **request)


def _create(invoice: Invoice, order: models.Model | None) -> Invoice:
    """Make the one invoice that has this custom_id."""
    standing = write_first(invoice, order)
    return finish(standing, is_new=standing is invoice)


def ordered_invoice(
    order: models.Model | None, *, price_amount: object, custom_id: str | None = None, **values: Any
) -> Invoice:
    """Return the unsaved row of a checked request."""
    values = {**dict.fromkeys(_OPTIONAL), **values}
    values |= {name: values[name] or "" for name in _OPTIONAL}
    values["metadata"] = dict(values.get("metadata") or {})
    values["language"] = values.get("language") or _active_language()
    _check_texts(custom_id, values)
    try:
        pointer = order_pointer(order)
    except ValueError as error:
        raise InvoiceRequestError(str(error)) from error
    if values.get("account") is None:
        values["account"] = account_for(order, {"price_amount": price_amount, **values}, custom_id=custom_id)
    environment = get_account(values["account"]).environment
    coins = coins_for(
        values["account"], **{name: values[name] for name in ("price_currency", "pay_currency", "network")}
    )
    check_price_currency(values["price_currency"], coins=coins)
    check_pay_currency(values["pay_currency"], values["network"] or None, coins=coins)
    amount = check_amount(price_amount, values["price_currency"], coins=coins)
    key = uuid.uuid4()
    try:
        invoice = Invoice(
            id=key, custom_id=custom_id or str(key), environment=environment, price_amount=amount, **values, **pointer
        )
        invoice.clean_fields(exclude=["order_content_type"])
    except ValidationError as error:
        raise InvoiceRequestError("; ".join(f"{k}: {' '.join(v)}" for k, v in error.message_dict.items())) from error
    except ValueError as error:
        raise InvoiceRequestError(str(error)) from error
    return invoice


def _active_language() -> str:
    """Return the active language if the site has it, otherwise ""."""
    language = get_language() or ""
    return language if language in dict(settings.LANGUAGES) else ""


def _check_texts(custom_id: object, values: Mapping[str, Any]) -> None:
    """Raise InvoiceRequestError for texts that no database, or no gateway, would take."""
    for key, value in {"custom_id": custom_id, **values, **values["metadata"]}.items():
        if isinstance(value, str) and "\x00" in value:
            raise InvoiceRequestError(f"{key} contains a NUL character, which no database can store")
    if custom_id is not None and not (isinstance(custom_id, str) and _CUSTOM_ID.fullmatch(custom_id)):
        raise CustomIdError(f"custom_id must be 1 to 128 of A-Z a-z 0-9 . _ -, not {custom_id!r}")
    if not all(isinstance(text, str) for pair in values["metadata"].items() for text in pair):
        raise InvoiceRequestError("metadata must map texts to texts: turn numbers and dates into strings")
    if OUR_KEY in values["metadata"]:
        raise InvoiceRequestError(f'metadata must not have "{OUR_KEY}": our own UUID goes there')
    for name in ("success_redirect_url", "unsuccess_redirect_url"):
        if values[name] and urlsplit(values[name]).scheme not in ("http", "https"):
            raise InvoiceRequestError(f"{name} must be an absolute http(s) URL: use request.build_absolute_uri()")
