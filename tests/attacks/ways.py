"""Ways in which a call, a callback, a page or a setting fails, each run while error reports are being made of it."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from io import StringIO
from typing import Any

import sentry_sdk
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import OperationalError, connection
from django.test import Client, override_settings
from django.urls import reverse
from django.views.debug import ExceptionReporter
from requests import ReadTimeout
from sentry_sdk.envelope import Envelope
from sentry_sdk.transport import Transport

from cryptopay_django.conf import app_settings, client_for
from cryptopay_django.services import create_invoice, quote_settlement, receive_callback, refresh_invoice
from cryptopay_django.signals import invoice_completed
from cryptopay_django.testing.factories import InvoiceFactory, callback_body, callback_headers, invoice_wire
from tests.attacks.gateways import BugError, adapters, bad_hosts
from tests.attacks.money import money_moves, told_of
from tests.canary import MARK
from tests.settings import CRYPTOPAY_ACCOUNTS
from tests.wire import ScriptedGateway

EMAIL = "payer@customers.test"
SMTP = "django.core.mail.backends.smtp.EmailBackend"
TROUBLES_WITH_MONEY = ("read timeout", "an adapter's bug", "malformed", "refused 400", "echo 200", "echo 500")
AWAY = {"CRYPTOPAY_HTTP_ADAPTER": lambda account: ScriptedGateway(lambda *_: ReadTimeout("slow"))}
"""So that no way leads to a gateway of the world."""


class Envelopes(Transport):
    """Keeps what a tracker would be sent."""

    kept: list[Any] = []

    def capture_envelope(self, envelope: Envelope) -> None:
        self.kept += [item.get_event() or item.payload.get_bytes() for item in envelope.items]


class Reports(logging.Handler):
    """Makes both forms of Django's report of each record with an exception."""

    kept: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.kept.append(f"{record.getMessage()} {record.args!r} {record.__dict__!r}")
        if record.exc_info and record.exc_info[0]:
            self.report(record.exc_info, getattr(record, "request", None))

    def report(self, exc_info: Any, request: Any = None) -> None:

        with override_settings(DEBUG=True):  # it shows all that the one without shows
            reporter = ExceptionReporter(request, *exc_info)
            self.kept += [reporter.get_traceback_html(), reporter.get_traceback_text()]


def ways() -> Iterator[tuple[str, Mapping[str, Any], Callable[[], object]]]:
    """Yield the name of each way, its settings, and what is done under them."""
    yield from _calls()
    yield from _accounts()
    yield from _callbacks()
    yield from _pages()
    for name, act in told_of().items():
        yield f"{name}: no mail server", {"EMAIL_BACKEND": SMTP, "EMAIL_PORT": 1, "EMAIL_HOST": "127.0.0.1"}, act
        yield f"{name}: the database is away", {}, partial(_away, act)
    yield "control: a local variable", {}, _control


def _control() -> None:

    value = settings.CRYPTOPAY_ACCOUNTS["default"]["API_SECRET"]
    raise BugError(len(value))


def _calls() -> Iterator[tuple[str, Mapping[str, Any], Callable[[], object]]]:

    def create() -> None:
        create_invoice(price_amount="100", price_currency="EUR", pay_currency="BTC", payer_email=EMAIL)

    def refund() -> None:
        client_for("default").create_refund(InvoiceFactory().gateway_id, address="elsewhere")

    acts = {
        "create": create,
        "refresh": lambda: refresh_invoice(InvoiceFactory()),
        "quote": lambda: quote_settlement(InvoiceFactory(status="unresolved", status_context="underpaid")),
        "refund": refund,
    }

    fast = {"CRYPTOPAY_TOTAL_TIMEOUT": 0.2, "CRYPTOPAY_CONNECT_TIMEOUT": 0.2}

    for trouble, adapter in adapters().items():
        for name, act in acts.items():
            yield f"{name}: {trouble}", {"CRYPTOPAY_HTTP_ADAPTER": adapter, **fast}, act
        for name, act in (money_moves() if trouble in TROUBLES_WITH_MONEY else {}).items():
            yield f"{name}: {trouble}", {"CRYPTOPAY_HTTP_ADAPTER": adapter, **fast}, act
    for trouble, url in bad_hosts():
        for name in ("create", "refresh"):
            act = acts[name]
            yield f"{name}: {trouble}", {**_with(BASE_URL=url), "CRYPTOPAY_HTTP_ADAPTER": None, **fast}, act


