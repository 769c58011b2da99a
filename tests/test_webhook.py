"""What each kind of bad input gets, through the real view and the whole middleware."""

from __future__ import annotations

import json
import sqlite3
import uuid

import pytest
from django.db import InterfaceError, OperationalError, connection
from django.test import Client
from django.urls import reverse

from cryptopay_django.exceptions import WireError
from cryptopay_django.gateway.schemas import parse_callback
from cryptopay_django.models import Callback, Invoice, InvoiceEvent
from cryptopay_django.signals import payment_detected
from cryptopay_django.testing.factories import (
    InvoiceFactory,
    callback_body,
    callback_headers,
    invoice_wire,
    transaction_wire,
)
from tests.wire import ScriptedGateway, refusal

pytestmark = pytest.mark.django_db

URL = "/cryptopay/callbacks/"


@pytest.fixture
def gateway(settings):
    """A gateway that holds every invoice just as `truth` says."""
    scripted = ScriptedGateway(lambda *_: (200, {"data": scripted.truth}))
    scripted.truth = None
    settings.CRYPTOPAY_HTTP_ADAPTER = lambda account: scripted
    return scripted


def post(body: bytes, signature: str | None = None, url: str = URL, **extra):
    headers = callback_headers(body) if signature is None else {"X-Cryptopay-Signature": signature}
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    return client.post(url, body, content_type="application/json", headers=headers, **extra)


def test_the_urls_have_their_public_names():
    assert reverse("cryptopay_django:callback") == URL
    assert reverse("cryptopay_django:account-callback", args=["second"]) == f"{URL}second/"


def test_a_callback_url_without_its_slash_is_not_redirected_for_nobody_follows():
    assert post(b"{}", url=URL.rstrip("/")).status_code == 200
    assert post(b"{}", url=f"{URL}second").status_code == 401


def test_a_signed_callback_is_stored_byte_for_byte_and_applied(gateway):
    invoice = InvoiceFactory()
    gateway.truth = invoice_wire(invoice, transactions=[transaction_wire("a" * 64)])
    body = callback_body(gateway.truth, "transaction_created")

    response = post(body)

    callback = Callback.objects.get()
    assert response.status_code == 200
    assert bytes(callback.body) == body
    assert (callback.outcome, callback.invoice, callback.secret_index) == ("applied", invoice, 0)
    assert (callback.event, callback.next_attempt_at) == ("Invoice transaction_created", None)


@pytest.mark.parametrize(
    "tamper",
    [
        lambda good: "",
        lambda good: good.upper(),
        lambda good: good[:-1],
        lambda good: good + "0",
        lambda good: f" {good}",
        lambda good: f"{good}\n",
        lambda good: "é" * 64,
        lambda good: "０" * 64,
        lambda good: good[::-1],
        lambda good: "0" * 64,
    ],
)
def test_a_wrong_signature_gets_401_and_leaves_nothing(tamper):
    body = callback_body(invoice_wire(InvoiceFactory()))

    response = post(body, tamper(callback_headers(body)["X-Cryptopay-Signature"]))

    assert response.status_code == 401
    assert not Callback.objects.exists()


def test_a_callback_without_signature_gets_401():
    assert Client().post(URL, b"{}", content_type="application/json").status_code == 401


def test_one_changed_byte_gets_401():
    body = callback_body(invoice_wire(InvoiceFactory()))

    assert post(body.replace(b"new", b"neu"), callback_headers(body)["X-Cryptopay-Signature"]).status_code == 401


def test_the_signature_of_another_account_gets_401():
    body = callback_body(invoice_wire(InvoiceFactory()))

    assert post(body, callback_headers(body, account="second")["X-Cryptopay-Signature"]).status_code == 401
    assert post(body, callback_headers(body)["X-Cryptopay-Signature"], f"{URL}second/").status_code == 401


def test_an_older_secret_is_still_good_and_is_noted(settings):
    body = callback_body(invoice_wire(InvoiceFactory()), "created")
    older = settings.CRYPTOPAY_ACCOUNTS["default"]["CALLBACK_SECRETS"][1]

    assert post(body, callback_headers(body, secret=older)["X-Cryptopay-Signature"]).status_code == 200
    assert Callback.objects.get().secret_index == 1


