"""What goes wrong is told apart: sent or not, refused or unknown; GETs are tried again, nothing else is."""

import logging
import socket
import traceback
from datetime import UTC, datetime
from decimal import Decimal

import pytest
import requests

from cryptopay_django.exceptions import (
    GatewayAnswerError,
    GatewayAuthenticationError,
    GatewayConflictError,
    GatewayError,
    GatewayFaultError,
    GatewayNotFoundError,
    GatewayPermissionError,
    GatewayRateLimitError,
    GatewayRefusedError,
    GatewayTimeoutError,
    GatewayUnreachableError,
    GatewayValidationError,
)
from cryptopay_django.gateway.answers import read_clock_offset, read_retry_after
from cryptopay_django.gateway.calls import ANSWER_LIMIT, LIST_LIMIT, MAX_ATTEMPTS
from cryptopay_django.gateway.client import Client
from cryptopay_django.gateway.rate_limit import Purpose, RateLimiter, current_purpose, limiter_for

from . import examples
from .conftest import API_KEY, API_SECRET
from .server import data, error, gzipped, hang_up, html, raw, reset, spoken, truncated

REFUSALS = [
    (400, GatewayValidationError, "Correct what it names"),
    (401, GatewayAuthenticationError, "API_SECRET"),
    (403, GatewayPermissionError, "white-list"),
    (404, GatewayNotFoundError, "nothing of this id"),
    (409, GatewayConflictError, "custom_id"),
    (418, GatewayRefusedError, "took no effect"),
    (422, GatewayValidationError, "a: 1"),
    (429, GatewayRateLimitError, "200 requests a minute"),
]
UNREADABLE = [
    raw(b""),
    raw(b"", 204),
    raw(b"OK"),
    raw(b"[]"),
    raw(b"null"),
    raw(b"{}"),
    raw(b'{"data": null}'),
    raw(b'{"data": {}}'),
    raw(b'{"data": {}, "data": {}}'),
    raw(b"\xff"),
    raw(b"[" * 10_000),
    html(200),
    data(examples.invoice(price_amount=50)),
    data([examples.invoice()]),
    raw(b"x", content_encoding="br"),
    raw(b"x", content_encoding="gzip, gzip"),
    raw(b"not gzip", content_encoding="gzip"),
]


def retrieve(client, **options):
    return client.retrieve_invoice(examples.INVOICE_ID, **options)


def refund(client, **options):
    return client.create_refund(examples.INVOICE_ID, **options)


@pytest.mark.parametrize(("status", "kind", "advice"), REFUSALS)
def test_a_refusal_has_its_type_its_parts_and_advice(status, kind, advice, gateway, client):
    gateway.answers(error(status, "this_code", "Said so"))

    with pytest.raises(kind) as raised:
        refund(client)

    refusal = raised.value
    assert type(refusal) is kind
    assert not refusal.outcome_unknown
    assert (refusal.status, refusal.code, refusal.request_id) == (status, "this_code", "r-17")
    assert refusal.details == ({"a": 1},)
    for part in (f"POST /api/invoices/{examples.INVOICE_ID}/refunds", str(status), "Said so", "r-17", advice):
        assert part in str(refusal)


@pytest.mark.parametrize("script", [html(404), raw(b"{}", 404), raw(b'{"error": 5}', 404), truncated])
def test_a_refusal_without_the_gateways_words_is_still_one(script, gateway, client):
    gateway.answers(lambda handler: handler.send(404, b"") if script is truncated else script(handler))

    with pytest.raises(GatewayNotFoundError, match="without the gateway's own error") as raised:
        retrieve(client)

    assert raised.value.code is None


@pytest.mark.parametrize("script", [html(500), html(503), error(500), raw(b"", 502)])
def test_a_fault_leaves_the_outcome_unknown(script, gateway, client):
    gateway.answers(script)

    with pytest.raises(GatewayFaultError) as raised:
        refund(client)

    assert raised.value.outcome_unknown
    assert len(gateway.received) == 1


