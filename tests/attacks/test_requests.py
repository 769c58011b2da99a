"""Requests that an attacker makes, or makes somebody else's browser make."""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from cryptopay_django.models import Callback, Invoice, InvoiceEvent
from cryptopay_django.testing.factories import CallbackFactory, InvoiceEventFactory, InvoiceFactory
from tests.attacks.markup import dangers

pytestmark = pytest.mark.django_db

CUSTOMER_PAGES = ["", "?part=panel", "?part=embedded", "?lang=ru"]
ACTS = ["settle", "refund", "release", "refresh"]


@pytest.fixture
def staff() -> Client:
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.create(username="ada", is_staff=True, is_superuser=True))
    return client


@pytest.fixture
def invoice() -> Invoice:
    return InvoiceFactory(
        status="unresolved", status_context="underpaid", paid_amount="0.001", quarantine_reason="odd"
    )


def answers(client: Client, invoice: Invoice) -> Iterator[tuple[str, object]]:
    """Everything that can be fetched of one customer's invoice without a login."""
    page = reverse("cryptopay_django:checkout", args=[invoice.pk])
    for query in CUSTOMER_PAGES:
        yield page + query, client.get(page + query)
    yield page, client.post(page)
    for name in (
        "cryptopay_django:invoice-status",
        "cryptopay_django:invoice-events",
        "cryptopay_django_api:invoice-state",
    ):
        url = reverse(name, args=[invoice.pk])
        yield url, client.get(url)


def test_no_proxy_and_no_browser_keeps_a_customers_page(client, invoice):
    for url, response in answers(client, invoice):
        assert "no-store" in response["Cache-Control"], url


def test_no_other_site_frames_a_customers_page_or_learns_its_address(client, invoice):
    for query in CUSTOMER_PAGES:
        response = client.get(reverse("cryptopay_django:checkout", args=[invoice.pk]) + query)
        policy = response["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in policy
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert response["X-Frame-Options"] == "DENY"
        assert response["Referrer-Policy"] == "no-referrer"
        assert response["X-Content-Type-Options"] == "nosniff"
        assert "noindex" in response["X-Robots-Tag"]


def test_no_other_site_frames_the_desk(staff, invoice):
    callback = CallbackFactory(invoice=invoice)
    pages = [
        ("invoice_changelist", []), ("invoice_overview", []), ("callback_change", [callback.pk]),
        *[(f"invoice_{act}", [invoice.pk]) for act in ("change", *ACTS[:3])],
    ]  # fmt: skip
    for name, arguments in pages:
        response = staff.get(reverse(f"admin:cryptopay_django_{name}", args=arguments), follow=True)
        assert response["X-Frame-Options"] == "DENY", name


@pytest.mark.parametrize("act", ACTS)
def test_another_site_cannot_act_with_the_cookies_of_staff(staff, invoice, act):
    by_form = staff.post(reverse(f"admin:cryptopay_django_invoice_{act}", args=[invoice.pk]), {"reason": "x"})

    assert by_form.status_code == 403
    assert InvoiceEvent.objects.count() == 0


@pytest.mark.parametrize("kind", ["settle", "refund", "release"])
@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "application/x-www-form-urlencoded"])
def test_another_site_cannot_act_through_the_api(staff, invoice, kind, content_type):
    url = reverse(f"cryptopay_django_api:{kind}", args=[invoice.pk])

    response = staff.post(url, '{"reason": "x"}', content_type=content_type)

    assert response.status_code == 403
    assert InvoiceEvent.objects.count() == 0


def test_lists_bulk_and_retries_need_the_token_too(staff, invoice):
    event = InvoiceEventFactory(invoice=invoice)
    urls = [
        reverse("admin:cryptopay_django_invoice_changelist"),
        reverse("admin:cryptopay_django_invoice_bulk", args=["mark_completed"]),
        reverse("admin:cryptopay_django_invoice_retry", args=[invoice.pk, event.pk]),
    ]

    assert {staff.post(url, {"reason": "x"}).status_code for url in urls} == {403}


