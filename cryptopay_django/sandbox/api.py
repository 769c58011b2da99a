"""Serves the REST API as the merchant's client sees it: checks the caller, finds the route, writes the answer."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http.client import responses
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from ..gateway.signing import verify_request
from . import channel_routes, forms, money_routes, routes
from .addresses import derive
from .network_faults import Fault, Mishap
from .refusals import RefusalError, not_found
from .routing import Call, Page, Request, Response, Route
from .state import State
from .wire import spell_json

DATE_TOLERANCE = timedelta(minutes=10)
RATE_WINDOW = timedelta(minutes=1)

_AUTHORIZATION = re.compile(r"HMAC ([^:\s]+):(\S+)")
_PUBLIC = re.compile(r"/api/rates(/.*)?")

# Each family brings its own; the first whose method and path fit answers.
ROUTES: tuple[Route, ...] = (*routes.ROUTES, *channel_routes.ROUTES, *money_routes.ROUTES)


def respond(state: State, request: Request, now: datetime) -> Response:
    """Answer one request. Everything that can be refused is refused in the order of the service.

    1. the caller's address (403), 2. the signature and the date (401), 3. the rate (429), 4. the path (404),
    5. the key's permissions (403), 6. the body (400, 422), 7. the state of things (404, 409, 422).
    """
    request_id = derive(state.seed, "request", state.count("request"), size=16).hex()
    try:
        status, data = _dispatch(state, request, now)
        body: Any = {"data": data}
        if isinstance(data, Page):
            body = {"data": data.items, "meta": {"total": data.total, "has_more": data.has_more}}
    except RefusalError as refusal:
        status, body = refusal.status, refusal.to_wire(request_id)
    state.api_log.append((now, request.method, request.path, status))
    headers = {"Cache-Control": "no-store"}
    if status == 429:
        headers["Retry-After"] = str(int(RATE_WINDOW.total_seconds()))
    return Response(status, spell_json(body, state.variants), headers=headers)


def break_down(state: State, request: Request, mishap: Mishap, now: datetime) -> Response:
    """Answer as a service that is down, or an intermediary in front of it, does: with no JSON, or not at all."""
    if mishap.fault is Fault.TIMEOUT:
        response = Response(504, b"", silent=True)
    else:
        status = 503 if mishap.fault is Fault.STORM else (500, 502, 503)[mishap.dice % 3]
        page = f"<html><body><h1>{status} {responses[status]}</h1></body></html>"
        response = Response(status, page.encode(), "text/html")
        if status == 502:
            response = Response(status, b"Bad gateway", "text/plain")
    state.api_log.append((now, request.method, request.path, response.status))
    return response


def _dispatch(state: State, request: Request, now: datetime) -> tuple[int, Any]:
    split = urlsplit(request.path)
    _check_caller(state)
    _authenticate(state, request, public=bool(_PUBLIC.fullmatch(split.path)))
    _limit(state)
    for route in ROUTES:
        match = route.pattern.fullmatch(split.path)
        if match is None or route.method != request.method:
            continue
        if route.permission in state.account.denied:
            raise RefusalError(403, "unauthorized", f"This API key may not use {route.permission}")
        query = {name: values[-1] for name, values in parse_qs(split.query).items()}
        body = forms.parse_body(request.body) if route.method != "GET" else {}
        return route.handler(Call(state, now, tuple(map(unquote, match.groups())), query, body))
    raise not_found()


def _check_caller(state: State) -> None:
    if not state.account.ip_allowed:
        raise RefusalError(int(state.variants["ip_not_allowed"]), "ip_not_allowed", "ip not allowed")


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
    paths = [request.path]
    if state.variants["signed_path"] == "or_decoded":
        paths.append(unquote(request.path))
    if not any(
        verify_request(
            signature,
            secret=state.account.api_secret,
            method=request.method,
            path=path,
            date=date,
            body=request.body,
        )
        for path in paths
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
