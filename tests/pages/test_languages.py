"""The language of a page: the customer's where there are texts, otherwise English that says so; and its numbers."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import polib
import pytest
from django.contrib.auth.models import Group
from django.core.cache import cache
from django.template import Context, RequestContext, Template
from django.test import Client, RequestFactory
from django.utils import translation

from cryptopay_django.exceptions import GatewayOutageError
from cryptopay_django.pages.formats import about, moment, money
from cryptopay_django.pages.languages import LANGUAGES, languages_of, marked_language, shown_language
from tests.pages.channels import with_history
from tests.pages.states import invoice
from tests.pages.urls import PayGroup

HEBREW = "ממתינים לתשלום שלך"


@pytest.fixture
def shop(settings, cryptopay_sandbox) -> None:
    cache.clear()
    settings.ROOT_URLCONF = "tests.pages.urls"


@pytest.fixture
def speak(settings) -> Callable[[str], None]:
    """Change the language of the site, which Django's cached catalogues fall back to."""

    def speak(language: str) -> None:
        settings.LANGUAGE_CODE = language
        settings.LANGUAGES = [*settings.LANGUAGES]  # empties that cache, now and after the test

    return speak


@pytest.fixture
def page_in(client: Client, db: None) -> Callable[[str], str]:
    """Show the page of a waiting invoice."""
    return lambda language: client.get(f"/cryptopay/checkout/{invoice().pk}/", {"lang": language}).text


@pytest.mark.parametrize(
    ("language", "shown"),
    [
        ("de", "1.052.905,17"),
        ("en", "1,052,905.17"),
        ("es", "1\u00a0052\u00a0905,17"),
        ("fr", "1\u00a0052\u00a0905,17"),
        ("it", "1.052.905,17"),
        ("nl", "1.052.905,17"),
        ("pl", "1\u00a0052\u00a0905,17"),
        ("pt", "1.052.905,17"),
        ("tr", "1.052.905,17"),
        ("ru", "1\u00a0052\u00a0905,17"),
        ("uk", "1\u00a0052\u00a0905,17"),
        ("ar", "1,052,905.17"),
        ("ar-dz", "1.052.905,17"),
        ("zh-hans", "1,052,905.17"),
        ("ja", "1,052,905.17"),
        ("ko", "1,052,905.17"),
    ],
)
def test_a_price_is_written_as_people_write_it(language, shown):
    with translation.override(language):
        assert money(Decimal("1052905.17"), "EUR") == f"{shown}\u00a0EUR"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_price_is_neither_rounded_nor_written_with_other_digits(language):
    with translation.override(language):
        price, part = money(Decimal("0.00012345678"), "BTC"), money(Decimal(5), "EUR")

    assert re.fullmatch(r"0[.,]00012345678\u00a0BTC", price)
    assert re.fullmatch(r"5[.,]00\u00a0EUR", part)


@pytest.mark.parametrize(
    ("language", "shown"), [("ar", "4,611,900"), ("zh-hans", "4,611,900"), ("pl", "4\u00a0611\u00a0900")]
)
def test_an_approximate_amount_follows_the_same_rule(language, shown):
    with translation.override(language):
        assert about(Decimal(4611900), "SHIB") == f"{shown}\u00a0SHIB"


@pytest.mark.parametrize(
    ("language", "shown"),
    [
        ("ar", "2026-11-09 17:05"),
        ("nl", "9-11-2026 17:05"),
        ("zh-hans", "2026年11月9日 17:05"),
        ("uk", "09.11.2026 17:05"),
    ],
)
def test_a_time_never_shows_the_month_first_in_these_languages(language, shown):
    with translation.override(language):
        assert moment(datetime(2026, 11, 9, 17, 5, tzinfo=UTC)) == shown


@pytest.mark.parametrize(
    ("language", "shown"),
    [
        ("ar", "9 نوفمبر 2026 17:05"),
        ("it", "09/11/2026 17:05"),
        ("ko", "2026년 11월 9일 17:05"),
        ("zh-hans", "2026年11月9日 17:05"),
    ],
)
def test_a_long_time_has_the_order_of_the_language(language, shown):
    with translation.override(language):
        assert moment(datetime(2026, 11, 9, 17, 5, tzinfo=UTC), "DATETIME_FORMAT") == shown


@pytest.mark.parametrize(
    ("language", "shown"),
    [
        ("de-at", "de-at"),
        ("pt-br", "pt-br"),
        ("ar-dz", "ar-dz"),
        ("zh-hans", "zh-hans"),
        ("zh-hant", "en"),
        ("he", "en"),
        ("sv", "en"),
        ("en-gb", "en-gb"),
        (None, "en"),
    ],
)
def test_a_language_without_texts_is_shown_in_english(language, shown):
    assert shown_language(language) == shown


def test_a_project_without_translation_is_shown_in_english(settings):
    settings.USE_I18N = False

    assert shown_language("de") == "en"
    assert languages_of("/x/") == []


@pytest.mark.parametrize("site", ["en-us", "de", "he", "fa"])
@pytest.mark.parametrize("language", ["he", "fa"])
def test_english_is_marked_as_english_whatever_the_site_speaks(site, language, page_in, speak):
    speak(site)

    page = page_in(language)

    assert '<html lang="en" dir="ltr">' in page
    assert re.search(r'<div class="cp-panel[^>]* lang="en" dir="ltr"', page)
    assert "Waiting for your payment" in page
    assert "1\u00a0BTC = 52,905.1734\u00a0EUR" in page
    assert 'dir="rtl" hreflang="ar"' in page
    assert page.count('dir="rtl"') == 1