def test_a_get_changes_nothing(staff, invoice):
    event = InvoiceEventFactory(invoice=invoice)
    before = Invoice.objects.values().get(pk=invoice.pk)
    urls = [reverse(f"admin:cryptopay_django_invoice_{act}", args=[invoice.pk]) for act in ACTS]
    urls += [reverse("admin:cryptopay_django_invoice_retry", args=[invoice.pk, event.pk])]
    urls += [reverse(f"cryptopay_django_api:{kind}", args=[invoice.pk]) for kind in ("settle", "refund", "release")]

    for url in urls:
        assert staff.get(url).status_code in (200, 302, 405), url

    assert Invoice.objects.values().get(pk=invoice.pk) == before
    assert InvoiceEvent.objects.values_list("attempts", flat=True).get() == 0


def test_an_id_that_is_not_there_tells_nothing_that_another_one_does_not(client):
    """The id is the key: two guesses are answered alike, with one look into the database each."""
    guesses = [uuid.uuid4(), uuid.UUID(int=0), InvoiceFactory.build().gateway_id]
    names = ["cryptopay_django:checkout", "cryptopay_django:invoice-status", "cryptopay_django_api:invoice-state"]
    names += ["cryptopay_django:channel", "cryptopay_django:channel-status", "cryptopay_django_api:channel-state"]
    for name in names:
        seen = set()
        for guess in guesses:
            with CaptureQueriesContext(
                connection,
            ) as queries:
                response = client.get(reverse(name, args=[guess]))
            seen.add((response.status_code, response.text.replace(str(guess), ""), len(queries)))
        assert len(seen) == 1, name
        assert seen.pop()[0] == 404


@pytest.mark.parametrize("other", ["gateway_id", "custom_id", "address"])
def test_nothing_but_our_own_id_opens_a_page(client, other):
    invoice = InvoiceFactory()

    for name in ("checkout", "status", "events"):
        tail = "" if name == "checkout" else f"{name}/"
        assert client.get(f"/cryptopay/checkout/{getattr(invoice, other)}/{tail}").status_code in (204, 404)


def test_a_customers_page_says_nothing_of_another_invoice_nor_of_what_only_staff_know(client, invoice):
    stranger = InvoiceFactory(custom_id="order-of-a-stranger")
    Invoice.objects.filter(pk=invoice.pk).update(payer_email="ada@customer.test", metadata={"note": "vip-note"})
    secret = ["odd", "ada@customer.test", "vip-note", str(stranger.pk), stranger.address, stranger.custom_id]

    for url, response in answers(client, invoice):
        text = "" if response.streaming else re.sub(r"[0-9a-f-]{36}", "", response.text)
        assert not [word for word in secret if re.search(rf"\b{re.escape(word)}\b", text)], url


HOSTILE_LINKS = {
    "javascript:xss()": False, "JaVaScRiPt:xss()": False, "\tjavascript:xss()": False, "java\nscript:xss()": False,
    "data:text/html,<script>": False, "vbscript:x": False, "file:///etc/passwd": False, "about:blank": False,
    "//evil.test/": False, "/\\evil.test/": False, "\\\\evil.test": False, "/\t/evil.test": False,
    "/\n/evil.test": False, "https:evil.test": False, "https:/evil.test": False, "http://": False, "https://": False,
    " https://evil.test": False, "///evil.test": False, "https://shop.test\r\nX: 1": False,
    "https://shop.test/thanks": True, "/orders/1/": True, "http://localhost:8000/x?a=b#c": True,
}  # fmt: skip


