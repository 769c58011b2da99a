"""The calls of the gateway's API, typed. How they are sent, limited and retried stands in `calls.py`."""

from __future__ import annotations

import logging
import random as randomness
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from types import TracebackType
from typing import Self, TypeVar
from urllib import parse
from uuid import UUID

from requests.adapters import BaseAdapter

from ..exceptions import CustomIdError, GatewayAnswerError
from ..redaction import hide_locals
from .calls import ANSWER_LIMIT, LIST_LIMIT, Call, Caller, Mark, Route
from .limiter import RateLimiter
from .lists import Page, notes_on, page_of, read_rates
from .resources import Coin, Customer, CustomerAddress, Rate
from .schemas import InvoiceSnapshot, Recalculation, Refund, Risk
from .strictjson import Json, dump_json
from .values import plain_text, read_list

logger = logging.getLogger("cryptopay_django")

T = TypeVar("T")


class Client:
    """The gateway for one API key.

    It keeps connections open and serves one thread only, as a `requests.Session` does: keep one a thread.
    Every method raises the errors under GatewayError and takes `timeout`, the seconds for the whole call
    with its retries. GETs are retried; whatever changes something is sent once.
    """

    @hide_locals
    def __init__(
        self,
        api_key: str,
        api_secret: str,
        base_url: str,
        *,
        adapter: BaseAdapter | None = None,
        limiter: RateLimiter | None = None,
        connect_timeout: float = 3.05,
        total_timeout: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], object] = time.sleep,
        random: Callable[[], float] = randomness.random,
    ) -> None:
        self._caller = Caller(
            api_key,
            api_secret,
            base_url,
            adapter=adapter,
            limiter=limiter,
            connect_timeout=connect_timeout,
            total_timeout=total_timeout,
            clock=clock,
            now=now,
            sleep=sleep,
            random=random,
        )

    def __repr__(self) -> str:
        return f"Client({self._caller.base_url!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def clock_offset(self) -> float | None:
        """Seconds by which this machine's clock was ahead of the gateway's at its last answer, a refusal included.

        Give or take one; None before the first answer.
        """
        return self._caller.clock_offset

    def close(self) -> None:
        """Close the connections."""
        self._caller.close()

    @hide_locals
    def create_invoice(
        self,
        *,
        price_amount: Decimal,
        price_currency: str,
        pay_currency: str,
        network: str | None = None,
        custom_id: str | None = None,
        customer_id: str | None = None,
        name: str | None = None,
        description: str | None = None,
        metadata: Mapping[str, str] | None = None,
        success_redirect_url: str | None = None,
        unsuccess_redirect_url: str | None = None,
        payer_email: str | None = None,
        timeout: float | None = None,
    ) -> InvoiceSnapshot:
        """Create an invoice. The `custom_id` makes it safe to ask again: a second one raises GatewayConflictError."""
        if not isinstance(price_amount, Decimal) or not price_amount.is_finite():
            raise TypeError("price_amount must be a finite Decimal")
        params: dict[str, Json] = {
            "price_amount": plain_text(price_amount),
            "price_currency": price_currency,
            "pay_currency": pay_currency,
            "network": network,
            "custom_id": custom_id,
            "customer_id": customer_id,
            "name": name,
            "description": description,
            "metadata": None if metadata is None else dict(metadata),
            "success_redirect_url": success_redirect_url,
            "unsuccess_redirect_url": unsuccess_redirect_url,
            "payer_email": payer_email,
        }
        return self._send("POST", _route("/api/invoices"), params, InvoiceSnapshot.from_wire, timeout)

    def retrieve_invoice(self, invoice_id: UUID | str, *, timeout: float | None = None) -> InvoiceSnapshot:
        """Return an invoice by the gateway's id."""
        route = _route("/api/invoices/{invoice_id}", invoice_id=invoice_id)
        snapshot = self._get(route, InvoiceSnapshot.from_wire, timeout)
        if str(snapshot.id) != str(invoice_id).lower():
            raise GatewayAnswerError(f"GET {route.path} was answered with another invoice, {snapshot.id}")
        return snapshot

    def retrieve_invoice_by_custom_id(self, custom_id: str, *, timeout: float | None = None) -> InvoiceSnapshot:
        """Return an invoice by the id that the shop gave it."""
        route = _route("/api/invoices/custom_id/{custom_id}", custom_id=custom_id)
        snapshot = self._get(route, InvoiceSnapshot.from_wire, timeout)
        if snapshot.custom_id != custom_id:
            raise GatewayAnswerError(f"GET {route.path} was answered with another invoice, {snapshot.id}")
        return snapshot

    def list_invoices(
        self,
        *,
        customer_id: str | None = None,
        starting_after: UUID | str | None = None,
        timeout: float | None = None,
    ) -> Page[InvoiceSnapshot]:
        """Return one page of invoices, newest first; the last of its `ids` is where the next page starts."""
        route = _with_query("/api/invoices", customer_id=customer_id, starting_after=starting_after)
        return self._get(route, page_of(InvoiceSnapshot.from_wire), timeout, LIST_LIMIT)

    def create_recalculation(self, invoice_id: UUID | str, *, timeout: float | None = None) -> Recalculation:
        """Ask what an unresolved invoice is worth now. A preview: nothing changes before it is committed."""
        route = _route("/api/invoices/{invoice_id}/recalculations", invoice_id=invoice_id)
        return self._send("POST", route, {}, Recalculation.from_wire, timeout)

    def commit_recalculation(
        self,
        invoice_id: UUID | str,
        recalculation_id: UUID | str,
        *,
        mark: Mark | None = None,
        timeout: float | None = None,
    ) -> Recalculation:
        """Put a recalculation into force, at most 30 seconds after it was made. Settles the invoice.

        With a `mark` it is signed with that moment, and is not sent at all when it is seconds ago.
        """
        route = _route(
            "/api/invoices/{invoice_id}/recalculations/{recalculation_id}/commit",
            invoice_id=invoice_id,
            recalculation_id=recalculation_id,
        )
        return self._send("POST", route, {}, Recalculation.from_wire, timeout, mark=mark)

    def create_refund(
        self,
        invoice_id: UUID | str,
        *,
        address: str | None = None,
        mark: Mark | None = None,
        timeout: float | None = None,
    ) -> Refund:
        """Refund an unresolved invoice. Without an address the coins go to the merchant's own account.

        `mark` as in `commit_recalculation`. What the gateway did is in the answer: compare it with what was asked.
        """
        route = _route("/api/invoices/{invoice_id}/refunds", invoice_id=invoice_id)
        return self._send("POST", route, {"address": address}, Refund.from_wire, timeout, mark=mark)

    def list_refunds(self, invoice_id: UUID | str, *, timeout: float | None = None) -> Page[Refund]:
        """Return the refunds of an invoice."""
        route = _route("/api/invoices/{invoice_id}/refunds", invoice_id=invoice_id)
        return self._get(route, page_of(Refund.from_wire), timeout, LIST_LIMIT)

    def list_coins(self, *, timeout: float | None = None) -> Page[Coin]:
        """Return the coins of the account with their networks, precision and destination tags."""
        return self._get(_route("/api/coins"), page_of(Coin.from_wire), timeout)

    def list_rates(self, *, timeout: float | None = None) -> dict[str, Rate]:
        """Return all rates, each pair twice: as BTCEUR and as BTC/EUR."""
        return self._get(_route("/api/rates"), read_rates, timeout)

    def retrieve_rate(self, base: str, quote: str, *, timeout: float | None = None) -> Rate:
        """Return what one unit of `base` is worth in `quote`."""
        return self._get(_route("/api/rates/{base}/{quote}", base=base, quote=quote), Rate.from_wire, timeout)

    def score_risk(self, *, address: str, currency: str, kind: str, timeout: float | None = None) -> Risk:
        """Score an address; `kind` is `source_of_funds` or `destination_of_funds`."""
        params: dict[str, Json] = {"address": address, "currency": currency, "type": kind}
        return self._send("POST", _route("/api/risks/score"), params, Risk.from_wire, timeout)

    def create_customer(
        self,
        *,
        id: str,  # noqa: A002
        currency: str,
        addresses: Iterable[CustomerAddress] | None = None,
        timeout: float | None = None,
    ) -> Customer:
        """Create a customer under an id of the shop's choice, with the addresses that refunds may go to."""
        params: dict[str, Json] = {"id": id, "currency": currency, "addresses": _addresses(addresses)}
        return self._send("POST", _route("/api/customers"), params, Customer.from_wire, timeout)

    def retrieve_customer(self, customer_id: str, *, timeout: float | None = None) -> Customer:
        """Return a customer."""
        return self._get(_route("/api/customers/{customer_id}", customer_id=customer_id), Customer.from_wire, timeout)

    def update_customer(
        self,
        customer_id: str,
        *,
        currency: str | None = None,
        addresses: Iterable[CustomerAddress] | None = None,
        timeout: float | None = None,
    ) -> Customer:
        """Change what is given of a customer; `addresses` replaces all of them."""
        params: dict[str, Json] = {"currency": currency, "addresses": _addresses(addresses)}
        route = _route("/api/customers/{customer_id}", customer_id=customer_id)
        return self._send("PATCH", route, params, Customer.from_wire, timeout)

    def list_customers(
        self, *, starting_after: str | None = None, timeout: float | None = None
    ) -> tuple[Customer, ...]:
        """Return one page of customers."""
        route = _with_query("/api/customers", starting_after=starting_after)
        return self._get(route, lambda value, path: read_list(value, path, Customer.from_wire), timeout, LIST_LIMIT)

    def _get(
        self,
        route: Route,
        read: Callable[[object, str], T],
        timeout: float | None,
        answer_limit: int = ANSWER_LIMIT,
    ) -> T:
        return self._caller.fetch(Call("GET", route, answer_limit=answer_limit), _noting(route, read), timeout)

    def _send(
        self,
        method: str,
        route: Route,
        params: Mapping[str, Json],
        read: Callable[[object, str], T],
        timeout: float | None,
        *,
        mark: Mark | None = None,
    ) -> T:
        given: dict[str, Json] = {name: value for name, value in params.items() if value is not None}
        body = dump_json(given) if given else b""
        return self._caller.fetch(Call(method, route, body, mark=mark), _noting(route, read), timeout)


def _segment(value: UUID | str) -> str:
    """Encode one segment of a path. A dot or two would be taken for a step within it, and lost."""
    if value in ("", ".", ".."):
        raise CustomIdError(f"{value!r} cannot be looked up: it would change the path of the request")
    return parse.quote(str(value), safe="")


def _route(template: str, **segments: UUID | str) -> Route:
    return Route(template.format(**{name: _segment(value) for name, value in segments.items()}), template)


def _with_query(template: str, **params: UUID | str | None) -> Route:
    given = {name: str(value) for name, value in params.items() if value is not None}
    query = f"?{parse.urlencode(given, quote_via=parse.quote)}" if given else ""
    return Route(f"{template}{query}", template)


def _addresses(addresses: Iterable[CustomerAddress] | None) -> Json:
    return None if addresses is None else [address.to_wire() for address in addresses]


def _noting(route: Route, read: Callable[[object, str], T]) -> Callable[[object, str], T]:
    """Log what was left out of an answer. A page that is asked for each minute says it each minute."""

    def read_and_note(value: object, path: str) -> T:
        answer = read(value, path)
        if notes := notes_on(answer):
            logger.warning("the answer for %s has odd parts, which were left out: %s", route.path, "; ".join(notes))
        return answer

    return read_and_note
