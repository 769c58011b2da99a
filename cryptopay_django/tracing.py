"""Opens OpenTelemetry spans if its API is installed (the extra `otel`). Otherwise does nothing.

Attributes are ids, kinds and outcomes. Only the type of an exception is recorded, because the message of a shop's
error may contain anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from . import __version__

Note = Callable[..., None]
"""Adds attributes to the span that is open. A name without a dot is put under `cryptopay.`; None is left out."""

try:
    from opentelemetry import trace
    from opentelemetry.trace import SpanKind, Status, StatusCode
except ImportError:

    @contextmanager
    def span(name: str, *, is_client: bool = False, **attributes: Any) -> Iterator[Note]:
        """Do nothing."""
        yield _note_nothing

else:
    _tracer = trace.get_tracer("cryptopay_django", __version__)

    @contextmanager
    def span(name: str, *, is_client: bool = False, **attributes: Any) -> Iterator[Note]:
        """Open a span around a block. An exception marks it as failed and is raised again.

        Without a provider nothing happens.
        """
        if isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
            yield _note_nothing
            return
        with _tracer.start_as_current_span(
            name,
            kind=SpanKind.CLIENT if is_client else SpanKind.INTERNAL,
            attributes=_named(attributes),
            record_exception=False,
            set_status_on_exception=False,
        ) as current:
            try:
                yield lambda **more: current.set_attributes(_named(more))
            except BaseException as error:
                current.set_attribute("error.type", type(error).__qualname__)
                current.set_status(Status(StatusCode.ERROR))
                raise


def _named(attributes: Mapping[str, Any]) -> dict[str, str | bool | int | float]:
    return {
        name if "." in name else f"cryptopay.{name}": value if isinstance(value, bool | int | float) else str(value)
        for name, value in attributes.items()
        if value is not None
    }


def _note_nothing(**_: Any) -> None:
    """Take what would have been noted."""
