"""The e-mail itself: languages, directions, headers, templates of the shop, and the receipt as PDF."""

from __future__ import annotations

import re
from importlib.util import find_spec

import pytest
from django.utils import translation

from cryptopay_django.mails.choose_mail import facts_of
from cryptopay_django.mails.message import CustomerMail
from cryptopay_django.mails.samples import sample_mails
from cryptopay_django.models import Invoice, InvoiceEvent
from cryptopay_django.pages.languages import LANGUAGES
from tests.attacks.markup import dangers

from .conftest import ADA

pytestmark = pytest.mark.django_db

NAMES = [
    *("created", "partly_paid", "expired", "paid", "refunded"),
    *(f"review-{why}" for why in ("underpaid", "late")),
]
ISOLATE = "\u2066"


def sample(name, language="en"):
    return sample_mails(account="default", address=ADA, language=language)[name]


def html(message):
    return message.alternatives[0][0]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_mail_speaks_every_language(language):
    for name in NAMES:
        message = sample(name, language).message()

        assert f'lang="{language}"' in html(message)
        assert f'dir="{"rtl" if language == "ar" else "ltr"}"' in html(message)
        assert "%(" not in message.subject + message.body + html(message)
        if language != "en":
            english = sample(name).message()
            assert message.subject != english.subject
            assert english.body.splitlines()[2] not in message.body


@pytest.mark.parametrize(
    ("name", "button"),
    [("created", "Open the payment page"), ("review-late", "See the state of your payment"), ("paid", "Receipt")],
)
def test_the_button_says_whether_there_is_something_to_do(name, button):
    assert f"{button}:\n" in sample(name).message().body


@pytest.mark.parametrize(
    ("language", "line"), [("en", "Price:"), ("de", "Preis:"), ("fr", "Prix\u00a0:"), ("ja", "価格：")]
)
def test_names_in_the_plain_text_end_with_the_colon_of_the_language(language, line):
    assert line in sample("created", language).message().body.splitlines()


def test_the_language_of_the_invoice_is_that_of_the_page_on_which_it_was_made(order, settings):
    with translation.override("de"):
        german = order()
    arabic = order(language="ar")
    with translation.override(None):
        unknown = order()
    settings.LANGUAGES = [("en", "English"), ("de", "Deutsch")]
    with translation.override("tlh"):
        klingon = order()

    assert [row.language for row in (german, arabic, unknown, klingon)] == ["de", "ar", "", ""]
    settings.LANGUAGE_CODE = "de"
    mails = [CustomerMail(facts_of(InvoiceEvent.objects.get(invoice=row)), ADA) for row in (german, arabic, unknown)]
    assert [mail.detail["language"] for mail in mails] == ["de", "ar", "de"]
    assert mails[0].message().subject == "Ihre Zahlung über 100,00\u00a0EUR · Tern & Tide".replace("\u00a0", " ")


def test_amounts_are_isolated_where_the_text_goes_from_right_to_left_and_only_there():
    arabic, english = sample("partly_paid", "ar").message(), sample("partly_paid").message()

    assert f"{ISOLATE}0.0009475\u00a0BTC\u2069" in arabic.body
    assert ISOLATE not in english.body + english.subject
    for mail in (arabic, english):
        assert "\n0.0009475\u00a0BTC\n" in mail.body, "bare, on a line of its own, to be copied"


def test_it_can_be_answered_and_recognised():
    message = sample("paid").message()

    assert message.from_email == "Tern & Tide <pay@shop.example>"
    assert message.reply_to == ["help@shop.example"]
    assert message.message()["Auto-Submitted"] == "auto-generated"


def test_it_has_the_same_id_each_time_and_another_than_other_mails():
    one, other = sample("paid"), sample("refunded")

    ids = [mail.message().message()["Message-ID"] for mail in (one, one, other)]

    assert ids[0] == ids[1] != ids[2]
    assert re.fullmatch(r"<[0-9a-f]{32}@shop\.example>", ids[0])


def test_without_a_contact_answers_go_to_the_sender(settings):
    settings.CRYPTOPAY_SUPPORT_EMAIL = ""
    settings.DEFAULT_FROM_EMAIL = "root"

    message = sample("paid").message()

    assert message.reply_to == []
    assert message.message()["Message-ID"].endswith("@localhost>")
    assert "Please ask the shop." in message.body


@pytest.mark.parametrize("markup", ["<script>alert(1)</script>", '"><xss onload=x>', "{% load evil %}{{ invoice }}"])
def test_what_others_have_written_stays_text(markup, order, settings):
    settings.CRYPTOPAY_SHOP_NAME = ""
    order(name=markup, description=markup)
    message = CustomerMail(facts_of(InvoiceEvent.objects.get()), ADA).message()

    assert dangers(html(message)) == []
    assert markup in message.subject
    assert markup in message.body, "as it was written"


def test_a_name_on_two_lines_makes_no_header_of_its_own(order, settings):
    settings.CRYPTOPAY_SHOP_NAME = ""
    order(name="Tern\r\nBcc: eve@example.org")

    message = CustomerMail(facts_of(InvoiceEvent.objects.get()), ADA).message()

    assert message.message()["Bcc"] is None
    assert message.subject.endswith("Tern Bcc: eve@example.org")


def test_it_names_no_address_to_pay_to(order):
    invoice = order()
    message = CustomerMail(facts_of(InvoiceEvent.objects.get()), ADA).message()

    assert invoice.address
    assert invoice.address not in message.body + html(message)


@pytest.fixture
def own_templates(settings, tmp_path):
    folder = tmp_path / "cryptopay_django" / "mail"
    folder.mkdir(parents=True)
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path]}]
    return folder


def test_a_shop_overrides_a_part_of_all_mails_or_one_mail(own_templates):
    (own_templates / "message.html").write_text(
        '{% extends "cryptopay_django/mail/message.html" %}{% block footer %}Tern & Tide, Bristol{% endblock %}'
    )
    (own_templates / "paid.txt").write_text("Thank you, Ada.")
    (own_templates / "paid_subject.txt").write_text("Yours\n")

    paid, refunded = sample("paid").message(), sample("refunded").message()

    assert "Tern & Tide, Bristol" in html(paid)
    assert "Tern & Tide, Bristol" in html(refunded)
    assert (paid.subject, paid.body) == ("Yours", "Thank you, Ada.")
    assert refunded.subject == "Your refund was sent · Tern & Tide"


needs_pdf = pytest.mark.skipif(find_spec("fpdf") is None, reason="needs the extra pdf")


@needs_pdf
def test_the_receipt_is_attached_as_pdf():
    [(name, content, kind)] = sample("paid").message().attachments

    assert re.fullmatch(r"receipt-[0-9a-f-]{36}\.pdf", name)
    assert content.startswith(b"%PDF-")
    assert kind == "application/pdf"
    assert sample("refunded").message().attachments == []


@needs_pdf
def test_without_the_letters_the_mail_leaves_without_pdf():
    assert sample("paid", "ar").message().attachments == []


@needs_pdf
def test_a_pdf_that_cannot_be_made_delays_no_mail(settings, tmp_path, caplog):
    settings.CRYPTOPAY_RECEIPT_FONTS = {"": str(tmp_path / "gone.ttf")}

    assert sample("paid").message().attachments == []
    assert "as PDF cannot be made" in caplog.text


def test_a_lost_invoice_has_no_mail(order):
    order()
    event = InvoiceEvent.objects.get()
    event.invoice = Invoice(pk="0" * 32)

    assert facts_of(event) is None
