"""Defines every error of the package, as one tree. Plain Python: the gateway client and the sandbox use it too.

CryptopayError
├── SignatureError               a callback whose signature matches no current secret
├── WireError                    bytes from the gateway that cannot be read; names the field
├── GatewayError                 a call to the gateway did not succeed
│   ├── OtherEnvironmentError    the invoice belongs to another environment; nothing was sent
│   ├── GatewayRefusedError      the gateway answered 4xx; nothing happened
│   │   ├── GatewayAuthenticationError   401: key, secret or clock
│   │   ├── GatewayPermissionError       403: the key's permissions or the IP white-list
│   │   ├── GatewayNotFoundError         404
│   │   │   └── ForeignInvoiceError      another invoice has our custom_id
│   │   ├── GatewayConflictError         409: the custom_id was used before
│   │   ├── GatewayValidationError       422, 400
│   │   └── GatewayRateLimitError        429, or our own limiter
│   └── GatewayOutageError       no usable answer
│       ├── GatewayUnreachableError      nothing was sent
│       ├── GatewayTimeoutError          sent, no answer in time: the outcome is unknown
│       ├── GatewayFaultError            5xx: the outcome is unknown
│       └── GatewayAnswerError           an answer that cannot be read: the outcome is unknown
├── InvoiceRequestError          create_invoice got invalid arguments; nothing was sent
│   ├── AmountError              float, zero, negative, over-precise or too large
│   ├── CurrencyError            an unknown currency
│   ├── NetworkError             the coin is not on this network
│   ├── CustomIdError            invalid characters or length, or already used
│   ├── NothingMissingError      the rest of an order was asked for, and it is paid
│   └── MissingUnknownError      the same, and what is missing is not known yet: money is pending, or held
├── TransferRequestError         a withdrawal or exchange has invalid arguments; nothing was sent
├── ChannelRequestError          create_channel, or a switch of a channel, was asked for something that cannot be
│   └── ChannelInUseError        the owner has another enabled channel for the same coin, network and currency
├── CreationUnknownError         it is not known whether the gateway created the invoice or channel
├── PriceSealError               the gateway's invoice has another price than ordered
├── ChannelHeldError             the gateway's channel has another coin, network, currency or address
├── ProtectedColumnError         save() of an existing row would change a column that services own
├── MissingPackageError          a part of this package needs another package, which is not installed
├── AccountMissingError          CRYPTOPAY_ACCOUNTS has no account of this name; it is an ImproperlyConfigured, too
├── TransactionOpenError         called inside a transaction; it must commit before it calls the gateway
├── HandlerError                 a function that cannot be a durable handler; says what to do
├── HandlerMissingError          a delivery names a handler that is not registered
├── DeliveryBusyError            an attempt to deliver this event is running; look again later
├── RedeliveryError              deliver_again got an event that is never delivered, or no actor
├── RowLockedError               another transaction has locked a row for longer than a request may wait; try again
├── InvoiceBusyError             the row kept changing during the call to the gateway; try again
├── ChannelBusyError             the same for a channel or a payment on it
├── BooksError                   the books of an account, or a statement, cannot be made like this
│   ├── BooksDifferError         a period is not closed: the books and the gateway differ; `differences` says how
│   └── BooksChangedError        a period is not closed: its figures are not those that the person saw
├── SendBackError                not all that a host asked to send back is on its way, or not booked; `sent_amount`
├── ReleaseError                 there is nothing to release, or an actor or a reason is missing
├── RefundLinkError              a customer's link for a refund address cannot be made or used; `obstacle` says why
├── PaymentLinkError             a payment link cannot be paid by now; `obstacle` says why
├── PaymentLinkRequestError      create_payment_link got invalid arguments; `field` says which
└── ResolutionError              a settlement or refund is not possible, or not now; this call sent nothing
    ├── NotResolvableError       the invoice cannot be settled or refunded by staff; `obstacle` says why
    ├── InvoiceChangedError      the invoice has changed since the person saw it
    ├── QuoteExpiredError        the quote is older than 30 seconds
    ├── ResolutionActiveError    another one is active; the message says who started it, and when
    ├── ApprovalError            the resolution does not wait for an approval
    ├── SamePersonError          the planner of a resolution cannot approve it
    ├── NotPermittedError        the actor lacks the permission
    ├── NotEndableError          a person may not end this resolution by hand, or not yet; it may have been sent
    ├── RefundAmountError        an amount to refund that is not valid, or more than is left
    ├── FeeBearerError           network_fee_borne_by is neither "merchant" nor "customer"
    ├── RefundRefusedError       the gateway refuses a refund before anything is sent; `problems` says why
    └── AddressError             a refund address that is not valid on its network
        └── TagError             its destination tag or memo is missing, wrong or not allowed
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from enum import StrEnum
from typing import Any


class CryptopayError(Exception):
    """The base of all errors of this package."""


class SignatureError(CryptopayError):
    """The signature header matches no current callback secret of the account."""


class WireError(CryptopayError):
    """Bytes from the gateway cannot be read. `field` is the dotted path of what is wrong ("" for the whole)."""

    def __init__(self, field: str, reason: str) -> None:
        self.field = field
        self.reason = reason
        super().__init__(f"{field}: {reason}" if field else reason)

    def __reduce__(self) -> tuple[type[WireError], tuple[str, str]]:
        return type(self), (self.field, self.reason)


class GatewayError(CryptopayError):
    """A call to the gateway failed. `outcome_unknown` says whether it may still have taken effect."""

    outcome_unknown = False

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: str | None = None,
        request_id: str | None = None,
        details: Sequence[Any] = (),
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.request_id = request_id
        self.details = tuple(details)
        self.retry_after = retry_after


class OtherEnvironmentError(GatewayError):
    """The invoice belongs to another environment than its account uses now. Nothing was sent."""


class GatewayRefusedError(GatewayError):
    """The gateway refused the call (4xx). Nothing happened."""


class GatewayAuthenticationError(GatewayRefusedError):
    """401: API_KEY or API_SECRET is wrong, or this machine's clock is more than ten minutes wrong."""


