"""Links for a refund address over the API: staff make one, the customer answers on the page, staff read the answer."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.test import Client
from django.utils import timezone

from cryptopay_django.models import Invoice, InvoiceEvent, RefundLink, Resolution
from cryptopay_django.testing.factories import InvoiceFactory
from tests.api.conftest import EVERYTHING, problem_of
from tests.services.desk import ADDRESS, unresolved
from tests.services.returning import completed, send_back

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def boss(staff):
    return staff(*EVERYTHING)


def links(staff, invoice):
    return staff.get("refund-links", invoice.pk).json()["links"]


def answer(url):
    """Name an address, as the customer does who was sent the link."""
    return Client().post(urlsplit(url).path, {"address": ADDRESS, "confirmed": "1"})


def test_the_customer_names_the_address_and_staff_read_it(boss, cryptopay_sandbox):
    invoice = unresolved(cryptopay_sandbox)

    made = boss.post("refund-links", invoice)
    assert (made.status_code, made.json()["state"], made.json()["actor"]) == (201, "open", boss.user.username)
    assert made["Cache-Control"] == "no-store, private"
    answer(made.json()["url"])

    (link,) = links(boss, invoice)
    assert (link["id"], link["state"], link["address"]) == (made.json()["id"], "used", ADDRESS)
    assert (link["network"], link["without_tag"], link["invoice_id"]) == ("bitcoin", False, str(invoice.pk))
    assert not Resolution.objects.exists()


@pytest.mark.parametrize("name", ["refund-links", "quote"])
def test_a_field_that_would_be_ignored_is_refused(boss, cryptopay_sandbox, name):
    invoice = unresolved(cryptopay_sandbox)

    answer = boss.post(name, invoice, address=ADDRESS)

    assert problem_of(answer) == (400, "invalid")
    (error,) = answer.json()["errors"]
    assert (error["field"], error["code"]) == ("address", "unknown")
    assert not RefundLink.objects.exists()


def test_the_url_is_that_of_the_site_and_is_shown_once(boss, cryptopay_sandbox, settings):
    invoice = completed(cryptopay_sandbox)
    settings.CRYPTOPAY_SITE_URL = "https://shop.example"

    url = boss.post("refund-links", invoice).json()["url"]

    assert url.startswith("https://shop.example/cryptopay/refund/")
    token = url.rstrip("/").rpartition("/")[2]
    assert token not in boss.get("refund-links", invoice.pk).text
    assert token not in str(list(InvoiceEvent.objects.values()))


def test_without_a_site_of_its_own_the_url_is_at_the_host_of_the_request(boss, cryptopay_sandbox, settings):
    settings.CRYPTOPAY_SITE_URL = ""

    url = boss.post("refund-links", unresolved(cryptopay_sandbox)).json()["url"]

    assert url.startswith("http://testserver/cryptopay/refund/")


def test_a_new_link_takes_the_place_of_the_one_before(boss, cryptopay_sandbox):
    invoice = unresolved(cryptopay_sandbox)
    first = boss.post("refund-links", invoice).json()["url"]
    boss.post("refund-links", invoice)

    answer(first)

    assert [link["state"] for link in links(boss, invoice)] == ["open", "revoked"]


def test_one_that_was_not_answered_in_time_has_expired(boss, cryptopay_sandbox):
    invoice = unresolved(cryptopay_sandbox)
    boss.post("refund-links", invoice)
    RefundLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

    assert [link["state"] for link in links(boss, invoice)] == ["expired"]


def test_where_no_address_can_be_asked_for_it_is_said_why(boss, cryptopay_sandbox):
    invoice = completed(cryptopay_sandbox)
    send_back(invoice, None)

    refused = boss.post("refund-links", invoice)

    assert problem_of(refused) == (409, "link_not_possible")
    assert refused.json()["obstacle"] == "closed"
    assert "nothing is left to refund" in refused.json()["detail"]
    assert not RefundLink.objects.exists()


@pytest.mark.parametrize("method", ["get", "post"])
def test_it_takes_the_permission_to_send_to_an_address(staff, cryptopay_sandbox, method):
    invoice, other = unresolved(cryptopay_sandbox), staff("view", "settle", "refund", "release")

    answered = other.get("refund-links", invoice.pk) if method == "get" else other.post("refund-links", invoice)

    assert problem_of(answered) == (403, "permission_denied")
    assert not RefundLink.objects.exists()


def test_an_invoice_that_is_not_there_is_not_found(boss, cryptopay_sandbox):
    nobodys = Invoice()

    assert problem_of(boss.get("refund-links", nobodys.pk)) == (404, "not_found")
    assert problem_of(boss.post("refund-links", nobodys)) == (404, "not_found")


@pytest.mark.urls("tests.api.urls_alone")
def test_without_the_page_no_link_is_made(boss):
    invoice = InvoiceFactory(status="unresolved", status_context="underpaid", network="bitcoin")

    refused = boss.post("refund-links", invoice)

    assert problem_of(refused) == (503, "not_configured")
    assert not RefundLink.objects.exists()