@pytest.mark.parametrize("script", UNREADABLE)
def test_an_answer_that_cannot_be_read_leaves_the_outcome_unknown(script, gateway, client):
    gateway.answers(script)

    with pytest.raises(GatewayAnswerError) as raised:
        refund(client)

    assert raised.value.outcome_unknown
    assert len(gateway.received) == 1


def test_the_field_of_an_unreadable_answer_is_named_and_it_is_not_asked_for_again(gateway, client):
    gateway.answers(data(examples.invoice(transactions=[{"risk": {}}])))

    with pytest.raises(GatewayAnswerError, match=r"data\.transactions\[0\]\.txid: is missing"):
        retrieve(client)

    assert len(gateway.received) == 1


@pytest.mark.parametrize("location", ["/elsewhere", "http://elsewhere.example/", "http://[broken"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status, location, gateway, client):
    gateway.answers(raw(b"x" * 2 * LIST_LIMIT, status, location=location), data(examples.refund(), 201))

    with pytest.raises(GatewayAnswerError, match="BASE_URL") as raised:
        refund(client)

    assert raised.value.outcome_unknown
    assert len(gateway.received) == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"220 smtp.example ready\r\n",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnot a length\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n",
    ],
    ids=["mail", "version", "status", "chunk", "headers", "header"],
)
def test_an_answer_that_is_no_http_leaves_the_outcome_unknown(answer, gateway, client):
    gateway.answers(spoken(answer))

    with pytest.raises(GatewayTimeoutError) as raised:
        refund(client)

    assert raised.value.outcome_unknown
    assert len(gateway.received) == 1


def test_an_address_that_no_request_can_go_to_means_nothing_was_sent(connect):
    with pytest.raises(GatewayUnreachableError):
        refund(connect(f"http://{'a' * 70}.example"))


@pytest.mark.parametrize("script", [reset, hang_up, truncated])
def test_a_broken_connection_after_sending_leaves_the_outcome_unknown(script, gateway, client):
    gateway.answers(script)

    with pytest.raises(GatewayTimeoutError) as raised:
        refund(client)

    assert raised.value.outcome_unknown
    assert len(gateway.received) == 1


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_without_a_connection_nothing_was_sent(scheme, connect):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        client = connect(f"{scheme}://127.0.0.1:{taken.getsockname()[1]}")

        with pytest.raises(GatewayUnreachableError) as raised:
            refund(client)

    assert not raised.value.outcome_unknown


def test_an_unknown_host_is_unreachable(connect):
    with pytest.raises(GatewayUnreachableError):
        refund(connect("http://gateway.invalid"))


@pytest.mark.parametrize(
    ("body", "call"),
    [
        (b" " * (ANSWER_LIMIT + 1), retrieve),
        (b" " * (LIST_LIMIT + 1), lambda client: client.list_invoices()),
    ],
)
@pytest.mark.parametrize("wrapped", [raw, gzipped])
def test_an_answer_is_read_up_to_its_limit_packed_or_not(wrapped, body, call, gateway, client):
    gateway.answers(wrapped(body))

    with pytest.raises(GatewayAnswerError, match="larger"):
        call(client)


def test_a_page_of_a_list_may_be_larger_than_one_object(gateway, client):
    gateway.answers(data([examples.invoice(description="x" * 4000)] * 400))

    assert len(client.list_invoices()) == 400


def test_a_huge_error_page_does_not_hide_its_status(gateway, client):
    gateway.answers(gzipped(b"x" * 50 * ANSWER_LIMIT, 503))

    with pytest.raises(GatewayFaultError):
        refund(client)


def test_a_packed_answer_is_read(gateway, client):
    gateway.answers(gzipped(b'{"data": []}'))

    assert client.list_coins() == ()


@pytest.mark.parametrize("failure", [html(503), error(500), error(429), reset, hang_up, truncated])
def test_a_get_is_tried_again(failure, gateway, client, time):
    gateway.answers(failure, failure, data(examples.invoice()))

    assert retrieve(client).status == "new"

    assert len(gateway.received) == 3
    assert time.pauses == [0.25, 0.5]


