"""How the service says no: one error that carries the HTTP status and the body of the answer."""

from __future__ import annotations

from typing import Any

from ..exceptions import CryptopayError


class RefusalError(CryptopayError):
    """The service refuses: `status`, `code` and `details` are what the caller reads on the wire."""

    def __init__(self, status: int, code: str, message: str, details: list[dict[str, str]] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.details = details

    def to_wire(self, request_id: str) -> dict[str, Any]:
        """Return the body of the answer."""
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.details is not None:
            error["details"] = self.details
        return {"error": error, "meta": {"request_id": request_id}}


def not_found(what: str) -> RefusalError:
    """Refuse because there is no such thing."""
    return RefusalError(404, "not_found", f"{what} was not found")


def not_now(message: str) -> RefusalError:
    """Refuse because the invoice is not in a state for it."""
    return RefusalError(422, "unprocessable_entity", message, [{"field": "status", "message": message}])
