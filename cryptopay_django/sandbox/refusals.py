"""Defines the refusals of the service: one error that carries the HTTP status and the body of the answer.

A body that is not valid has the code `invalid`, and only its details say what is wrong. The codes of details that no
recording shows are formed like those that are recorded.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, TypeAlias

from ..exceptions import CryptopayError
from .amounts import spell

Detail: TypeAlias = dict[str, Any]

_HIGH_RISK = (
    "We were unable to process your request as the address of the recipient may be associated with resource primarily "
    "used for unlawful activities"
)


class RefusalError(CryptopayError):
    """The service refuses: `status`, `code`, `message` and `details` are what the caller reads on the wire."""

    def __init__(self, status: int, code: str, message: str, details: list[Detail] | None = None) -> None:
        super().__init__("; ".join(f"{one['target']} {one['message']}" for one in details or []) or message)
        self.status = status
        self.code = code
        self.message = message
        self.details = details or []

    def to_wire(self, request_id: str) -> dict[str, Any]:
        """Return the body of the answer."""
        error = {"code": self.code, "message": self.message, "details": self.details}
        return {"error": error, "meta": {"request_id": request_id}}


def detail(code: str, target: str, message: str, **args: object) -> Detail:
    """Return one detail: what is wrong with one field; `args` are the values in the message."""
    return {"code": code, "target": target, "message": message, "args": args}


def not_one_of(target: str, known: object) -> Detail:
    """Return the detail for a value that is not in a list."""
    names = [str(name) for name in known]  # type: ignore[attr-defined]
    return detail("must_be_included_in", target, f"must be one of: {', '.join(names)}", list=names)


def is_too_small(target: str) -> Detail:
    """Return the detail for an amount that is nothing or less."""
    return detail("must_be_greater_than", target, "must be greater than 0", value="0")


def invalid(*details: Detail) -> RefusalError:
    """Refuse a body, a query or a path because of these details."""
    return RefusalError(422, "invalid", "invalid", list(details))


def not_found() -> RefusalError:
    """Refuse because there is no such thing."""
    return RefusalError(404, "not_found", "not found")


def duplicate_custom_id() -> RefusalError:
    """Refuse an id of the merchant's own that was used before."""
    return RefusalError(409, "duplicate_custom_id", "duplicate custom id")


def too_much(**most: Decimal) -> RefusalError:
    """Refuse amounts that are larger than these."""
    return invalid(*(_at_most(name, max(amount, Decimal(0))) for name, amount in most.items()))


def _at_most(name: str, amount: Decimal) -> Detail:
    value = spell(amount)
    return detail("must_be_less_than_or_equal", name, f"must be less than or equal to {value}", value=value)


def already_committed() -> RefusalError:
    """Refuse the second commit of a preview."""
    return RefusalError(409, "already_committed", "already committed")


def high_risk_address() -> RefusalError:
    """Refuse to send coins to an address of bad repute."""
    return RefusalError(422, "high_risk_address", _HIGH_RISK)


def not_now(message: str) -> RefusalError:
    """Refuse because the thing is not in a state for it."""
    return invalid(detail("invalid_status", "status", message))