@pytest.mark.parametrize("link", HOSTILE_LINKS)
@pytest.mark.parametrize("status", ["new", "completed", "cancelled"])
def test_a_return_link_leads_to_a_page_or_nowhere(client, link, status):
    invoice = InvoiceFactory(
        status=status, success_redirect_url=link, unsuccess_redirect_url=link,
        settled_amount=100 if status == "completed" else None,
    )  # fmt: skip

    page = client.get(reverse("cryptopay_django:checkout", args=[invoice.pk])).text

    assert dangers(page) == []
    links = re.findall(r'href="([^"]*)"', page)
    assert any(link == found for found in links) is HOSTILE_LINKS[link]
    assert not [found for found in links if "evil.test" in found]


@pytest.mark.parametrize("query", ["?next=//evil.test", "?part=//evil.test&lang=//evil.test", "?lang=%0d%0aX:1"])
def test_having_asked_leads_back_to_the_same_page_only(client, query):
    page = reverse("cryptopay_django:checkout", args=[InvoiceFactory(status="cancelled").pk])

    response = client.post(page + query)

    assert response.status_code == 303
    assert response["Location"].startswith(f"{page}?")


@pytest.mark.parametrize("host", ["evil.test", "testserver@evil.test", "evil.test:80"])
def test_another_host_is_not_served(client, host):
    assert client.get("/cryptopay/callbacks/", headers={"Host": host}).status_code in (400, 405)
    page = client.get(
        reverse("cryptopay_django:checkout", args=[InvoiceFactory().pk]), headers={"X-Forwarded-Host": host}
    )
    assert "evil.test" not in page.text


LINES = "x\r\n2030-01-01 CRITICAL everything was paid\x1b[31m"


def test_nobody_writes_lines_into_the_log(client, caplog, staff):
    caplog.set_level(logging.DEBUG)
    invoice = InvoiceFactory()

    client.post(
        "/cryptopay/callbacks/",
        b"{}",
        content_type=LINES.replace("\r\n", " "),
        headers={"X-Cryptopay-Signature": LINES},
    )
    client.post(f"/cryptopay/callbacks/{LINES}/", b"{}", content_type="application/json")
    client.get("/cryptopay/checkout/" + LINES, headers={"User-Agent": LINES})
    client.post(reverse("cryptopay_django:checkout", args=[invoice.pk]) + "?lang=x%0d%0aCRITICAL")
    staff.get(reverse("admin:cryptopay_django_invoice_changelist"), {"q": LINES})

    ours = [record.getMessage() for record in caplog.records if record.name.startswith("cryptopay")]
    assert ours
    assert not [line for line in ours if len(line.splitlines()) != 1 or "\x1b" in line]
    assert Callback.objects.count() == 0


@pytest.mark.parametrize(
    ("policy", "ancestors", "frames"),
    [
        ({}, "'none'", "DENY"),
        ({"frame-ancestors": "'self'"}, "'self'", "SAMEORIGIN"),
        ({"frame-ancestors": "https://app.shop.example"}, "https://app.shop.example", None),
        ({"img-src": "https://cdn.shop.example"}, "'none'", "DENY"),
    ],
)
def test_a_shop_changes_the_policy_of_its_payment_page_by_directive(
    client, invoice, settings, policy, ancestors, frames
):
    settings.CRYPTOPAY_PAGE_POLICY = policy

    response = client.get(reverse("cryptopay_django:checkout", args=[invoice.pk]))

    said = dict(part.strip().split(" ", 1) for part in response["Content-Security-Policy"].split(";"))
    assert said["frame-ancestors"] == ancestors
    assert said["default-src"] == "'none'"
    assert said["img-src"] == policy.get("img-src", "'self'")
    assert response.get("X-Frame-Options") == frames


def test_a_directive_is_taken_away_and_the_whole_is_left_to_the_project(client, invoice, settings):
    page = reverse("cryptopay_django:checkout", args=[invoice.pk])

    settings.CRYPTOPAY_PAGE_POLICY = {"base-uri": None}
    assert "base-uri" not in client.get(page)["Content-Security-Policy"]

    settings.CRYPTOPAY_PAGE_POLICY = None
    response = client.get(page)
    assert "Content-Security-Policy" not in response
    assert response["X-Frame-Options"] == "DENY"  # of Django's own middleware
