"""Creates and cancels payment links. Makes no call: an invoice is made when a customer chooses a coin."""

from __future__ import annotations

import secrets
from datetime import datetime
from decimal import Decimal

from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone

from ...conf import get_account
from ...exceptions import InvoiceRequestError, PaymentLinkError, PaymentLinkObstacle, PaymentLinkRequestError
from ...fields import canonical
from ...gateway.coins import Coins
from ...gateway.currencies import check_amount, check_price_currency
from ...models import PaymentLink, PaymentLinkKind
from ...models.locking import write_transaction
from ...models.payment_link import DESCRIPTION_LENGTH, REFERENCE_LENGTH
from ...permissions import Act
from ..accounts import resolve_account
from ..invoices.account_coins import coins_for
from ..resolution.people import Actor, check_permitted, person_of

Amount = Decimal | int | str

_AMOUNTS = ("price_amount", "least_amount", "most_amount")


def create_payment_link(
    *,
    actor: Actor,
    price_currency: str,
    price_amount: Amount | None = None,
    least_amount: Amount | None = None,
    most_amount: Amount | None = None,
    description: str = "",
    reference: str = "",
    kind: str = PaymentLinkKind.LINK,
    is_reusable: bool = False,
    expires_at: datetime | None = None,
    account: str | None = None,
) -> PaymentLink:
    """Create a link by which customers can pay, and return it with its token.

    Without `price_amount` the customer chooses the amount, between `least_amount` and `most_amount` if they are given.
    A link is paid once, or with `is_reusable` any number of times. `description` is for the customer, `reference` for
    staff. `actor` needs the permission `add_paymentlink`. Without `account`, CRYPTOPAY_ACCOUNT_RESOLVER chooses it,
    with None for the order. Commits. Raises PaymentLinkRequestError, with the field, and NotPermittedError.
    """
    person = person_of(actor)
    if not person.name:
        raise PaymentLinkRequestError("who makes the link must be named", field="actor")
    account, environment = _account(account, price_currency)
    amounts = {"price_amount": price_amount, "least_amount": least_amount, "most_amount": most_amount}
    checked = _amounts(amounts, price_currency, account)
    now = timezone.now()
    if expires_at is not None and (timezone.is_naive(expires_at) or expires_at <= now):
        raise PaymentLinkRequestError("a link must expire in the future, at an aware time", field="expires_at")
    if kind not in PaymentLinkKind:
        raise PaymentLinkRequestError(f"must be one of {', '.join(PaymentLinkKind)}, not {kind!r}", field="kind")
    link = PaymentLink(
        token=secrets.token_urlsafe(16),
        kind=kind,
        account=account,
        environment=environment,
        price_currency=price_currency,
        **checked,
        description=_text("description", description, DESCRIPTION_LENGTH),
        reference=_text("reference", reference, REFERENCE_LENGTH),
        is_reusable=is_reusable,
        actor=person.name,
        created_at=now,
        expires_at=expires_at,
    )
    with write_transaction(PaymentLink):
        check_permitted(person, Act.MAKE_LINK)
        PaymentLink.objects.insert(link)
    return link


def cancel_payment_link(link: PaymentLink, *, actor: Actor) -> PaymentLink:
    """End a link, and return it: nobody can begin to pay by it any more. It cannot be undone.

    An invoice that was made before can still be paid until its rate expires. `actor` needs the permission
    `change_paymentlink`. A link that is cancelled already is returned as it is. Locks the link, and commits. Raises
    PaymentLinkRequestError without an actor, PaymentLinkError if the link does not exist, and NotPermittedError.
    """
    person = person_of(actor)
    if not person.name:
        raise PaymentLinkRequestError("who cancels the link must be named", field="actor")
    with write_transaction(PaymentLink):
        locked = PaymentLink.objects.lock(pk=link.pk)
        if locked is None:
            raise PaymentLinkError(f"there is no payment link {link.pk}", obstacle=PaymentLinkObstacle.UNKNOWN)
        check_permitted(person, Act.CANCEL_LINK)
        if locked.cancelled_at is None:
            PaymentLink.objects.change(locked, cancelled_at=timezone.now(), cancelled_by=person.name)
    return locked


def checked_amount(amount: object, currency: str, account: str, *, field: str) -> Decimal:
    """Return an exact amount in a price currency; raise PaymentLinkRequestError, with the field, if it is none."""
    try:
        return canonical(check_amount(amount, currency, coins=_coins(account, currency)))
    except InvoiceRequestError as error:
        raise PaymentLinkRequestError(str(error), field=field) from error


def _coins(account: str, currency: str) -> Coins:
    """Return the coins among which a price currency is looked for. Only a price in a coin needs the gateway's list."""
    return coins_for(account, price_currency=currency, pay_currency=currency, network="")


def _account(account: str | None, currency: str) -> tuple[str, str]:
    """Return the account and its environment."""
    chosen = resolve_account(None, {"price_currency": currency}) if account is None else account
    try:
        environment = get_account(chosen).environment
    except ImproperlyConfigured as error:
        raise PaymentLinkRequestError(f"there is no account {chosen!r}: {error}", field="account") from error
    try:
        check_price_currency(currency, coins=_coins(chosen, currency))
    except InvoiceRequestError as error:
        raise PaymentLinkRequestError(str(error), field="price_currency") from error
    return chosen, environment


def _amounts(given: dict[str, Amount | None], currency: str, account: str) -> dict[str, Decimal | None]:
    """Check the fixed amount or the bounds."""
    checked = {
        name: None if value is None else checked_amount(value, currency, account, field=name)
        for name, value in given.items()
    }
    fixed, least, most = (checked[name] for name in _AMOUNTS)
    if fixed is not None and (least is not None or most is not None):
        message = "a link has a fixed amount, or bounds for the amount that the customer chooses: not both"
        raise PaymentLinkRequestError(message, field="price_amount")
    if least is not None and most is not None and least > most:
        raise PaymentLinkRequestError(f"it must not be below the least amount, {least:f}", field="most_amount")
    return checked


def _text(name: str, value: str, limit: int) -> str:
    """Return a text that its column can hold, on one line."""
    text = " ".join(value.split())
    if "\x00" in text or len(text) > limit:
        raise PaymentLinkRequestError(f"it may have {limit} characters, and no NUL", field=name)
    return text
