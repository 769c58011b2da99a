"""Everything that can go wrong, as one tree. Plain Python: the gateway client and the sandbox use it too.

CryptopayError
├── SignatureError               a callback whose signature matches no current secret
├── WireError                    bytes from the gateway that cannot be read; names the field
├── GatewayError                 a call to the gateway did not succeed
│   ├── OtherEnvironmentError    the invoice is at another gateway than its account is now; nothing was sent
│   ├── GatewayRefusedError      it answered 4xx, with its own error: nothing happened over there
│   │   ├── GatewayAuthenticationError   401: key, secret or clock
│   │   ├── GatewayPermissionError       403: the key's permissions or the IP white-list
│   │   ├── GatewayNotFoundError         404
│   │   │   └── ForeignInvoiceError      another shop's invoice has our custom_id
│   │   ├── GatewayConflictError         409: the custom_id was used before
│   │   ├── GatewayValidationError       422, 400
│   │   └── GatewayRateLimitError        429, or our own limiter before it
│   └── GatewayOutageError       no usable answer
│       ├── GatewayUnreachableError      nothing was sent
│       ├── GatewayTimeoutError          sent, no answer in time: the outcome is unknown
│       ├── GatewayFaultError            5xx: the outcome is unknown
│       └── GatewayAnswerError           an answer that cannot be read: the outcome is unknown
├── InvoiceRequestError          create_invoice was asked for something that cannot be; nothing was sent
│   ├── AmountError              float, zero, negative, over-precise or too large
│   ├── CurrencyError            not a currency known here
│   ├── NetworkError             the coin is not on this network
│   └── CustomIdError            characters or length; or used before for something else
├── CreationUnknownError         create_invoice does not know yet whether the gateway has the invoice
├── PriceSealError               the gateway holds an invoice with another price than ordered
├── ProtectedColumnError         save() of an existing row would change a column that services own
├── TransactionOpenError         called inside a transaction, where nothing could be committed before the call
├── HandlerError                 a function that cannot be a durable handler; says what to do
├── HandlerMissingError          a delivery names a handler that is not registered
├── DeliveryBusyError            an attempt to deliver this event is running; look again later
├── RedeliveryError              deliver_again was asked for an event that is never delivered, or by no actor
├── InvoiceBusyError             the row kept changing while the gateway was asked; try again
├── ReleaseError                 release_invoice has nothing to release, or lacks an actor or a reason
└── ResolutionError              a settlement or refund that cannot be, or not now; nothing was sent
    ├── NotResolvableError       the invoice cannot be settled or refunded by staff; `obstacle` says why
    ├── InvoiceChangedError      the invoice is no longer what the person saw
    ├── QuoteExpiredError        the quote is older than its 30 seconds
    ├── ResolutionActiveError    another one is under way; names who began it, and when
    ├── ApprovalError            the resolution does not wait for a second person
    ├── SamePersonError          the planner of a resolution cannot approve it
    ├── NotPermittedError        the user who is named lacks a permission for it
    ├── NotEndableError          a person may not end this operation by hand, or not yet
    └── AddressError             a refund address that its network would not take
        └── TagError             its destination tag or memo is missing, wrong, or too much
"""

from __future__ import annotations

from collections.abc import Sequence
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
    """A call to the gateway did not succeed. `outcome_unknown` says whether it may have had its effect."""

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
    """The invoice was made in another environment than its account is in now. Nothing was sent."""


class GatewayRefusedError(GatewayError):
    """The gateway refused the call: 4xx, with its own error where the call changes something. Nothing happened."""


class GatewayAuthenticationError(GatewayRefusedError):
    """401: API_KEY or API_SECRET is wrong, or this machine's clock is more than ten minutes off."""


class GatewayPermissionError(GatewayRefusedError):
    """403: the API key lacks the permission, or this address is not on its white-list."""


class GatewayNotFoundError(GatewayRefusedError):
    """404: the gateway does not know it."""


class ForeignInvoiceError(GatewayNotFoundError):
    """The gateway has another invoice under this custom_id: one that does not carry our UUID."""


class GatewayConflictError(GatewayRefusedError):
    """409: the custom_id was used before in this account."""


class GatewayValidationError(GatewayRefusedError):
    """400 or 422: the gateway does not accept the request; `details` says what."""


class GatewayRateLimitError(GatewayRefusedError):
    """429: more than 200 requests a minute with this key; `retry_after` is in seconds where known."""


class GatewayOutageError(GatewayError):
    """The gateway gave no usable answer."""


class GatewayUnreachableError(GatewayOutageError):
    """No connection was made, so nothing was sent."""


