"""What the customer reads of the plugin, in the languages of pretix that cryptopay_django has."""

from pathlib import Path

import pretix_cryptopay
import pytest
from django.conf import settings
from django.test import Client
from django.utils import translation
from django.utils.translation import gettext
from pretix_cryptopay.provider import Cryptopay
from shop import place_order

TEXTS = [
    "Bitcoin and other coins",
    "In test mode you pay with coins that have no value, in the sandbox of Cryptopay.",
    "You see the exact amount and the address after you have placed your order.",
    "The payment has not been started yet. Please choose again how to pay.",
]
CATALOGUES = sorted(path.name for path in (Path(pretix_cryptopay.__file__).parent / "locale").iterdir())


def test_the_plugin_has_the_languages_of_the_app():
    import cryptopay_django

    ours = Path(cryptopay_django.__file__).parent / "locale"
    assert sorted(path.name for path in ours.iterdir() if path.is_dir()) == CATALOGUES


@pytest.mark.parametrize("code", [code for code, _ in settings.LANGUAGES])
def test_texts_are_translated_where_the_app_is(code):
    locale = translation.to_locale(code)
    has_catalogue = any(one in CATALOGUES for one in (locale, locale.split("_")[0]))

    with translation.override(code):
        translated = [gettext(text) != text for text in TEXTS]

    assert translated == [has_catalogue and not code.startswith("en")] * len(TEXTS)


def test_each_text_is_one_that_the_plugin_shows():
    sources = Path(pretix_cryptopay.__file__).parent
    shown = "".join(path.read_text() for pattern in ("*.py", "templates/**/*.html") for path in sources.glob(pattern))

    assert [text for text in TEXTS if text not in shown] == []


@pytest.mark.parametrize("code", ["de", "de-informal"])
def test_the_order_page_speaks_the_customers_language(event, cryptopay_sandbox, code):
    event.settings.set("locales", ["en", "de", "de-informal"])
    order, _ = place_order(event)
    client = Client()
    client.cookies["pretix_language"] = code

    page = client.get(f"/orga/conf/order/{order.code}/{order.secret}/").content.decode()

    assert 'lang="de' in page.split("data-cp-panel")[0].rsplit("<div", 1)[1]
    with translation.override(code):
        assert Cryptopay(event).public_name == "Bitcoin und andere Coins"