def test_the_same_bytes_once_more_are_counted_where_the_first_still_wait(gateway):
    invoice = InvoiceFactory()
    body = callback_body(invoice_wire(invoice, status="completed", paid_amount="0.002"))
    gateway.truth = invoice_wire(invoice)
    post(body)

    response = post(body)

    callback = Callback.objects.get()
    assert response.status_code == 200
    assert (callback.outcome, callback.repeats, len(gateway.asked)) == ("pending", 1, 1)
    assert callback.last_received_at > callback.received_at


def test_an_unknown_account_gets_404():
    assert post(b"{}", url=f"{URL}third/").status_code == 404


@pytest.mark.parametrize("method", ["get", "head", "put", "patch", "delete", "options"])
def test_other_methods_get_405(method):
    assert getattr(Client(), method)(URL).status_code == 405


def test_a_body_over_256_kib_gets_413_and_one_just_below_does_not():
    assert post(b" " * (256 * 1024 + 1)).status_code == 413
    assert post(b" " * (256 * 1024)).status_code == 200
    assert Callback.objects.count() == 1


UNREADABLE = {
    "nothing": b"",
    "not JSON": b"<html>",
    "cut": b'{"type": "Invoice", "event": "created", "data": {"id": "c8',
    "duplicate keys": b'{"type": "Invoice", "type": "Invoice", "event": "created", "data": {}}',
    "NaN": b'{"type": "Invoice", "event": "created", "data": {"id": NaN}}',
    "UTF-16": '{"type": "Invoice"}'.encode("utf-16"),
    "not UTF-8": b'{"type": "\xff"}',
    "deep nesting": b"[" * 100_000 + b"]" * 100_000,
    "a list": b"[]",
    "no data": b'{"type": "Invoice", "event": "created"}',
    "wrong types": b'{"type": 1, "event": [], "data": {}}',
    "data of a wrong type": b'{"type": "Invoice", "event": "created", "data": "hello"}',
    "a huge number": b'{"type": ' + b"9" * 5000 + b', "event": "e", "data": {}}',
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_signed_but_unreadable_gets_200_and_is_kept_with_the_reason(name):
    body = UNREADABLE[name]

    response = post(body)

    callback = Callback.objects.get()
    assert response.status_code == 200
    assert (callback.outcome, bytes(callback.body)) == ("unreadable", body)
    with pytest.raises(WireError) as error:
        parse_callback(body)
    assert callback.error == str(error.value)[:2000]


BAD_FIELDS = {
    "id": ["not-a-uuid", None, 7, "0b1f6b1e-52a7-4c8e-9f0e-3d1f2a4b5c6d\u0000"],
    "price_amount": ["1e3", "-1.0", -100.5, "", None, "NaN", "١٠", "1.0000000000000000001", "9" * 21, "0x10", " 1.0"],
    "paid_amount": ["abc", True, {"a": 1}],
    "status": [None, 1, "x" * 33, ""],
    "transactions": [{}, "abc", [1], [{"txid": None}], [{"txid": "a\u0000b"}]],
    "custom_id": ["\ud800"],
}
ODD_FIELDS = {
    "metadata": [[], "x", {"a": 1}],
    "created_at": ["yesterday", "2030-01-01T00:00:00", 5],
    "expires_at": [5, {}, "soon"],
    "hosted_page_url": ["javascript:alert(1)", "data:text/html,x", ""],
    "exchange": [[], {"pair": "BTCEUR", "rate": "0.12e-6"}, {"pair": 5}],
    "description": ["a\u0000b", ["x"], "x" * 5000],
}


@pytest.mark.parametrize(
    ("field", "value"), [(name, value) for name, values in BAD_FIELDS.items() for value in values]
)
def test_a_fact_that_is_not_right_is_named_and_the_gateway_is_asked(field, value, gateway):
    invoice = InvoiceFactory()
    gateway.truth = invoice_wire(invoice)
    body = callback_body(invoice_wire(invoice, **{field: value}))

    response = post(body)

    callback = Callback.objects.get()
    assert (response.status_code, callback.outcome) == (200, "unreadable")
    assert field in callback.error or "character" in callback.error
    assert len(gateway.asked) == (field != "id")
    assert Invoice.objects.get().version == 0


@pytest.mark.parametrize("answer", ["odd too", "none"])
def test_an_invoice_without_a_fact_that_can_be_read_is_held_or_asked_about_again(answer, gateway, settings):
    invoice = InvoiceFactory()
    gateway.truth = invoice_wire(invoice, paid_amount="9" * 30)
    if answer == "none":
        settings.CRYPTOPAY_HTTP_ADAPTER = lambda account: ScriptedGateway(lambda *_: refusal(503, "maintenance"))

    post(callback_body(gateway.truth, "transaction_created"))

    callback, held = Callback.objects.get(), Invoice.objects.get().quarantine_reason
    if answer == "none":
        assert (callback.outcome, held) == ("pending", "")
    else:
        assert (callback.outcome, callback.invoice) == ("unreadable", invoice)
        assert "data.paid_amount" in held
        assert list(InvoiceEvent.objects.values_list("kind", flat=True)) == ["invoice_quarantined"]


@pytest.mark.parametrize("odd", ["not-a-uuid", None, 7, "0b1f6b1e-52a7-4c8e-9f0e-3d1f2a4b5c6d"])
def test_an_answer_without_the_id_that_was_asked_for_says_nothing_of_the_invoice_and_it_is_asked_about_again(
    odd, gateway
):
    invoice = InvoiceFactory()
    gateway.truth = invoice_wire(invoice, id=odd)

    post(callback_body(invoice_wire(invoice, paid_amount="9" * 30), "transaction_created"))

    assert (Callback.objects.get().outcome, Invoice.objects.get().quarantine_reason) == ("pending", "")


@pytest.mark.parametrize(
    ("field", "value"), [(name, value) for name, values in ODD_FIELDS.items() for value in values]
)
def test_an_odd_field_that_only_informs_is_left_out_and_noted(field, value, gateway, caplog):
    invoice = InvoiceFactory()
    gateway.truth = invoice_wire(invoice, status="completed", paid_amount="0.002", **{field: value})

    post(callback_body(gateway.truth))

    callback = Callback.objects.get()
    assert (callback.outcome, Invoice.objects.get().status) == ("applied", "completed")
    assert callback.notes.startswith(f"data.{field}")
    assert f"callback {callback.pk}: odd parts were left out: data.{field}" in caplog.text


@pytest.mark.parametrize("kind", ["Subscription", "CoinWithdrawal", "SomethingNew"])
def test_another_type_is_stored_and_becomes_an_event(kind):
    assert post(callback_body({"id": "whatever", "status": 3}, "completed", type=kind)).status_code == 200
    assert Callback.objects.values_list("outcome", "event").get() == ("applied", f"{kind} completed")
    assert InvoiceEvent.objects.get().detail == {"type": kind, "event": "completed", "id": "whatever"}


def test_an_unknown_invoice_leaves_an_orphan():
    stranger = InvoiceFactory.build(gateway_id=uuid.uuid4())

    assert post(callback_body(invoice_wire(stranger))).status_code == 200

    orphan = Callback.objects.get()
    assert (orphan.outcome, orphan.gateway_id) == ("orphan", stranger.gateway_id)


def test_an_unknown_event_is_taken_like_any_snapshot(gateway):
    invoice = InvoiceFactory()
    gateway.truth = invoice_wire(invoice, paid_amount="0.001")

    post(callback_body(gateway.truth, "teleported"))

    invoice.refresh_from_db()
    assert (str(invoice.paid_amount), Callback.objects.get().outcome) == ("0.001", "applied")


def test_an_unknown_status_is_quarantined_once_the_gateway_insists(gateway):
    invoice = InvoiceFactory()
    gateway.truth = invoice_wire(invoice, status="pondering")

    assert post(callback_body(gateway.truth)).status_code == 200

    invoice.refresh_from_db()
    assert (invoice.status, "pondering" in invoice.quarantine_reason) == ("new", True)
    assert gateway.count("GET") == 1


def test_an_unknown_coin_is_quarantined_once_the_gateway_insists(gateway):
    invoice = InvoiceFactory()
    gateway.truth = invoice_wire(invoice, pay_currency="WOW")

    assert post(callback_body(gateway.truth)).status_code == 200

    invoice.refresh_from_db()
    assert "pay_currency is WOW, ordered was BTC" in invoice.quarantine_reason


def test_an_unknown_context_is_kept_in_the_gateways_spelling(gateway):
    invoice = InvoiceFactory()
    gateway.truth = invoice_wire(invoice, status="unresolved", status_context="moonstruck")

    post(callback_body(gateway.truth))

    invoice.refresh_from_db()
    assert (invoice.status, invoice.status_context) == ("unresolved", "moonstruck")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("error", [OperationalError, InterfaceError, sqlite3.OperationalError, ConnectionResetError])
def test_a_database_that_is_away_gets_503_and_nothing_is_answered_200(error):
    body = callback_body(invoice_wire(InvoiceFactory()))

    def away(execute, sql, params, many, context):
        raise error("the server closed the connection")

    with connection.execute_wrapper(away):
        response = post(body)

    assert response.status_code == 503
    assert not Callback.objects.exists()


@pytest.mark.parametrize("accounts", [None, {}, {"default": {"API_KEY": "only"}}])
def test_missing_settings_never_get_a_500(settings, accounts):
    settings.CRYPTOPAY_ACCOUNTS = accounts

    assert post(b"{}", "0" * 64).status_code in (404, 503)


def test_a_gateway_that_does_not_answer_leaves_the_callback_pending_and_answered_200(gateway, settings):
    settings.CRYPTOPAY_TOTAL_TIMEOUT = 0.5
    invoice = InvoiceFactory()
    gateway.answer = lambda *_: refusal(503)

    response = post(callback_body(invoice_wire(invoice, status="completed", paid_amount="0.002")))

    callback = Callback.objects.get()
    invoice.refresh_from_db()
    assert response.status_code == 200
    assert (callback.outcome, callback.attempts, invoice.status) == ("pending", 1, "new")
    assert "GatewayFaultError" in callback.error
    assert callback.next_attempt_at is not None


def test_a_broken_receiver_never_holds_back_the_state(gateway):
    invoice = InvoiceFactory()
    gateway.truth = invoice_wire(
        invoice, status="completed", paid_amount="0.002", transactions=[transaction_wire("a" * 64)]
    )

    def broken(**_):
        raise RuntimeError("the shop is on fire")

    payment_detected.connect(broken)
    try:
        response = post(callback_body(gateway.truth))
    finally:
        payment_detected.disconnect(broken)

    invoice.refresh_from_db()
    waiting = InvoiceEvent.objects.exclude(next_attempt_at=None).order_by("pk")
    assert (response.status_code, invoice.status) == (200, "completed")
    assert [event.kind for event in waiting] == ["payment_detected", "payment_confirmed", "invoice_completed"]
    assert "the shop is on fire" in waiting[0].last_error


@pytest.mark.django_db(transaction=True)
def test_atomic_requests_do_not_roll_the_stored_callback_back(gateway, monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    invoice = InvoiceFactory()

    def end_the_server(*_):
        raise SystemExit

    gateway.answer = end_the_server

    with pytest.raises(SystemExit):
        post(callback_body(invoice_wire(invoice, status="completed")))

    assert Callback.objects.get().outcome == "pending"


def test_login_required_middleware_does_not_stand_in_the_way(settings):
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.contrib.auth.middleware.LoginRequiredMiddleware"]

    assert post(b"{}").status_code == 200


def test_with_a_worker_the_request_only_stores(settings):
    settings.CRYPTOPAY_PROCESSING = "worker"
    invoice = InvoiceFactory()

    post(callback_body(invoice_wire(invoice, paid_amount="0.001")))

    assert Callback.objects.get().outcome == "pending"
    assert Invoice.objects.get(pk=invoice.pk).paid_amount == 0


def test_json_numbers_do_not_become_floats_on_the_way(settings):
    settings.CRYPTOPAY_CONFIRM_WITH_API = False
    invoice = InvoiceFactory()
    wire = invoice_wire(invoice, transactions=[transaction_wire("a" * 64)])
    body = json.dumps({"type": "Invoice", "event": "x", "data": wire}).replace("3.27", "3.40277012881286167").encode()

    post(body)

    assert str(invoice.payments.get().risk_score) == "3.402770128813"


class BrokenBody:
    """What a server hands on of a body whose sender has gone away, or has sent nonsense for a chunk."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def read(self, *_: int) -> bytes:
        raise self.error

    readline = read


@pytest.mark.parametrize("error", [ConnectionResetError("gone"), ValueError("no such chunk")])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_breaks_off_gets_400_and_nothing_is_stored(error, chunked):
    how = {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True} if chunked else {"CONTENT_LENGTH": "9"}

    response = post(b"{}", **{"wsgi.input": BrokenBody(error), **how})

    assert (response.status_code, Callback.objects.count()) == (400, 0)


def test_chunks_that_the_server_does_not_read_get_411_and_not_a_word_about_the_signature(caplog):
    response = post(b"{}", HTTP_TRANSFER_ENCODING="chunked", CONTENT_LENGTH="")

    assert (response.status_code, Callback.objects.count()) == (411, 0)
    assert "came in chunks" in caplog.text