class GatewayTimeoutError(GatewayOutageError):
    """The request was sent and no whole answer arrived in time, or the connection broke."""

    outcome_unknown = True


class GatewayFaultError(GatewayOutageError):
    """The gateway, or something before it, answered 5xx."""

    outcome_unknown = True


class GatewayAnswerError(GatewayOutageError):
    """The answer is a redirect, too large, or not what the protocol says.

    So is a 4xx without the gateway's own error in answer to a call that changes something: a proxy's page.
    """

    outcome_unknown = True


class InvoiceRequestError(CryptopayError, ValueError):
    """create_invoice was asked for something that cannot be. Nothing was sent."""


class AmountError(InvoiceRequestError):
    """The amount is a float, not positive, too precise for its currency, or too large."""


class CurrencyError(InvoiceRequestError):
    """The currency is not one known here."""


class NetworkError(InvoiceRequestError):
    """The coin does not exist on this network."""


class CustomIdError(InvoiceRequestError):
    """The custom_id has characters outside `A-Za-z0-9._-`, is too long, or names another invoice."""


class CreationUnknownError(CryptopayError):
    """It is not known yet whether the gateway made the invoice. Call again with the same custom_id."""


class PriceSealError(CryptopayError):
    """The gateway holds this invoice with another price than ordered; it is quarantined."""


class ProtectedColumnError(CryptopayError):
    """A column of an invoice or a payment that services own was to be written by `save()`; nothing was written."""

    def __init__(self, model: str, columns: Sequence[str]) -> None:
        self.model = model
        self.columns = tuple(columns)
        super().__init__(
            f"{model}: services own {', '.join(columns)}; nothing was saved. Read the row again and save the "
            "shop's own columns; change the others by a service, or by QuerySet.update() if you must"
        )

    def __reduce__(self) -> tuple[type[ProtectedColumnError], tuple[str, tuple[str, ...]]]:
        return type(self), (self.model, self.columns)


class TransactionOpenError(CryptopayError):
    """The call must not run inside a transaction: what it writes first has to be committed first."""


class HandlerError(CryptopayError, TypeError):
    """The function cannot be a durable handler; the message says what to do."""


class HandlerMissingError(CryptopayError):
    """No function is registered under the path that a delivery names."""


class DeliveryBusyError(CryptopayError):
    """An attempt to deliver this event, or to make this call of a handler, is running. Look again later."""


class RedeliveryError(CryptopayError):
    """`deliver_again` was asked for an event that is never delivered, or without an actor."""


class InvoiceBusyError(CryptopayError):
    """The invoice kept changing while the gateway was asked about it. Try again."""


class ReleaseError(CryptopayError):
    """Nothing to release, no actor or no reason, or another invoice has the id that would be accepted."""


class ResolutionError(CryptopayError):
    """A settlement or refund that cannot be, or not now. Nothing was sent."""


class Obstacle(StrEnum):
    """The reason why staff cannot settle or refund an invoice."""

    OTHER_ENVIRONMENT = "other_environment"
    NOT_UNRESOLVED = "not_unresolved"
    HELD = "held"
    QUARANTINED = "quarantined"
    UNKNOWN_CONTEXT = "unknown_context"
    NOT_OVERPAID = "not_overpaid"
    NO_ACTOR = "no_actor"
    NO_REASON = "no_reason"


class NotResolvableError(ResolutionError):
    """The invoice cannot be settled or refunded by staff; `obstacle` says why, the message what to do."""

    def __init__(self, message: str, *, obstacle: Obstacle) -> None:
        super().__init__(message)
        self.obstacle = obstacle


class InvoiceChangedError(ResolutionError):
    """The invoice is no longer what the person saw. Look at it again."""


class QuoteExpiredError(ResolutionError):
    """The quote is older than its 30 seconds, or of another state of the invoice. Ask for another."""


class ResolutionActiveError(ResolutionError):
    """Another settlement or refund of this invoice is under way; the message names who began it, and when."""


class ApprovalError(ResolutionError):
    """The resolution does not wait for a second person: it was approved, withdrawn, or never had to."""


class SamePersonError(ResolutionError):
    """The planner of a resolution cannot approve it."""


class NotPermittedError(ResolutionError):
    """The user who is named as the actor may not do it, by Django's permissions when the row was locked."""


class NotEndableError(ResolutionError):
    """A person may not end this operation by hand, or not yet; the message says why, and when."""


class AddressError(ResolutionError, ValueError):
    """A refund address that its network would not take: coins sent there would be lost."""

    field = "address"


class TagError(AddressError):
    """The destination tag or memo of a refund address is missing, wrong, given twice, or not known on its network."""

    field = "tag"