def _with(**changes: Any) -> dict[str, Any]:

    return {"CRYPTOPAY_ACCOUNTS": {**CRYPTOPAY_ACCOUNTS, "default": {**CRYPTOPAY_ACCOUNTS["default"], **changes}}}


def _accounts() -> Iterator[tuple[str, Mapping[str, Any], Callable[[], object]]]:

    def order(**changes: Any) -> None:
        wanted = {"price_amount": "100", "price_currency": "EUR", "pay_currency": "BTC", **changes}
        create_invoice(**{"payer_email": EMAIL, **wanted})

    good = CRYPTOPAY_ACCOUNTS["default"]
    secret = good["API_SECRET"]

    class Vault(dict[str, Any]):
        """A dictionary that asks elsewhere, and fails."""

        def get(self, *_: Any) -> Any:
            raise BugError

    malformed = {
        "a key with a space": _with(API_KEY=f"{good['API_KEY']} "),
        "a key with a line": _with(API_KEY=f"{good['API_KEY']}\nX: y"),
        "a key of another alphabet": _with(API_KEY=f"{good['API_KEY']}ы"),
        "no key": _with(API_KEY=None),
        "a list for a secret": _with(API_SECRET=[secret]),
        "bytes for a secret": _with(API_SECRET=secret.encode()),
        "one text for the secrets": _with(CALLBACK_SECRETS=good["CALLBACK_SECRETS"][0]),
        "a set of secrets": _with(CALLBACK_SECRETS=set(good["CALLBACK_SECRETS"])),
        "an empty secret": _with(CALLBACK_SECRETS=[*good["CALLBACK_SECRETS"], ""]),
        "a wrong name": _with(API_SECRETT=secret),
        "a wrong name in OPTIONS": _with(OPTIONS={"API_SECRET": secret}),
        "a list in OPTIONS": _with(OPTIONS=[1]),
        "a password in the URL": _with(BASE_URL="https://user:password@gateway.test"),
        "a wrong URL": _with(BASE_URL="https://[gateway.test"),
        "a wrong port": _with(BASE_URL="https://gateway.test:port"),
        "a vault that fails": {"CRYPTOPAY_ACCOUNTS": Vault(default=Vault(good))},
        "no default": {"CRYPTOPAY_ACCOUNTS": {"second": good}},
        "an entry on its own": {"CRYPTOPAY_ACCOUNTS": good},
        "a list": {"CRYPTOPAY_ACCOUNTS": [good]},
        "a number for a name": {"CRYPTOPAY_ACCOUNTS": {1: good}},
        "a name that no URL can have": {"CRYPTOPAY_ACCOUNTS": {"The Shop": good, "default": {}}},
    }
    acts = {
        "create": lambda: order(account="default"),
        "refresh": lambda: refresh_invoice(InvoiceFactory()),
        "receive": lambda: receive_callback(b"{}", "0" * 64),
    }
    for trouble, values in malformed.items():
        for name, act in acts.items():
            yield f"{name}: {trouble}", values, act
    for name in ("typo", "The Shop", ""):
        yield f"create on account {name!r}", {}, lambda name=name: order(account=name)
    short = good["API_KEY"][:10]
    yield "a short token", {"CRYPTOPAY_MONITORING_TOKEN": short}, lambda: app_settings.MONITORING_TOKEN
    yield (
        "a payer who is no address",
        {},
        lambda: create_invoice(
            price_amount="100", price_currency="EUR", pay_currency="BTC", payer_email=f"{EMAIL} twice"
        ),
    )
    yield "a payer without a price", {}, lambda: order(price_amount="0")
    yield "a payer while the database is away", {}, lambda: _away(order)


def _away(act: Callable[[], object]) -> None:

    def away(*_: Any) -> None:
        raise OperationalError("the server closed the connection")

    with connection.execute_wrapper(away):
        act()