class GatewayPermissionError(GatewayRefusedError):
    """403: the API key lacks the permission, or this server's IP address is not on its allow-list."""


class GatewayNotFoundError(GatewayRefusedError):
    """404: the gateway does not have this object."""


class ForeignInvoiceError(GatewayNotFoundError):
    """The gateway has another invoice with this custom_id: its metadata does not contain our UUID.

    A callback about an invoice that we have no row of is another case: an orphan. It raises no error.
    """


class GatewayConflictError(GatewayRefusedError):
    """409: the custom_id was used before in this account."""


class GatewayValidationError(GatewayRefusedError):
    """400 or 422: the gateway does not accept the request; `details` says what."""


class GatewayRateLimitError(GatewayRefusedError):
    """More than 200 requests a minute with this key: not sent, or 429. `retry_after` is in seconds, if known."""


class GatewayOutageError(GatewayError):
    """The gateway gave no usable answer."""


class GatewayUnreachableError(GatewayOutageError):
    """No connection was made, so nothing was sent."""


class GatewayTimeoutError(GatewayOutageError):
    """The request was sent, but no complete answer arrived in time, or the connection broke."""

    outcome_unknown = True


class GatewayFaultError(GatewayOutageError):
    """The gateway, or a proxy before it, answered 5xx."""

    outcome_unknown = True


class GatewayAnswerError(GatewayOutageError):
    """The answer is a redirect, too large, or not valid in the gateway's protocol.

    If the call changes data, a 4xx without the gateway's own error counts too: it may be a proxy's error page.
    """

    outcome_unknown = True


class InvoiceRequestError(CryptopayError, ValueError):
    """`create_invoice` got invalid arguments. Nothing was sent."""


class AmountError(InvoiceRequestError):
    """The amount is a float, not positive, too precise for its currency, or too large."""


class CurrencyError(InvoiceRequestError):
    """The app does not know this currency."""


class NetworkError(InvoiceRequestError):
    """The coin does not exist on this network."""


class CustomIdError(InvoiceRequestError):
    """The custom_id has characters outside `A-Za-z0-9._-`, is too long, or belongs to another invoice."""