def test_a_shop_can_bring_a_language_of_its_own(page_in, settings, tmp_path):
    own = polib.POFile()
    own.metadata = {"Content-Type": "text/plain; charset=UTF-8", "Language": "he"}
    own.append(polib.POEntry(msgid="Waiting for your payment", msgstr=HEBREW))
    folder = tmp_path / "he" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    own.save_as_mofile(str(folder / "django.mo"))
    settings.LOCALE_PATHS = [tmp_path]

    page = page_in("he")

    assert '<html lang="he" dir="rtl">' in page
    assert HEBREW in page


def test_an_embedded_panel_is_english_on_a_page_that_stays_hebrew(db):
    made = invoice()
    request = RequestFactory().get("/")
    template = Template(
        "{% load i18n cryptopay %}{% cryptopay_checkout made %}{% get_current_language as now %}|{{ now }}"
    )

    with translation.override("he"):
        page = template.render(Context({"made": made, "request": request}))

    assert re.search(r'<div class="cp-panel[^>]* lang="en" dir="ltr"', page)
    assert "lang=en" in page
    assert page.endswith("|he")


@pytest.mark.django_db
@pytest.mark.usefixtures("shop")
def test_an_embedded_choice_says_its_language(rf):
    template = Template('{% load cryptopay %}{% cryptopay_coin_choice price "EUR" %}')

    def shown(language: str) -> str:
        with translation.override(language):
            return template.render(RequestContext(rf.get("/"), {"price": Decimal(50)}))

    assert '<fieldset class="cryptopay cp-choice" lang="en" dir="ltr">' in shown("he")
    assert '<fieldset class="cryptopay cp-choice" lang="ar" dir="rtl">' in shown("ar")


@pytest.mark.django_db
@pytest.mark.usefixtures("shop")
def test_the_choice_of_a_coin_is_marked_and_the_shop_keeps_its_language(client, speak, monkeypatch):
    heard = []
    monkeypatch.setattr(
        "tests.pages.urls.PayGroup.get_price",
        lambda self, order: (heard.append(translation.get_language()), (Decimal(order.name), "EUR"))[1],
    )
    speak("he")
    order = Group.objects.create(name="12549.90")

    page = client.get(f"/pay/{order.pk}/").text
    refused = client.post(f"/pay/{order.pk}/", {"coin": "NOPE"}).text

    assert '<html lang="en" dir="ltr">' in page
    assert 'Payment of <bdi dir="ltr">12,549.90\u00a0EUR</bdi>' in page
    assert "Please choose one of these coins." in refused
    assert set(heard) == {"he"}


@pytest.mark.django_db
def test_what_went_wrong_is_said_in_the_language_of_the_page(speak):
    speak("de")
    order = Group.objects.create(name="1")

    with translation.override("he"):
        assert PayGroup().explain(GatewayOutageError("no answer"), order).startswith("The payment service does not")
        assert translation.get_language() == "he"


def test_the_page_names_each_language_in_that_language():
    with translation.override("zh-hans"):
        offered = {one["code"]: one for one in languages_of("/x/")}

    assert list(offered) == list(LANGUAGES)
    assert [code for code, one in offered.items() if one["is_active"]] == ["zh-hans"]
    assert (offered["zh-hans"]["name"], offered["zh-hans"]["dir"]) == ("简体中文", "ltr")
    assert (offered["ar"]["name"], offered["ar"]["dir"]) == ("العربية", "rtl")
    assert [code for code, one in offered.items() if one["dir"] == "rtl"] == ["ar"]
    assert offered["ar"]["url"] == "/x/?lang=ar"


def test_english_is_the_active_link_of_a_site_of_british_english():
    with translation.override("en-gb"):
        assert [one["code"] for one in languages_of("/x/") if one["is_active"]] == ["en"]


def test_a_site_with_variants_offers_them(settings):
    settings.LANGUAGES = [("en-gb", "English"), ("pt-br", "Portuguese"), ("zh-hant", "Chinese"), ("he", "Hebrew")]

    with translation.override("pt-br"):
        offered = languages_of("/x/")

    assert [(one["code"], one["name"], one["is_active"]) for one in offered] == [
        ("en-gb", "English", False),
        ("pt-br", "Português", True),
    ]


def test_the_links_to_other_languages_say_their_language_and_direction(page_in):
    page = page_in("en")

    assert 'lang="ar" dir="rtl" hreflang="ar">العربية</a>' in page
    assert 'lang="zh-hans" dir="ltr" hreflang="zh-hans">简体中文</a>' in page
    assert 'lang="en" dir="ltr" hreflang="en" aria-current="true">English</a>' in page


def test_the_page_in_arabic_keeps_amounts_in_reading_order(page_in, client):
    page = page_in("ar")
    history = client.get(f"/cryptopay/channels/{with_history().pk}/", {"lang": "ar"}).text

    assert '<html lang="ar" dir="rtl">' in page
    assert '<bdi dir="ltr">100.00\u00a0EUR</bdi>' in page
    assert "<bdi>Tern &amp; Tide</bdi>" in page
    assert '←</span> <strong><bdi dir="ltr">495.00\u00a0EUR</bdi></strong>' in history


def test_the_marks_of_a_page_follow_the_active_language():
    with translation.override("ar"):
        assert marked_language() == {"lang": "ar", "dir": "rtl"}
    with translation.override(None):
        assert marked_language() == {"lang": "en", "dir": "ltr"}