@pytest.mark.parametrize("failure", [html(503), error(500), error(429, retry_after="1"), reset, hang_up, truncated])
@pytest.mark.parametrize(
    "call",
    [
        refund,
        lambda client: client.create_recalculation(examples.INVOICE_ID),
        lambda client: client.commit_recalculation(examples.INVOICE_ID, examples.OTHER_ID),
        lambda client: client.update_customer("customer-3", currency="EUR"),
    ],
)
def test_what_may_have_changed_something_is_sent_once(call, failure, gateway, client, time):
    gateway.answers(failure)

    with pytest.raises(GatewayError):
        call(client)

    assert len(gateway.received) == 1
    assert not time.pauses


def test_a_get_gives_up_after_some_attempts_with_growing_pauses(gateway, connect, time):
    gateway.answers(html(503))

    with pytest.raises(GatewayFaultError):
        retrieve(connect(total_timeout=1000))

    assert len(gateway.received) == MAX_ATTEMPTS
    assert time.pauses == [0.25, 0.5, 1.0, 2.0, 4.0]


def test_pauses_are_jittered_from_nothing_to_all_of_it(gateway, connect, time):
    gateway.answers(html(503))
    chances = iter([0.0, 0.5, 0.25, 0.0, 1.0, 0.0])

    with pytest.raises(GatewayFaultError):
        retrieve(connect(total_timeout=1000, random=lambda: next(chances)))

    assert time.pauses == [0.0, 0.25, 0.25, 0.0, 4.0]


def test_a_get_is_not_tried_again_past_its_deadline(gateway, client, time):
    gateway.answers(html(503))

    with pytest.raises(GatewayFaultError):
        retrieve(client, timeout=0.6)

    assert time.pauses == [0.25]


@pytest.mark.parametrize("asked", ["3", "Sat, 03 Feb 2024 04:05:09 GMT"])
@pytest.mark.parametrize("status", [429, 503])
def test_the_pause_the_gateway_asks_for_is_kept(status, asked, gateway, client, time):
    gateway.answers(error(status, retry_after=asked), data(examples.invoice()))

    retrieve(client)

    assert time.pauses == [3.25]


def test_a_pause_past_the_deadline_is_not_waited_for(gateway, client, time):
    gateway.answers(error(429, retry_after="60"))

    with pytest.raises(GatewayRateLimitError) as raised:
        retrieve(client)

    assert raised.value.retry_after == 60
    assert len(gateway.received) == 1
    assert not time.pauses


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("0", 0),
        (" 7 ", 7),
        ("-7", None),
        ("1.5", None),
        ("9" * 400, None),
        ("٧", None),
        ("soon", None),
        ("Sat, 03 Feb 2024 04:06:06 GMT", 60),
        ("Sat, 03 Feb 2024 03:06:06 GMT", 0),
        ("Sat, 03 Feb 2024 04:06:06", None),
        ("Sat, 03 Feb 20240 04:06:06 GMT", None),
    ],
)
def test_retry_after_is_a_number_of_seconds_or_a_date(header, seconds):
    assert read_retry_after(header, datetime(2024, 2, 3, 4, 5, 6, tzinfo=UTC)) == seconds


@pytest.mark.parametrize(
    ("date", "age", "seconds"),
    [
        ("Sat, 03 Feb 2024 04:05:06 GMT", None, -0.5),
        ("Sat, 03 Feb 2024 04:04:06 GMT", None, 59.5),
        ("Sat, 03 Feb 2024 04:04:06 GMT", "30", None),
        (None, None, None),
        ("soon", None, None),
        ("Sat, 03 Feb 2024 04:05:06", None, None),
    ],
)
def test_the_clock_is_compared_with_the_date_of_an_answer_that_no_cache_has_kept(date, age, seconds):
    assert read_clock_offset(date, age, datetime(2024, 2, 3, 4, 5, 6, tzinfo=UTC)) == seconds


def test_a_client_knows_how_far_its_clock_is_off_only_after_an_answer(gateway, client):
    assert client.clock_offset is None
    gateway.answers(data([]))

    client.list_coins()

    assert client.clock_offset is not None


