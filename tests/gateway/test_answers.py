"""What the answer to a call that changes something says of its outcome, and the reasons that people read."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta

import pytest

from cryptopay_django.exceptions import (
    GatewayAnswerError,
    GatewayConflictError,
    GatewayNotFoundError,
    GatewayRateLimitError,
    GatewayRefusedError,
    GatewayUnreachableError,
)
from cryptopay_django.gateway.answers import Answer, Reason, read_reasons
from cryptopay_django.gateway.client import Client
from cryptopay_django.gateway.rate_limit import RateLimiter
from cryptopay_django.gateway.sent_mark import MARK_LIFE, Mark
from cryptopay_django.gateway.session import http_date

from . import examples
from .server import data

PAGES = [
    b"",
    b"<html><body>Request Timeout</body></html>",
    b"{}",
    b"[]",
    b'"no"',
    b'{"message": "Forbidden"}',
    b'{"error": "rate limited"}',
    b'{"error": {"message": "no"}}',
    b'{"error": {"code": 429, "message": "Too Many Requests"}}',
    b'{"error": {"code": "429", "message": "Too Many Requests"}}',
    b'{"error": {"code": null}}',
    b'{"errors": [{"code": "invalid"}]}',
    b"[" * 100_000,
]
REFUSAL = {"error": {"code": "invalid", "message": "invalid", "details": []}, "meta": {"request_id": "r"}}


def answered(call, status, body):
    return Answer(call, status, body if isinstance(body, bytes) else json.dumps(body).encode()).to_error()


@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 409, 413, 418, 422, 425, 429, 431, 451, 499])
@pytest.mark.parametrize("page", PAGES)
def test_a_page_without_the_gateways_error_leaves_it_open_whether_a_call_took_effect(status, page):
    error = answered("POST /api/invoices/1/refunds", status, page)

    assert (type(error), error.outcome_unknown, error.status) == (GatewayAnswerError, True, status)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 422, 425, 429])
def test_the_gateways_own_error_says_that_nothing_happened(status):
    error = answered("POST /api/invoices/1/refunds", status, REFUSAL)

    assert isinstance(error, GatewayRefusedError)
    assert not error.outcome_unknown


@pytest.mark.parametrize("status", [408, 499])
def test_whoever_gave_up_waiting_does_not_know_what_happened(status):
    assert answered("POST /api/invoices/1/refunds", status, REFUSAL).outcome_unknown


@pytest.mark.parametrize(
    ("status", "kind"), [(404, GatewayNotFoundError), (409, GatewayConflictError), (429, GatewayRateLimitError)]
)
def test_for_a_get_the_status_is_enough(status, kind):
    error = answered("GET /api/invoices/1", status, b"<html>")

    assert (type(error), error.outcome_unknown) == (kind, False)


@pytest.mark.parametrize(
    "oddity",
    [
        {"message": 5},
        {"message": "x" * 10_000},
        {"details": "odd"},
        {"details": {"amount": ["is odd"]}},
        {"details": None},
        {"more": {"of": "it"}},
    ],
)
@pytest.mark.parametrize("meta", [{}, {"meta": "odd"}, {"meta": {"request_id": 7}}, {"meta": None}])
def test_what_is_odd_beside_the_code_does_not_make_a_refusal_unclear(oddity, meta):
    body = {"error": {"code": "invalid", **oddity}, **meta}

    assert not answered("POST /api/invoices", 422, body).outcome_unknown


def test_a_refusal_says_what_is_wrong_field_by_field():
    details = [
        {
            "code": "must_be_less_than_or_equal",
            "target": "amount",
            "message": "must be at most 5",
            "args": {"value": "5"},
        },
        {"code": "invalid_coin_address", "target": "address", "message": "must be a valid BTC address", "args": {}},
    ]

    error = answered(
        "POST /api/invoices", 422, {"error": {"code": "invalid", "message": "invalid", "details": details}}
    )

    assert "amount: must be at most 5 (must_be_less_than_or_equal); address: must be a valid BTC address" in str(error)


@pytest.mark.parametrize(
    ("detail", "reason"),
    [
        ({"code": "c", "target": "t", "message": "m", "args": {}}, Reason("t", "m", "c")),
        ({"field": "t", "message": "m"}, Reason("t", "m", "")),
        ({"code": "c", "target": "t", "args": {"value": "5"}}, Reason("t", "{'value': '5'}", "c")),
        ({"amount": ["is odd", "is late"]}, Reason("amount", "is odd, is late", "")),
        ("plain words", Reason("", "plain words", "")),
        ({"message": "a\nb\x00c\u2028d"}, Reason("", "a b c d", "")),
        ({"message": "x" * 500}, Reason("", "x" * 200 + "…", "")),
        ({"message": None, "code": "c"}, Reason("", "", "c")),
        (17, Reason("", "17", "")),
    ],
)
def test_details_of_any_form_become_short_texts(detail, reason):
    assert read_reasons([detail]) == (reason,)


def test_a_thousand_details_are_cut():
    assert len(read_reasons([{"message": "m"}] * 1000)) == 10
    assert len(read_reasons([{str(name): ["m"] for name in range(1000)}])) == 10


def marked(gateway, *, wall=0.0, monotonic=0.0):
    """Refund under a mark that is so many seconds old by each clock."""
    mark = Mark(datetime.now(UTC) - timedelta(seconds=wall), time.monotonic() - monotonic)
    with Client("key", "secret", gateway.url, limiter=RateLimiter()) as client:
        return client.create_refund(examples.INVOICE_ID, mark=mark)


def test_a_call_is_signed_with_the_moment_of_its_mark(gateway):
    gateway.answers(data(examples.refund(), 201))
    around = [http_date(datetime.now(UTC) - timedelta(seconds=MARK_LIFE - 5 - late)) for late in range(3)]

    marked(gateway, wall=MARK_LIFE - 5)

    assert gateway.received[0].headers["Date"] in around


@pytest.mark.parametrize(
    "age", [{"wall": MARK_LIFE + 1}, {"monotonic": MARK_LIFE + 1}, {"wall": -MARK_LIFE - 1}, {"wall": 3600.0}]
)
def test_a_call_whose_mark_is_old_by_either_clock_does_not_leave(age, gateway):
    gateway.answers(data(examples.refund(), 201))

    with pytest.raises(GatewayUnreachableError, match="nothing was sent") as raised:
        marked(gateway, **age)

    assert (gateway.received, raised.value.outcome_unknown) == ([], False)


def test_the_age_is_looked_at_after_the_wait_for_a_place(gateway):
    """The control is the same call without the wait."""
    gateway.answers(data(examples.refund(), 201))
    moments = [datetime.now(UTC)]

    class Limiter:
        def __init__(self, wait):
            self.wait = wait

        def reserve(self, patience):
            return self.wait

        def answered(self, **_):
            pass

    def sleep(seconds):
        moments[0] += timedelta(seconds=seconds)

    def send(wait):
        client = Client("key", "secret", gateway.url, limiter=Limiter(wait), now=lambda: moments[0], sleep=sleep)
        with client:
            return client.create_refund(examples.INVOICE_ID, mark=Mark(moments[0], client._caller._clock()))

    assert send(0)
    with pytest.raises(GatewayUnreachableError, match="too"):
        send(MARK_LIFE + 1)
    assert len(gateway.received) == 1
