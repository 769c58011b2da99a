"""Every text that comes from outside, in every field that can hold it, on every page that a person sees."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.core.management import call_command
from django.db.models import CharField, JSONField, Model, TextField
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from cryptopay_django.models import Callback, Invoice, InvoiceEvent, Payment, Resolution
from cryptopay_django.testing.factories import (
    CallbackFactory,
    InvoiceEventFactory,
    InvoiceFactory,
    PaymentFactory,
    callback_body,
    callback_headers,
    invoice_wire,
    transaction_wire,
)
from example_project.shop.models import Product
from tests.attacks.markup import dangers

pytestmark = pytest.mark.django_db

TEXTS = {
    "a script": "<script>xss()</script>",
    "a way out of an attribute": '"><xss x=\'"><img src=x onerror=xss()>',
    "a way out of the other attribute": "' onmouseover='xss()' '><xss>",
    "a way out of a script": "</script><xss>",
    "a way out of a text area": "</textarea></title></style></noscript><xss>",
    "a comment": "--><xss><!--",
    "a script's address": "javascript:xss()//",
    "a script's address, hidden": "\tjava\nscript:xss()",
    "a page in an address": "data:text/html,<xss>",
    "a template": "{{ 7|add:7 }}{% now 'Y' %}${7*7}#{7*7}%(x)s%s%d{0}{x!r}",
    "a formula": "=cmd|' /C calc'!A0",
    "another formula": "@SUM(1+1)*cmd|' /C calc'!A0",
    "two lines": "paid\r\nSet-Cookie: xss=1\r\n\r\n<xss>",
    "text that turns around": "\u202e\u2066gpj.exe<xss>\u2069",
    "characters that are none": "\x01\x08\x1b[2J\x7f<xss>",
    "64 KiB": "<xss>" * 13_108,
}
# What a row keeps of the gateway's words is checked on the way in; these are what our own code looks at.
KEPT = {
    Invoice: {"account", "order_object_id", "pay_currency", "price_currency", "fee_currency", "custom_id", "payer_email", "status_context"},
    Payment: set(),
    Callback: {"account", "outcome", "digest"},
    InvoiceEvent: {"kind", "once"},
    Resolution: {"kind"},
}  # fmt: skip
STATES = ["new", "unresolved", "completed"]


def hostile(model: type[Model], text: str) -> dict[str, object]:
    """Return the text for every column of a model that can hold it, as far as it fits."""
    columns = {}
    for field in model._meta.concrete_fields:
        if field.name in KEPT[model] or field.choices or field.is_relation:
            continue
        if isinstance(field, JSONField):
            is_list = field.default is list
            columns[field.name] = [text] if is_list else {"reason": text, text[:200]: text, "address": text}
        elif isinstance(field, (CharField, TextField)):
            columns[field.name] = text[: field.max_length] if field.max_length else text
    return columns


@pytest.fixture(params=TEXTS)
def text(request) -> str:
    return TEXTS[request.param]


@pytest.fixture
def invoices(text, settings) -> list[Invoice]:
    """Rows in which the text stands wherever it can."""
    settings.CRYPTOPAY_BLOCK_EXPLORERS = {text[:32]: "https://explorer.test/tx/{txid}"}
    order = Product.objects.create(slug="p", name=text[:60], tagline=text[:120], description=text, price=1)
    made = []
    for state in STATES:
        invoice = InvoiceFactory(order=order, paid_amount=1 if state != "new" else 0)
        Invoice.objects.filter(pk=invoice.pk).update(
            status=state,
            status_context="overpaid" if state == "unresolved" else "",
            settled_amount=50 if state == "completed" else None,
            **hostile(Invoice, text),
        )
        payment = PaymentFactory(invoice=invoice)
        Payment.objects.filter(pk=payment.pk).update(**hostile(Payment, text))
        body = json.dumps({"type": text, "event": text, "data": {text: text}}).encode() + text.encode()
        callback = CallbackFactory(invoice=invoice, body=body)
        Callback.objects.filter(pk=callback.pk).update(**hostile(Callback, text))
        for kind in ("invoice_quarantined", "invoice_unresolved", "risk_high", "resolution_failed"):
            event = InvoiceEventFactory(invoice=invoice, kind=kind, payment=payment, notice_due_at=timezone.now())
            InvoiceEvent.objects.filter(pk=event.pk).update(**hostile(InvoiceEvent, text))
        resolution = Resolution.objects.create(invoice=invoice, kind="refund", actor="x", reason="x", status="unknown")
        Resolution.objects.filter(pk=resolution.pk).update(**hostile(Resolution, text))
        made.append(Invoice.objects.get(pk=invoice.pk))
    return made


@pytest.fixture
def staff() -> Client:
    client = Client()
    client.force_login(User.objects.create(username="ada", is_staff=True, is_superuser=True))
    return client


def pages_of_the_desk(invoice: Invoice) -> Iterator[str]:
    admin = "admin:cryptopay_django_"
    yield reverse(f"{admin}invoice_changelist")
    yield reverse(f"{admin}invoice_overview")
    yield reverse(f"{admin}callback_changelist")
    yield reverse(f"{admin}resolution_changelist")
    yield reverse(f"{admin}callback_change", args=[invoice.callbacks.get().pk])
    yield reverse(f"{admin}resolution_change", args=[invoice.resolutions.get().pk])
    for page in ("change", "history", "settle", "refund", "release"):
        yield reverse(f"{admin}invoice_{page}", args=[invoice.pk])
    yield reverse("admin:index")


def test_the_desk_escapes_it(staff, invoices):
    for invoice in invoices:
        for url in pages_of_the_desk(invoice):
            response = staff.get(url, follow=True)
            assert response.status_code == 200, url
            assert dangers(response.text) == [], url


def test_what_is_searched_for_is_escaped(staff, invoices, text):
    for url in [
        reverse("admin:cryptopay_django_invoice_changelist"),
        reverse("admin:cryptopay_django_callback_changelist"),
    ]:
        response = staff.get(
            url, {"q": text[:2000], "status": text[:200], "o": text[:20], "p": text[:20]}, follow=True
        )
        assert response.status_code in (200, 302), url
        assert dangers(response.text) == [], url


def test_the_payment_page_escapes_it(client, invoices, settings):
    for invoice in invoices:
        page = reverse("cryptopay_django:checkout", args=[invoice.pk])
        for query in ("", "?part=panel", "?part=embedded", "?lang=de&asked=yes"):
            response = client.get(f"{page}{query}")
            assert response.status_code == 200, query
            assert dangers(response.text) == [], query


def test_what_the_query_says_is_escaped(client, text):
    page = reverse("cryptopay_django:checkout", args=[InvoiceFactory().pk])

    response = client.get(page, {"part": text[:2000], "lang": text[:2000], "asked": text[:2000]})

    assert response.status_code == 200
    assert dangers(response.text) == []


def test_json_is_told_to_be_json(client, staff, invoices):
    for invoice in invoices:
        urls = [reverse("cryptopay_django:invoice-status", args=[invoice.pk])]
        urls += [
            reverse(f"cryptopay_django_api:{name}", args=[invoice.pk])
            for name in ("invoice", "timeline", "invoice-state")
        ]
        for url in [*urls, reverse("cryptopay_django_api:invoices")]:
            response = staff.get(url)
            assert response.status_code == 200, url
            assert response["Content-Type"].startswith("application/json"), url
            assert response["X-Content-Type-Options"] == "nosniff", url
            response.json()


def test_no_spreadsheet_takes_it_for_a_formula(staff, invoices):
    for preset in ("all", "fees", "overage", "refunds"):
        response = staff.get(reverse("admin:cryptopay_django_invoice_export", args=[preset]))
        rows = list(csv.reader(StringIO(response.getvalue().decode("utf-8-sig"), newline="")))
        assert response["Content-Type"].startswith("text/csv")
        assert response["Content-Disposition"].startswith("attachment")
        assert len({len(row) for row in rows}) == 1, "no text begins a row of its own"
        assert not [cell for row in rows for cell in row if cell.lstrip().startswith(("=", "@", "+", "-", "\t"))]


def test_a_mail_has_the_headers_that_it_should_have(invoices, settings):
    settings.CRYPTOPAY_NOTICE_RECIPIENTS = {
        kind: ["fraud@shop.test"] for kind in ("unresolved", "quarantined", "high_risk")
    }

    call_command("cryptopay_worker", once=True, verbosity=0, stdout=StringIO())

    assert mail.outbox
    for message in mail.outbox:
        assert len(message.subject.splitlines()) == 1
        assert {name.lower() for name in message.message()} <= {
            *(
                "content-type",
                "mime-version",
                "content-transfer-encoding",
                "subject",
                "from",
                "to",
                "date",
                "message-id",
            ),
        }


def test_a_callback_full_of_it_is_taken_or_refused_and_shown_harmlessly(client, staff, settings, text):
    settings.CRYPTOPAY_TOTAL_TIMEOUT = 0.1  # no gateway answers here, and none is waited for
    invoice = InvoiceFactory()
    texts = dict.fromkeys(
        ("name", "description", "uri", "hosted_page_url", "success_redirect_url", "customer_id"), text[:200]
    )
    risk = {"score": 99, "level": "high", "resource_name": text[:200], "resource_category": text[:200]}
    wire = invoice_wire(
        invoice, **texts, metadata={text[:200]: text[:200]},
        transactions=[transaction_wire("a" * 64) | {"risk": risk, "source_addresses": [text[:200]]}],
    )  # fmt: skip
    for body in [callback_body(wire, text[:60]), callback_body(wire | {"address": text}), text.encode()]:
        sent = client.post(
            "/cryptopay/callbacks/", body, content_type="application/json", headers=callback_headers(body)
        )
        assert sent.status_code == 200

    for callback in Callback.objects.all():
        page = staff.get(reverse("admin:cryptopay_django_callback_change", args=[callback.pk]))
        assert dangers(page.text) == []
    assert dangers(staff.get(reverse("admin:cryptopay_django_invoice_change", args=[invoice.pk])).text) == []


@pytest.mark.parametrize(
    "body", [b'{"a": "\\ud800"}', b'{"a": "\\u0000"}', b"\x00\xff<xss>", b"9" * 5000, b"[" * 100_000, b'{"a": NaN}']
)
def test_a_body_that_is_no_text_is_shown_all_the_same(staff, body):
    callback = CallbackFactory(body=body)

    page = staff.get(reverse("admin:cryptopay_django_callback_change", args=[callback.pk]))

    assert page.status_code == 200
    assert dangers(page.text) == []
