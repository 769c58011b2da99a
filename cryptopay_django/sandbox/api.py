"""The REST API as the merchant's client sees it: who may call, which path does what, how it answers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http.client import responses
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from ..gateway.signing import verify_request
from . import forms, merchant, resolutions
from .coins import describe_coins
from .invoices import Invoice
from .refusals import RefusalError, not_found
from .state import State
from .trouble import Fault, Mishap

DATE_TOLERANCE = timedelta(minutes=10)
RATE_WINDOW = timedelta(minutes=1)

_AUTHORIZATION = re.compile(r"HMAC ([^:\s]+):(\S+)")
_PUBLIC = re.compile(r"/api/rates(/.*)?")


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it was received: `path` is the raw one with its query string, `body` the exact bytes."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Response:
    """An answer, ready for a socket; `silent` when none is to be given and the caller left waiting."""

    status: int
    body: bytes
    content_type: str = "application/json; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)
    silent: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """One routed call: the decoded pieces of the path, the query and the parsed body."""

    state: State
    now: datetime
    parts: tuple[str, ...]
    query: dict[str, str]
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a long list: how many objects the whole list has, and whether more follow."""

    items: list[Any]
    total: int
    has_more: bool


Handler = Callable[[Call], tuple[int, Any]]


def respond(state: State, request: Request, now: datetime) -> Response:
    """Answer one request. Everything that can be refused is refused in the order of the service.

    1. the signature and the date (401), 2. the rate (429), 3. the path (404), 4. the key's
    permissions (403), 5. the body (400, 422), 6. the state of things (404, 409, 422).
    """
    request_id = state.make_id("request")
    try:
        status, data = _dispatch(state, request, now)
        body: Any = {"data": data}
        if isinstance(data, Page):
            body = {"data": data.items, "meta": {"total": data.total, "has_more": data.has_more}}
    except RefusalError as refusal:
        status, body = refusal.status, refusal.to_wire(request_id)
    state.api_log.append((now, request.method, request.path, status))
    headers = {"X-Request-Id": request_id}
    if status == 429:
        headers["Retry-After"] = str(int(RATE_WINDOW.total_seconds()))
    return Response(status, json.dumps(body, separators=(",", ":")).encode(), headers=headers)


def break_down(state: State, request: Request, mishap: Mishap, now: datetime) -> Response:
    """Answer as a service that is down, or an intermediary in front of it, does: with no JSON, or not at all."""
    if mishap.fault is Fault.TIMEOUT:
        response = Response(504, b"", silent=True)
    else:
        status = 503 if mishap.fault is Fault.STORM else (500, 502, 503)[mishap.dice % 3]
        page = f"<html><body><h1>{status} {responses[status]}</h1></body></html>"
        response = Response(status, page.encode(), "text/html")
    state.api_log.append((now, request.method, request.path, response.status))
    return response


def _dispatch(state: State, request: Request, now: datetime) -> tuple[int, Any]:
    split = urlsplit(request.path)
    _authenticate(state, request, public=bool(_PUBLIC.fullmatch(split.path)))
    _limit(state)
    for method, pattern, permission, handler in _ROUTES:
        match = pattern.fullmatch(split.path)
        if match is None or method != request.method:
            continue
        if permission in state.account.denied:
            raise RefusalError(403, "unauthorized", f"This API key may not use {permission}")
        query = {name: values[-1] for name, values in parse_qs(split.query).items()}
        body = forms.parse_body(request.body) if method != "GET" else {}
        return handler(Call(state, now, tuple(map(unquote, match.groups())), query, body))
    raise not_found()


def _authenticate(state: State, request: Request, *, public: bool) -> None:
    header, date = request.headers.get("Authorization"), request.headers.get("Date")
    if header is None and public:
        return
    credentials = _AUTHORIZATION.fullmatch(header or "")
    if credentials is None or date is None:
        raise _unauthenticated("The Authorization or the Date header is missing or malformed")
    key, signature = credentials.groups()
    if key != state.account.api_key:
        raise _unauthenticated("The API key is not known")
    try:
        sent_at = parsedate_to_datetime(date)
    except ValueError as error:
        raise _unauthenticated("The Date header is not an HTTP date") from error
    if sent_at.tzinfo is None:
        sent_at = sent_at.replace(tzinfo=UTC)
    if abs(state.clock.wall() - sent_at) > DATE_TOLERANCE:
        raise _unauthenticated("The Date header is more than 10 minutes off")
    if not verify_request(
        signature,
        secret=state.account.api_secret,
        method=request.method,
        path=request.path,
        date=date,
        body=request.body,
    ):
        raise _unauthenticated("The signature does not match")


def _unauthenticated(message: str) -> RefusalError:
    return RefusalError(401, "unauthenticated", message)


def _limit(state: State) -> None:
    limit = state.account.rate_limit
    if limit is None:
        return
    now = state.clock.wall()
    recent = state.recent_requests
    while recent and now - recent[0] >= RATE_WINDOW:
        recent.popleft()
    if len(recent) >= limit:
        raise RefusalError(429, "too_many_requests", f"More than {limit} requests a minute")
    recent.append(now)


