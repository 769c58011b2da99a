"""Turns errors into problem details (RFC 9457), with a stable `code` for programs.

Customers get fixed texts. Staff get the error's own message if it helps; our errors contain no secrets. Details are
written to the log.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.db import InterfaceError, OperationalError
from django.http import Http404
from rest_framework import exceptions as rest
from rest_framework.response import Response

from .. import exceptions as ours
from ..gateway.answers import read_reasons

logger = logging.getLogger("cryptopay_django")

CONTENT_TYPE = "application/problem+json"
TYPE = "urn:cryptopay-django:problem:"


@dataclass(frozen=True, slots=True)
class Rule:
    """The answer to an error. With `is_shown`, staff get its message instead of `detail`."""

    status: int
    code: str
    title: str
    detail: str
    is_shown: bool = False
    retry_after: int | None = None
    is_logged: bool = True


_NOT_CONFIGURED = Rule(
    503, "not_configured", "Payments are not available", "Payments are not possible at the moment. Ask the shop."
)
_UNCLEAR = "The payment service gave no usable answer. Look at the invoice before trying again."

RULES: Mapping[type[Exception], Rule] = {
    ours.GatewayRefusedError: Rule(
        502, "gateway_refused", "The payment service refused",
        "The payment service did not accept the request.", is_shown=True,
    ),
    ours.GatewayConflictError: Rule(
        409, "gateway_conflict", "Used before", "The payment service has something else under this name."
    ),
    ours.GatewayValidationError: Rule(
        422, "gateway_invalid", "The payment service refused",
        "The payment service did not accept the request.", is_shown=True,
    ),
    ours.GatewayRateLimitError: Rule(
        503, "gateway_busy", "The payment service is busy", "Try again in a moment.", retry_after=5
    ),
    ours.GatewayUnreachableError: Rule(
        503, "gateway_unreachable", "The payment service cannot be reached",
        "Nothing was sent. Try again in a moment.", retry_after=5,
    ),
    ours.OtherEnvironmentError: Rule(
        409, "other_environment", "In another environment",
        "The invoice is not at the gateway that its account has now.", is_shown=True, is_logged=False,
    ),
    ours.GatewayTimeoutError: Rule(504, "gateway_timeout", "The payment service does not answer", _UNCLEAR),
    ours.GatewayOutageError: Rule(502, "gateway_fault", "The payment service has failed", _UNCLEAR),
    ours.InvoiceRequestError: Rule(
        422, "not_payable", "This cannot be paid so", "This cannot be paid in the chosen coin. Choose another one."
    ),
    ours.NothingMissingError: Rule(
        409, "nothing_missing", "Paid already", "Nothing is missing for this order.", is_shown=True, is_logged=False
    ),
    ours.MissingUnknownError: Rule(
        409, "missing_unknown", "Not known what is missing",
        "An earlier payment for this order is not credited yet, or a person has to look at it.",
    ),
    ours.ChannelRequestError: Rule(
        422, "channel_not_possible", "There can be no such channel",
        "There can be no such channel. Choose another coin.", is_shown=True,
    ),
    ours.ChannelInUseError: Rule(
        409, "channel_in_use", "Another channel is in use",
        "The owner has another enabled channel for the same coin, network and currency.", is_shown=True,
        is_logged=False,
    ),
    ours.ChannelHeldError: Rule(
        409, "channel_held", "Held for a person", "A person has to look at this address first. Ask the shop."
    ),
    ours.ChannelBusyError: Rule(
        503, "channel_busy", "The channel keeps changing", "Try again in a moment.", retry_after=1
    ),
    ours.CustomIdError: Rule(
        409, "custom_id_used", "Used before", "There is another invoice under this order's name. Ask the shop."
    ),
    ours.CreationUnknownError: Rule(
        503, "creation_unknown", "Not known yet",
        "Send the same request again: it returns the invoice that was made, if one was.", retry_after=2,
    ),
    ours.PriceSealError: Rule(
        409, "invoice_held", "Held for a person", "A person has to look at this payment first. Ask the shop."
    ),
    ours.InvoiceBusyError: Rule(
        503, "invoice_busy", "The invoice keeps changing", "Try again in a moment.", retry_after=1
    ),
    ours.ReleaseError: Rule(
        409, "nothing_to_release", "Nothing to release",
        "It is not held, nor settled short.", is_shown=True, is_logged=False,
    ),
    ours.ResolutionError: Rule(
        409, "not_resolvable", "Cannot be settled or refunded",
        "The invoice cannot be settled or refunded now.", is_shown=True, is_logged=False,
    ),
    ours.InvoiceChangedError: Rule(
        409, "invoice_changed", "The invoice has changed", "Look at it again.", is_shown=True, is_logged=False
    ),
    ours.QuoteExpiredError: Rule(
        409, "quote_expired", "The quote has expired", "Ask for another one.", is_shown=True, is_logged=False
    ),
    ours.ResolutionActiveError: Rule(
        409, "resolution_active", "Another one is under way",
        "Another settlement or refund of this invoice is under way.", is_shown=True, is_logged=False,
    ),
    ours.SamePersonError: Rule(
        403, "same_person", "A second person is needed", "Another person has to confirm it.", is_shown=True,
        is_logged=False,
    ),
    ours.NotPermittedError: Rule(
        403, "not_permitted", "Not permitted", "You may not do this.", is_shown=True, is_logged=False
    ),
    ours.NotEndableError: Rule(
        409, "not_endable", "Cannot be ended by hand",
        "It cannot be ended by hand, or not yet.", is_shown=True, is_logged=False,
    ),
    ours.RefundAmountError: Rule(
        422, "amount_invalid", "Not an amount to refund", "Check the amount.", is_shown=True, is_logged=False
    ),
    ours.RefundRefusedError: Rule(
        422, "refund_refused", "The payment service refused",
        "The payment service did not accept the refund.", is_shown=True,
    ),
    ours.RefundLinkError: Rule(
        409, "link_not_possible", "No address can be asked for",
        "The customer cannot be asked for an address now.", is_shown=True, is_logged=False,
    ),
    ours.AddressError: Rule(
        422, "address_invalid", "Not an address of this network", "Check the address.", is_shown=True, is_logged=False
    ),
    ours.PaymentLinkRequestError: Rule(
        422, "link_invalid", "There can be no such payment link", "Check what was sent.", is_shown=True,
        is_logged=False,
    ),
    ours.PaymentLinkError: Rule(
        409, "link_closed", "The payment link is over", "Nobody can pay by it.", is_shown=True, is_logged=False
    ),
    ours.TransactionOpenError: _NOT_CONFIGURED,
    ours.AccountMissingError: _NOT_CONFIGURED,
    ours.CryptopayError: Rule(502, "payment_error", "The payment service has failed", _UNCLEAR),
    ImproperlyConfigured: _NOT_CONFIGURED,
    OperationalError: Rule(503, "busy", "Busy", "Try again in a moment.", retry_after=1),
    InterfaceError: Rule(503, "busy", "Busy", "Try again in a moment.", retry_after=1),
}  # fmt: skip

_TITLES = {
    400: "The request is not valid",
    401: "Not authenticated",
    403: "Not permitted",
    404: "Not found",
    405: "Method not allowed",
    406: "Not acceptable",
    413: "Too large",
    415: "Unsupported media type",
    429: "Too many requests",
}


def problem_response(error: Exception, *, is_staff: bool = False) -> Response | None:
    """Return an error as problem details, or None for a bug, which Django reports as usual."""
    if isinstance(error, Http404):
        error = rest.NotFound()
    elif isinstance(error, DjangoPermissionDenied):
        error = rest.PermissionDenied()
    if isinstance(error, rest.APIException):
        return _of_framework(error)
    rule = next((RULES[kind] for kind in type(error).__mro__ if kind in RULES), None)
    if rule is None:
        return None
    if rule.is_logged:
        logger.warning("the API answers %s: %s: %s", rule.code, type(error).__name__, error, exc_info=error)
    more: dict[str, Any] = {}
    if isinstance(error, ours.NotResolvableError | ours.RefundLinkError):
        more["obstacle"] = str(error.obstacle)
    if isinstance(error, ours.RefundRefusedError):
        more["errors"] = [{"field": field, "code": "refused", "detail": text} for field, text in error.problems]
    if isinstance(error, ours.AddressError | ours.RefundAmountError | ours.PaymentLinkRequestError):
        more["errors"] = [{"field": error.field, "code": "invalid", "detail": str(error)}]
    if is_staff and isinstance(error, ours.GatewayRefusedError) and (reasons := read_reasons(error.details)):
        more["errors"] = [
            {"field": reason.target, "code": reason.code, "detail": reason.message or reason.code}
            for reason in reasons
        ]
    wait = getattr(error, "retry_after", None) or rule.retry_after
    detail = str(error) if is_staff and rule.is_shown else rule.detail
    return problem(rule.status, rule.code, detail, title=rule.title, retry_after=wait, **more)


def problem(
    status: int, code: str, detail: str, *, title: str = "", retry_after: float | None = None, **more: Any
) -> Response:
    """Return problem details with additional fields."""
    body = {"type": f"{TYPE}{code}", "title": title or _TITLES.get(status, "Error"), "status": status}
    response = Response({**body, "detail": detail, "code": code, **more}, status=status, content_type=CONTENT_TYPE)
    if retry_after is not None:
        response["Retry-After"] = str(math.ceil(retry_after))
    return response


def _of_framework(error: rest.APIException) -> Response:
    """Return the problem for an error of REST framework."""
    if isinstance(error, rest.ValidationError):
        details = "Some of what was sent cannot be taken."
        return problem(400, "invalid", details, errors=list(_flat(error.get_full_details())))
    code = getattr(error.detail, "code", error.default_code)
    response = problem(error.status_code, str(code), str(error.detail), retry_after=getattr(error, "wait", None))
    if header := getattr(error, "auth_header", None):
        response["WWW-Authenticate"] = header
    return response


def _flat(details: Any, field: str = "") -> Iterator[dict[str, str]]:
    """Yield the errors of each field by its dotted path; "" is the whole body."""
    if isinstance(details, Mapping):
        if set(details) == {"message", "code"} and not isinstance(details["message"], Mapping | list):
            yield {"field": field, "code": str(details["code"]), "detail": str(details["message"])}
            return
        for name, inner in details.items():
            own = "" if name == "non_field_errors" else str(name)
            yield from _flat(inner, ".".join(part for part in (field, own) if part))
    elif isinstance(details, list):
        for inner in details:
            yield from _flat(inner, field)
