"""The mails to customers in a real browser: nothing cut off, readable for everyone, amounts in order in Arabic."""

from __future__ import annotations

import pytest

from cryptopay_django.mails.samples import sample_mails
from cryptopay_django.pages.languages import LANGUAGES
from tests.browser.conftest import violations
from tests.browser.layout import faults_of
from tests.browser.test_languages import RATE, misread

pytest.importorskip("playwright.sync_api")
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("shop")]

AMOUNT = r"[\d.,]+\s(?:BTC|EUR)"


@pytest.fixture(autouse=True)
def site(settings):
    settings.CRYPTOPAY_SITE_URL = "https://shop.example"


def samples(language: str) -> dict[str, str]:
    """Return the HTML of each sample by its name."""
    found = sample_mails(account="default", address="ada@example.org", language=language)
    return {name: str(one.message().alternatives[0][0]) for name, one in found.items()}


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_cut_off_in_any_mail_and_language(language, open_page):
    page = open_page()
    for name, text in samples(language).items():
        page.set_content(text)

        assert faults_of(page, widths=(320, 1280), sizes=(100,)) == [], name


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_each_mail_can_be_read_by_everyone(scheme, open_page, axe):
    page = open_page(color_scheme=scheme)
    for name, text in samples("en").items():
        page.set_content(text)

        # A mail is shown inside of a page, so it has no landmarks of its own.
        assert [one for one in violations(page, axe) if not one.startswith(("region", "landmark"))] == [], name


def test_amounts_are_in_reading_order_in_arabic(open_page):
    page = open_page()
    for name, text in samples("ar").items():
        page.set_content(text)

        assert misread(page, "body", AMOUNT) == [], name
        if name == "paid":
            assert misread(page, "body", RATE) == []


def test_the_dark_colours_are_used_where_the_reader_wants_them(open_page):
    for scheme, colour in (("light", "rgb(255, 255, 255)"), ("dark", "rgb(24, 33, 43)")):
        page = open_page(color_scheme=scheme)
        page.set_content(samples("en")["paid"])

        assert page.evaluate("getComputedStyle(document.querySelector('.cp-card')).backgroundColor") == colour