def _route(method: str, path: str, permission: str, handler: Handler) -> tuple[str, re.Pattern[str], str, Handler]:
    return method, re.compile(path.replace("{}", "([^/]+)")), permission, handler


def _create_invoice(call: Call) -> tuple[int, Any]:
    return 201, merchant.create_invoice(call.state, forms.read_invoice(call.body), call.now).to_wire()


def _list_invoices(call: Call) -> tuple[int, Any]:
    wanted = {name: call.query[name] for name in ("customer_id", "subscription_id") if name in call.query}
    after = call.query.get("starting_after")
    if after:
        forms.check_uuid(after, "starting_after")
    invoices = merchant.list_invoices(call.state, **wanted)
    return 200, _page([invoice.to_wire for invoice in invoices], [invoice.id for invoice in invoices], after)


def _page(show: Sequence[Callable[[], Any]], ids: Sequence[str], after: str | None) -> Page:
    """Return the page behind the object `after`; RefusalError (404) when there is no such object."""
    begin = 0
    if after:
        if after not in ids:
            raise not_found()
        begin = ids.index(after) + 1
    end = begin + merchant.PAGE_LENGTH
    return Page([one() for one in show[begin:end]], len(show), len(show) > end)


def _find_invoice(call: Call) -> Invoice:
    return call.state.find(forms.check_uuid(call.parts[0], "invoice_id"))


def _show_invoice(call: Call) -> tuple[int, Any]:
    return 200, _find_invoice(call).to_wire()


def _show_invoice_by_custom_id(call: Call) -> tuple[int, Any]:
    return 200, merchant.find_by_custom_id(call.state, call.parts[0]).to_wire()


def _create_recalculation(call: Call) -> tuple[int, Any]:
    invoice, force = _find_invoice(call), forms.read_flag(call.body, "force_commit")
    recalculation = resolutions.create_recalculation(call.state, invoice, force_commit=force, at=call.now)
    return 201, recalculation.to_wire()


def _commit_recalculation(call: Call) -> tuple[int, Any]:
    invoice, recalculation_id = _find_invoice(call), forms.check_uuid(call.parts[1], "recalculation_id")
    return 200, resolutions.commit_recalculation(call.state, invoice, recalculation_id, call.now).to_wire()


def _create_refund(call: Call) -> tuple[int, Any]:
    invoice, address = _find_invoice(call), forms.read_optional_text(call.body, "address")
    return 201, resolutions.create_refund(call.state, invoice, address=address, at=call.now).to_wire()


def _list_refunds(call: Call) -> tuple[int, Any]:
    return 200, [refund.to_wire() for refund in _find_invoice(call).refunds]


def _list_coins(call: Call) -> tuple[int, Any]:
    return 200, describe_coins(call.state.base_url)


def _list_rates(call: Call) -> tuple[int, Any]:
    return 200, call.state.rates.table(call.now)


def _show_rate(call: Call) -> tuple[int, Any]:
    quote = call.state.rates.quote(call.parts[0], call.parts[1], call.now)
    if quote is None:
        raise not_found()
    return 200, quote


def _score_risk(call: Call) -> tuple[int, Any]:
    return 200, merchant.score_risk(call.state, *forms.read_risk_subject(call.body))


def _create_customer(call: Call) -> tuple[int, Any]:
    return 201, merchant.create_customer(call.state, forms.read_customer(call.body, known=None))


def _list_customers(call: Call) -> tuple[int, Any]:
    customers = [customer.copy for customer in reversed(call.state.customers.values())]
    return 200, _page(customers, [*reversed(call.state.customers)], call.query.get("starting_after"))


def _show_customer(call: Call) -> tuple[int, Any]:
    return 200, merchant.find_customer(call.state, call.parts[0])


def _change_customer(call: Call) -> tuple[int, Any]:
    known = merchant.find_customer(call.state, call.parts[0])
    changed = forms.read_customer(call.body, known=known)
    call.state.customers[changed["id"]] = changed
    return 200, changed


_ROUTES = (
    _route("POST", "/api/invoices", "invoices", _create_invoice),
    _route("GET", "/api/invoices", "invoices", _list_invoices),
    _route("GET", "/api/invoices/custom_id/{}", "invoices", _show_invoice_by_custom_id),
    _route("GET", "/api/invoices/{}", "invoices", _show_invoice),
    _route("POST", "/api/invoices/{}/recalculations", "recalculations", _create_recalculation),
    _route("POST", "/api/invoices/{}/recalculations/{}/commit", "recalculations", _commit_recalculation),
    _route("POST", "/api/invoices/{}/refunds", "refunds", _create_refund),
    _route("GET", "/api/invoices/{}/refunds", "refunds", _list_refunds),
    _route("GET", "/api/coins", "coins", _list_coins),
    _route("GET", "/api/rates", "rates", _list_rates),
    _route("GET", "/api/rates/{}/{}", "rates", _show_rate),
    _route("POST", "/api/risks/score", "risks", _score_risk),
    _route("POST", "/api/customers", "customers", _create_customer),
    _route("GET", "/api/customers", "customers", _list_customers),
    _route("GET", "/api/customers/{}", "customers", _show_customer),
    _route("PATCH", "/api/customers/{}", "customers", _change_customer),
)
