"""The page of an invoice's mails: what was sent, skipped or failed, and previews; and the links to its receipt."""

from __future__ import annotations

import pytest
from django.core import mail
from django.core.cache import cache
from django.utils import timezone

from cryptopay_django.mails import send_customer_mails
from cryptopay_django.models import EventKind, HandlerDelivery, Invoice, InvoiceEvent
from cryptopay_django.services import create_invoice

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(login):
    return login("support")


@pytest.fixture(autouse=True)
def mailing(settings):
    cache.clear()
    settings.CRYPTOPAY_CUSTOMER_MAILS = ["created", "paid", "expired", "review"]
    settings.CRYPTOPAY_SITE_URL = "https://shop.example"


def ordered(**values):
    asked = {"price_amount": "100", "price_currency": "EUR", "pay_currency": "BTC", "payer_email": "ada@example.org"}
    return create_invoice(**asked | values)


def page_of(client, desk, invoice, **query):
    return client.get(desk.url("invoice_mails", invoice.pk), query)


def lines(page):
    return [(str(one["name"]), one["badge"].partition(">")[2].partition("<")[0]) for one in page.context["mails"]]


def pay(desk, invoice):
    desk.sandbox.pay(invoice)
    desk.sandbox.confirm(invoice)
    desk.sandbox.deliver()


def test_what_was_sent_and_what_was_skipped_is_listed(client, desk):
    invoice = ordered(language="de")
    pay(desk, invoice)

    send_customer_mails()  # it is paid: nobody needs to hear that it was made

    page = page_of(client, desk, invoice)
    assert lines(page) == [("invoice made", "skipped"), ("paid (with the receipt)", "sent")]
    assert page.context["mails"][1]["language"] == "de"
    assert "ada@example.org" in page.text
    assert "not true any more" in page.text
    assert len(mail.outbox) == 1


def test_one_whose_event_was_pruned_is_still_listed_as_sent(client, desk):
    invoice = ordered()
    send_customer_mails()
    InvoiceEvent.objects.filter(kind=EventKind.INVOICE_CREATED).delete()

    assert lines(page_of(client, desk, invoice)) == [("invoice made", "sent")]


def test_what_waits_failed_or_was_given_up_says_so(client, desk):
    invoice = ordered()
    assert lines(page_of(client, desk, invoice)) == [("invoice made", "still to be sent")]
    HandlerDelivery.objects.update(attempts=2, last_error="secret")
    page = page_of(client, desk, invoice)
    assert lines(page) == [("invoice made", "failed")]
    assert "failed 2 times; next attempt at" in page.text
    assert "secret" not in page.text

    HandlerDelivery.objects.update(next_attempt_at=None, given_up_at=timezone.now())

    assert lines(page_of(client, desk, invoice)) == [("invoice made", "given up")]


def test_without_mails_and_without_an_address_that_is_said(client, desk, settings):
    settings.CRYPTOPAY_CUSTOMER_MAILS = []
    page = page_of(client, desk, ordered(payer_email=None))

    for text in ("none: no mail is sent", "CRYPTOPAY_CUSTOMER_MAILS is empty", "No mail was due"):
        assert text in page.text


def test_a_function_of_the_shop_that_fails_does_not_break_the_page(client, desk, settings):
    invoice = ordered()
    settings.CRYPTOPAY_CUSTOMER_ADDRESS = "tests.admin.test_mails.breaks"

    assert "CRYPTOPAY_CUSTOMER_ADDRESS failed: LookupError: no such customer" in page_of(client, desk, invoice).text


def breaks(invoice):
    raise LookupError("no such customer")


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({}, "Your payment is complete"),
        ({"mail": "refunded", "language": "de"}, "Ihre Erstattung wurde gesendet"),
        ({"mail": "review-held", "language": "ja"}, "お"),
        ({"mail": "expired", "language": "ar"}, "lang=&quot;ar&quot;"),
    ],
)
def test_each_mail_is_previewed_in_a_language_and_nothing_is_sent(client, desk, query, words):
    page = page_of(client, desk, ordered(), **query)

    assert words in page.text
    assert '<iframe class="cp-mail" sandbox srcdoc=' in page.text
    assert mail.outbox == []
    assert Invoice.objects.count() == 1


@pytest.mark.parametrize("language", ["en", "ar"])
def test_a_mail_cannot_leave_its_frame(client, desk, settings, language):
    settings.CRYPTOPAY_SHOP_NAME = '"><script>alert(1)</script>'

    page = page_of(client, desk, ordered(), language=language)

    assert "<script>alert" not in page.text
    assert 'srcdoc="&lt;!doctype html&gt;' in page.text


def test_the_preview_is_in_the_customers_language_by_default(client, desk):
    assert "Zahlung" in page_of(client, desk, ordered(language="de")).context["subject"]


def test_a_template_that_is_broken_is_named(client, desk, settings):
    settings.CRYPTOPAY_SITE_URL = ""

    page = page_of(client, desk, ordered())

    assert "This mail cannot be made:" in page.text
    assert "CRYPTOPAY_SITE_URL is empty" in page.text


@pytest.mark.parametrize("query", [{"mail": "spam"}, {"language": "xx"}])
def test_an_unknown_mail_or_language_is_no_preview(client, desk, query):
    page = page_of(client, desk, ordered(), **query)

    assert page.status_code == 200
    assert "<iframe" not in page.text


@pytest.mark.parametrize("role", ["bare", "counter", "anonymous"])
def test_nobody_without_the_permission_sees_mails(login, desk, role):
    page = page_of(login(role), desk, ordered())

    assert page.status_code == (302 if role == "anonymous" else 403)
    assert not InvoiceEvent.objects.filter(kind=EventKind.CUSTOMER_MAILED).exists()


def test_the_page_of_an_invoice_links_to_its_mails_and_its_receipt(client, desk, login):
    invoice = ordered()
    unpaid = client.get(desk.url("invoice_change", invoice.pk))
    assert desk.url("invoice_mails", invoice.pk) in unpaid.text
    assert unpaid.context["receipts"] == []
    pay(desk, invoice)

    page = client.get(desk.url("invoice_change", invoice.pk))

    names = [name for name, _ in page.context["receipts"]]
    assert names[0] == "Receipt"
    for _, url in page.context["receipts"]:
        assert url.replace("&", "&amp;") in page.text
        answer = client.get(url)
        assert answer.status_code == 200
    receipt = client.get(page.context["receipts"][0][1])
    assert "Fee of the payment service" in receipt.text
    assert "Fee of the payment service" not in login("bare").get(page.context["receipts"][0][1]).text


def test_without_our_pages_there_is_no_link_to_a_receipt(client, desk, settings):
    invoice = ordered()
    pay(desk, invoice)
    settings.ROOT_URLCONF = "tests.urls_admin"

    assert client.get(desk.url("invoice_change", invoice.pk)).context["receipts"] == []


def test_the_preview_of_a_site_in_american_english_is_offered_as_english(client, desk, settings):
    settings.LANGUAGE_CODE = "en-us"

    page = page_of(client, desk, ordered())

    assert '<option value="en" selected>English</option>' in page.text
    assert page.context["subject"].startswith("Your payment is complete")