class NothingMissingError(InvoiceRequestError):
    """The order is paid: nothing is missing."""


class MissingUnknownError(InvoiceRequestError):
    """What is missing of the order's price is not known: money is pending or quarantined, or a value is not known."""


class TransferRequestError(CryptopayError, ValueError):
    """A withdrawal or an exchange has no amount, two amounts or an invalid one. Nothing was sent."""


class ChannelRequestError(CryptopayError, ValueError):
    """`create_channel` or a change of a channel got invalid arguments. Nothing was sent."""


class ChannelInUseError(ChannelRequestError):
    """The owner has another enabled channel for the same coin, network and currency. Disable it first."""


class CreationUnknownError(CryptopayError):
    """It is not known yet whether the gateway created the invoice or channel. Call again: it never creates two."""


class PriceSealError(CryptopayError):
    """The gateway's invoice has another price than ordered. The invoice is quarantined."""


class ChannelHeldError(CryptopayError):
    """The gateway's channel has another coin, network, currency or address. The channel is quarantined."""


class ProtectedColumnError(CryptopayError):
    """`save()` would change a column of an invoice or a payment that only services may change. Nothing was written."""

    def __init__(self, model: str, columns: Sequence[str]) -> None:
        self.model = model
        self.columns = tuple(columns)
        super().__init__(
            f"{model}: services own {', '.join(columns)}; nothing was saved. Read the row again and save the "
            "shop's own columns; change the others by a service, or by QuerySet.update() if you must"
        )

    def __reduce__(self) -> tuple[type[ProtectedColumnError], tuple[str, tuple[str, ...]]]:
        return type(self), (self.model, self.columns)


class MissingPackageError(CryptopayError, ImportError):
    """A package that this part needs is not installed. The message says what to install."""


@contextmanager
def needs(module: str, *, install: str) -> Iterator[None]:
    """Raise MissingPackageError if what is imported in the block fails because this module is not installed."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != module:
            raise
        raise MissingPackageError(
            f'{module} is not installed, and this part of cryptopay_django needs it: pip install "{install}"',
            name=error.name,
        ) from error


class AccountMissingError(CryptopayError):
    """`CRYPTOPAY_ACCOUNTS` has no account of this name. What is raised is an `ImproperlyConfigured`, too."""


class TransactionOpenError(CryptopayError):
    """The function was called inside a transaction, but it must commit before it calls the gateway."""


class HandlerError(CryptopayError, TypeError):
    """The function cannot be a durable handler. The message says what to do."""


class HandlerMissingError(CryptopayError):
    """No handler is registered with the path of this delivery."""


class DeliveryBusyError(CryptopayError):
    """Another attempt to deliver this event, or to call this handler, is running. Check again later."""


class RedeliveryError(CryptopayError):
    """`deliver_again` got an event that is never delivered, or no actor."""


class InvoiceBusyError(CryptopayError):
    """The invoice kept changing during the call to the gateway. Try again."""


class RowLockedError(CryptopayError):
    """Another transaction has locked a row for longer than a request may wait. Nothing was changed. Try again."""


class ChannelBusyError(CryptopayError):
    """The channel or a payment on it kept changing during the call to the gateway. Try again."""


class BooksError(CryptopayError):
    """The books of an account cannot be begun, kept or closed like this, or a statement not be made of them."""


class BooksDifferError(BooksError):
    """The books and the gateway differ, and the period was not closed. `differences` names each in words."""

    def __init__(self, message: str, *, differences: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.differences = tuple(differences)


class BooksChangedError(BooksError):
    """The figures of the period are not those that the person saw, and it was not closed. Check them again."""


class SendBackError(CryptopayError):
    """Not all that the host of an adapter asked to send back is on its way, or it is not booked there yet.

    `sent_amount` is on its way, in the price currency. The message says what to do.
    """

    def __init__(self, message: str, *, sent_amount: Decimal = Decimal(0)) -> None:
        super().__init__(message)
        self.sent_amount = sent_amount


class ReleaseError(CryptopayError):
    """There is nothing to release, no actor or no reason, or another invoice already has the accepted id."""


class LinkObstacle(StrEnum):
    """The reason why a customer's link for a refund address does not work."""

    UNKNOWN = "unknown"
    EXPIRED = "expired"
    USED = "used"
    REVOKED = "revoked"
    CLOSED = "closed"
    TOO_MANY = "too_many"