@pytest.mark.parametrize("timeout", [0, -1])
def test_without_time_nothing_is_sent(timeout, gateway, client):
    with pytest.raises(GatewayUnreachableError, match="no time was left"):
        retrieve(client, timeout=timeout)

    assert not gateway.received


def test_more_calls_than_the_limit_wait_for_their_turn(gateway, connect, time):
    gateway.answers(data([]))
    client = connect(limiter=RateLimiter(requests=2, window=4, clock=time.clock))

    for _ in range(5):
        client.list_coins()

    assert len(gateway.received) == 5
    assert time.pauses == [4, 4]


def test_a_call_that_would_wait_too_long_is_not_sent(gateway, connect, time):
    gateway.answers(data([]))
    client = connect(limiter=RateLimiter(requests=1, window=60, clock=time.clock))
    client.list_coins()

    with pytest.raises(GatewayRateLimitError, match="not sent") as raised:
        client.list_coins()

    assert raised.value.retry_after == 60
    assert len(gateway.received) == 1


def test_clients_with_the_same_key_share_a_limit_unless_their_network_is_their_own(gateway, connect):
    shared = limiter_for(API_KEY)
    granted = len(shared._granted)
    gateway.answers(data([]))

    connect(limiter=None).list_coins()
    connect(limiter=None).list_coins()
    connect(limiter=None, adapter=requests.adapters.HTTPAdapter()).list_coins()

    assert len(shared._granted) == granted + 2


class Noting:
    """A limiter that lets all pass, and keeps what it was told."""

    def __init__(self):
        self.noted = []

    def reserve(self, patience):
        self.noted.append((current_purpose(), patience))
        return 0.0

    def answered(self, *, is_refused, retry_after):
        self.noted.append((is_refused, retry_after))


def test_a_creation_is_named_to_the_limiter_and_keeps_half_of_its_time_for_the_answer(gateway, connect):
    limiter = Noting()
    gateway.answers(data(examples.invoice(), 201))
    client = connect(limiter=limiter, total_timeout=10)

    client.create_invoice(price_amount=Decimal(1), price_currency="EUR", pay_currency="BTC")
    retrieve(client)

    assert limiter.noted == [(Purpose.CREATION, 5), (False, None), (Purpose.REQUEST, 5), (False, None)]


def test_the_limiter_learns_of_a_refusal_and_its_time(gateway, connect):
    limiter = Noting()
    gateway.answers(error(429, retry_after="30"))

    with pytest.raises(GatewayRateLimitError):
        retrieve(connect(limiter=limiter))

    assert limiter.noted[1] == (True, 30)


def test_no_error_log_line_or_trace_shows_a_secret(gateway, client, caplog):
    def echo(handler):
        error(handler.server.status, message=f"Bad {handler.headers['Authorization']} {API_SECRET}")(handler)

    caplog.set_level(logging.DEBUG)
    shown = ""
    for status in (400, 401, 429, 500):
        gateway.status = status
        gateway.answers(echo)
        for call in (retrieve, refund):
            with pytest.raises(GatewayError) as raised:
                call(client)
            shown += repr(raised.value) + "".join(traceback.format_exception(raised.value))

    shown += caplog.text
    signatures = {request.headers["Authorization"].rpartition(":")[2] for request in gateway.received}
    assert "Bad HMAC ***:***" in shown
    assert len(signatures) > 1
    assert not [secret for secret in (API_KEY, API_SECRET, *signatures) if secret in shown]


def test_what_is_too_short_for_a_secret_does_not_blacken_half_a_message(gateway):
    gateway.answers(error(404, message="a to z"))

    with Client("a", "z", gateway.url) as client, pytest.raises(GatewayNotFoundError, match="a to z"):
        retrieve(client)


def test_a_retry_is_logged_without_a_secret(gateway, client, caplog):
    caplog.set_level(logging.INFO, logger="cryptopay_django.gateway")
    gateway.answers(html(503), data(examples.invoice()))

    retrieve(client)

    (record,) = caplog.records
    assert f"GET /api/invoices/{examples.INVOICE_ID} failed, trying again in 0.25 s" in record.getMessage()