def _callbacks() -> Iterator[tuple[str, Mapping[str, Any], Callable[[], object]]]:

    def post(invoice: Any = None, **headers: str) -> None:
        invoice = invoice or InvoiceFactory(payer_email=EMAIL)
        body = callback_body(invoice_wire(invoice, status="completed", paid_amount="0.002"), "status_changed")
        client = Client(raise_request_exception=False)
        client.post("/cryptopay/callbacks/", body, content_type="application/json",
                    headers=headers or callback_headers(body))  # fmt: skip

    def broken(**_: Any) -> None:
        raise BugError("the shop is on fire")

    def post_to_a_broken_shop() -> None:
        invoice_completed.connect(broken)
        try:
            post()
        finally:
            invoice_completed.disconnect(broken)

    gone = {"CRYPTOPAY_ACCOUNTS": {"default": None}}
    mad = {"CRYPTOPAY_HTTP_ADAPTER": lambda account: object()}
    yield "callback: a wrong signature", {}, lambda: receive_callback(b"{}", "0" * 64)
    yield "callback: no signature", {}, lambda: receive_callback(b"{}", "")
    yield "callback: no bytes", {}, lambda: receive_callback("{}", "0" * 64)  # type: ignore[arg-type]
    yield (
        "callback: the database is away",
        {},
        lambda: _away(lambda: receive_callback(b"{}", callback_headers(b"{}")["X-Cryptopay-Signature"])),
    )
    yield "posted: a wrong signature", {}, lambda: post(**{"X-Cryptopay-Signature": "0" * 64})
    yield "posted: the database is away", {}, lambda: _away(partial(post, InvoiceFactory(payer_email=EMAIL)))
    yield "posted: the account is malformed", gone, lambda: post(**{"X-Cryptopay-Signature": "0" * 64})
    yield "posted: the gateway is away", {}, post
    yield "posted: the adapter is none", mad, post
    yield "posted: the receiver fails", {"CRYPTOPAY_CONFIRM_WITH_API": False}, post_to_a_broken_shop


def _pages() -> Iterator[tuple[str, Mapping[str, Any], Callable[[], object]]]:

    def visit(name: str) -> None:
        invoice = InvoiceFactory(payer_email=EMAIL)
        client = Client(raise_request_exception=False)
        user, _ = get_user_model().objects.get_or_create(username="ada", is_staff=True, is_superuser=True)
        client.force_login(user)
        client.post(reverse(name, args=[invoice.pk]))

    def work() -> None:
        InvoiceFactory(payer_email=EMAIL)
        for command in ("cryptopay_worker", "cryptopay_reconcile", "cryptopay_doctor"):
            options = {"once": True} if command == "cryptopay_worker" else {}
            try:
                call_command(command, stdout=StringIO(), stderr=StringIO(), **options)
            except Exception:
                logging.getLogger("shop").exception("%s failed", command)

    gone = {"CRYPTOPAY_ACCOUNTS": {"second": CRYPTOPAY_ACCOUNTS["second"]}}
    malformed = _with(API_KEY=f"{CRYPTOPAY_ACCOUNTS['default']['API_KEY']} ")
    mad = {"CRYPTOPAY_HTTP_ADAPTER": lambda account: object()}
    admin = "admin:cryptopay_django_invoice_"
    for trouble, values in {"its account is gone": gone, "a malformed account": malformed, "no adapter": mad}.items():
        yield f"admin refresh: {trouble}", values, lambda: visit(f"{admin}refresh")
        yield f"pay page, asked: {trouble}", values, lambda: visit("cryptopay_django:checkout")
        yield f"commands: {trouble}", values, work


def attempt(act: Callable[[], object], report: Callable[[Any], None]) -> None:
    """Do something, and report what is raised as a site's error handling would."""
    try:
        act()
    except BaseException as error:  # noqa: BLE001  a process that ends is reported as well
        sentry_sdk.capture_exception(error)
        report(sys.exc_info())


def run() -> dict[str, Any]:
    """Go every way, and return what was seen on it."""

    reports, seen = Reports(), {}
    logging.getLogger().addHandler(reports)
    logging.getLogger("cryptopay_django").setLevel(logging.DEBUG)
    for name, values, act in ways():
        Envelopes.kept.clear()
        reports.kept.clear()
        with override_settings(**{**AWAY, **values}):
            attempt(act, reports.report)
        seen[name] = {"events": len(Envelopes.kept), "shown": sorted(shown(reports.kept))}
    return seen


def shown(texts: list[str]) -> Iterator[str]:
    """Yield what the tracker's events and these texts show of secrets, with a few characters around it."""

    sent = [json.dumps(event, default=repr) for event in Envelopes.kept]
    for where, found in (("tracker", sent), ("django", texts)):
        for text in found:
            for mark in (MARK, EMAIL):
                if (at := text.find(mark)) >= 0:
                    yield f"{where}: {text[max(at - 60, 0) : at + 60]}"