class RefundLinkError(CryptopayError):
    """A customer's link for a refund address cannot be made or used. `obstacle` says why; nothing was changed."""

    def __init__(self, message: str, *, obstacle: LinkObstacle) -> None:
        super().__init__(message)
        self.obstacle = obstacle


class PaymentLinkObstacle(StrEnum):
    """The reason why nobody can pay by a payment link now."""

    UNKNOWN = "unknown"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    OTHER_ENVIRONMENT = "other_environment"
    TOO_MANY = "too_many"


class PaymentLinkError(CryptopayError):
    """Nobody can pay by the payment link now. `obstacle` says why; no invoice was made."""

    def __init__(self, message: str, *, obstacle: PaymentLinkObstacle) -> None:
        super().__init__(message)
        self.obstacle = obstacle


class PaymentLinkRequestError(CryptopayError, ValueError):
    """`create_payment_link` got invalid arguments, or a customer chose an amount that the link does not allow.

    `field` is the name of the argument. Nothing was made.
    """

    def __init__(self, message: str, *, field: str) -> None:
        super().__init__(message)
        self.field = field


class ResolutionError(CryptopayError):
    """The settlement or refund is not possible, or not now. The call that raises this sends nothing."""


class Obstacle(StrEnum):
    """The reason why staff cannot settle or refund an invoice."""

    OTHER_ENVIRONMENT = "other_environment"
    NOT_UNRESOLVED = "not_unresolved"
    HELD = "held"
    QUARANTINED = "quarantined"
    UNKNOWN_CONTEXT = "unknown_context"
    NOT_OVERPAID = "not_overpaid"
    NOT_COMPLETED = "not_completed"
    AMOUNT_UNKNOWN = "amount_unknown"
    NOTHING_LEFT = "nothing_left"
    NO_ACTOR = "no_actor"
    NO_REASON = "no_reason"


class NotResolvableError(ResolutionError):
    """Staff cannot settle or refund this invoice. `obstacle` says why, the message says what to do."""

    def __init__(self, message: str, *, obstacle: Obstacle) -> None:
        super().__init__(message)
        self.obstacle = obstacle


class InvoiceChangedError(ResolutionError):
    """The invoice has changed since the person saw it. Check it again."""


class QuoteExpiredError(ResolutionError):
    """The quote is older than 30 seconds, or the invoice has changed. Request a new quote."""


class ResolutionActiveError(ResolutionError):
    """Another settlement or refund of this invoice is active. The message says who started it, and when."""


class ApprovalError(ResolutionError):
    """The resolution does not wait for an approval: it was approved or withdrawn, or it needs none."""


class SamePersonError(ResolutionError):
    """The person who planned a resolution cannot approve it."""


class NotPermittedError(ResolutionError):
    """The actor does not have the permission. It is checked while the row is locked."""


class NotEndableError(ResolutionError):
    """A person may not end this resolution by hand, or not yet. The message says why, and when it is possible.

    Its request may have been sent: do not send it again.
    """


class RefundAmountError(ResolutionError, ValueError):
    """The amount to refund is not valid in its currency, or more than is left of what was paid. Nothing was sent."""

    field = "amount"


class FeeBearerError(ResolutionError, ValueError):
    """Nobody who can bear the network's fee was named. The message has the choices. Nothing was sent."""

    field = "network_fee_borne_by"


class RefundRefusedError(ResolutionError):
    """The gateway refuses the refund of a completed invoice before anything is sent.

    `problems` has a text for each field that is wrong: `amount`, `address`, or "" for the whole.
    """

    def __init__(self, message: str, *, problems: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__(message)
        self.problems = tuple(problems)


class AddressError(ResolutionError, ValueError):
    """The refund address is not valid on its network: coins sent to it would be lost."""

    field = "address"


class TagError(AddressError):
    """The destination tag or memo of a refund address is missing, wrong, given twice, or not known on its network."""

    field = "tag"
