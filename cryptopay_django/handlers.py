"""Registers durable handlers: functions of a shop that are called for an event until they succeed.

A handler is a function at the top level of a module, registered by a decorator named like the signal:

    @on_invoice_completed
    def ship(invoice, event): ...

It is identified by its dotted path. The transaction that writes an event also writes a delivery record for each
handler of its kind. `services/events/call_handlers.py` calls them. The module `cryptopay_handlers` of each installed
app is imported when Django starts, so receivers of signals in it are connected too.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from .exceptions import HandlerError

if TYPE_CHECKING:
    from .models import InvoiceEvent

Handler = Callable[[Any, "InvoiceEvent"], object]
"""Takes what the event is about as it is now, and the event: `uuid`, `kind`, `payment`, `refund`.

That is the invoice, for kinds of channel payments the `ChannelPayment`, and for `callback_received` the `Callback`,
whose `message` says what it says. What the handler returns is not used.
"""

H = TypeVar("H", bound=Handler)

LONGEST_PATH = 255

_registered: dict[str, dict[str, Handler]] = {}


def register(kind: str, handler: H) -> H:
    """Register a handler for a kind of event and return it; raise HandlerError for what cannot be found again."""
    path = path_of(handler)
    others = [known[path] for known in _registered.values() if path in known]
    if any(other is not handler for other in others):
        raise HandlerError(f"{path} is registered already, as another function: give one of the two another name")
    of_kind = _registered.setdefault(kind, {})
    if path in of_kind:
        raise HandlerError(f"{path} is registered for {kind} already: decorate it once")
    of_kind[path] = handler
    return handler


def unregister(handler: Handler) -> None:
    """Unregister a handler for every kind of event. For tests: existing delivery records stay pending."""
    for known in _registered.values():
        for path in [path for path, other in known.items() if other is handler]:
            del known[path]


def paths_for(kind: str) -> list[str]:
    """Return the paths of the handlers for a kind of event, in the order of their registration."""
    return list(_registered.get(kind, ()))


def is_any_registered() -> bool:
    """Return whether there is a handler for any kind of event in this process."""
    return any(_registered.values())


def find_handler(kind: str, path: str) -> Handler | None:
    """Return the handler that is registered for a kind under this path, or None."""
    return _registered.get(kind, {}).get(path)


def path_of(handler: Handler) -> str:
    """Return a handler's dotted path; raise HandlerError if it has none."""
    path = f"{getattr(handler, '__module__', '?')}.{getattr(handler, '__qualname__', repr(handler))}"
    if not inspect.isfunction(handler) or "<" in path or "." in handler.__qualname__:
        raise HandlerError(
            f"{path} cannot be found again after a restart: a handler is a function at the top level of a module"
        )
    if handler.__module__ == "__main__":
        raise HandlerError(f"{path} has another path when it is imported: move it into a module of an app")
    if len(path) > LONGEST_PATH:
        raise HandlerError(f"{path} is longer than {LONGEST_PATH} characters: give it a shorter name")
    is_run_later = (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction)
    if any(test(handler) for test in is_run_later):
        raise HandlerError(f"{path} would not run when it is called: make it a plain function, without async or yield")
    try:
        inspect.signature(handler).bind(None, None)
    except TypeError as error:
        raise HandlerError(
            f"{path} must take two arguments, (invoice, event), or a payment or a callback in place of "
            f"the invoice: {error}"
        ) from error
    return path


def _registrar(kind: str) -> Callable[[H], H]:
    def decorator(handler: H) -> H:
        return register(kind, handler)

    decorator.__name__ = decorator.__qualname__ = f"on_{kind}"
    decorator.__doc__ = f"Register a durable handler for the event `{kind}`; see the signal of that name."
    return decorator


on_invoice_created = _registrar("invoice_created")
on_payment_detected = _registrar("payment_detected")
on_payment_confirmed = _registrar("payment_confirmed")
on_invoice_completed = _registrar("invoice_completed")
on_invoice_settled_short = _registrar("invoice_settled_short")
on_invoice_unresolved = _registrar("invoice_unresolved")
on_invoice_refunded = _registrar("invoice_refunded")
on_invoice_cancelled = _registrar("invoice_cancelled")
on_invoice_quarantined = _registrar("invoice_quarantined")
on_refund_created = _registrar("refund_created")
on_refund_succeeded = _registrar("refund_succeeded")
on_refund_failed = _registrar("refund_failed")
on_channel_payment_created = _registrar("channel_payment_created")
on_channel_payment_completed = _registrar("channel_payment_completed")
on_channel_payment_on_hold = _registrar("channel_payment_on_hold")
on_channel_payment_refunded = _registrar("channel_payment_refunded")
on_channel_payment_cancelled = _registrar("channel_payment_cancelled")
on_callback_received = _registrar("callback_received")
