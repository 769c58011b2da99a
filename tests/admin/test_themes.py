"""What our pages need where another theme for the admin is installed: nothing of Django's own styles and blocks."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.contrib.admin import site
from django.contrib.staticfiles import finders

from cryptopay_django.models import Channel, ChannelPayment, Invoice
from cryptopay_django.testing.factories import ChannelPaymentFactory


@pytest.fixture
def styles():
    return Path(finders.find("cryptopay_django/admin/admin.css")).read_text()


def test_every_colour_of_the_admins_has_one_to_fall_back_on(styles):
    used = re.findall(r"var\((--[\w-]+)(,?)", styles)
    ours = set(re.findall(r"(--cp-[\w-]+):", styles))

    assert {name for name, fallback in used if not fallback and name not in ours} == set()


@pytest.mark.parametrize(
    ("act", "words"), [("settle", "Settle invoice"), ("refund", "Refund invoice"), ("change", "Invoice")]
)
def test_a_page_names_the_act_and_the_invoice_in_its_content_and_has_buttons_of_its_own(
    login, desk, styles, act, words
):
    invoice = desk.underpaid()

    page = login("superuser").get(desk.url(f"invoice_{act}", invoice.pk)).text

    content = page[page.index('id="content-main"') :]
    assert f"{words} {str(invoice.pk)[:8]}…" in content
    assert re.findall(r'class="(?:button|submit-row|form-row|module|object-tools)\b', content) == []
    assert 'class="cp-button' in content
    assert ".cp-admin .cp-button {" in styles
    assert "cryptopay_django/admin/admin.css" in page


def test_pages_of_channels_and_the_ledger_have_headings_and_buttons_of_their_own(login, desk):
    payment = ChannelPaymentFactory(quarantine_reason="odd", channel=desk.channel())
    pages = {
        "Channel ": desk.url("channel_change", payment.channel_id),
        "Disable channel ": desk.url("channel_disable", payment.channel_id),
        "Channel payment ": desk.url("channelpayment_change", payment.pk),
        "Release payment ": desk.url("channelpayment_release", payment.pk),
        "Accounts and ledger": desk.url("invoice_ledger"),
    }
    client = login("superuser")

    for words, url in pages.items():
        page = client.get(url).text
        content = page[page.index('id="content-main"') :]
        assert f'<h1 class="cp-heading">{words}' in content, url
        assert re.findall(r'class="(?:button|submit-row|form-row|module|object-tools)\b', content) == [], url
        assert 'class="cp-button' in content, url
        assert "cryptopay_django/admin/admin.css" in page, url


@pytest.mark.parametrize("model", [Invoice, Channel, ChannelPayment])
def test_no_filter_has_what_a_theme_takes_for_the_filter_of_a_field(model):
    for one in type(site.get_model_admin(model)).list_filter:
        assert not hasattr(one, "field"), one


def test_the_files_and_the_overview_are_offered_outside_of_the_blocks_that_themes_leave_out(login, desk):
    page = login("superuser").get(desk.url("invoice_changelist")).text

    for name, arguments in (("overview", []), ("ledger", []), ("doctor", []), ("export", ["all"])):
        assert desk.url(f"invoice_{name}", *arguments) in page
    assert page.index(desk.url("invoice_overview")) < page.index('id="content-main"')
