"""The pages in seven languages: nothing left untranslated, nothing left over, compiled and in step."""

from __future__ import annotations

import ast
import gettext
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import polib
import pytest
from django.utils import translation
from django.utils.translation.template import templatize

import cryptopay_django
from cryptopay_django.pages.views import LANGUAGES
from cryptopay_django.pages.wording import message_for
from cryptopay_django.services.invoices.progress import Progress, State
from cryptopay_django.services.invoices.progress import read_progress as read
from tests.pages.states import STATES, invoice

PACKAGE = Path(cryptopay_django.__file__).parent
PAGES = [*PACKAGE.glob("pages/*.py"), *PACKAGE.glob("templatetags/*.py")]
TEMPLATES = [
    path
    for path in PACKAGE.glob("templates/cryptopay_django/*.html")
    if path.name in {"base.html", "checkout.html", "choose_coin.html", "coin_choice.html", "panel.html", "frame.html"}
]
MARKERS = {"_", "gettext", "gettext_lazy", "ngettext"}
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]")


def catalogue(language: str) -> polib.POFile:
    return polib.pofile(str(PACKAGE / "locale" / language / "LC_MESSAGES" / "django.po"))


def marked() -> Iterator[str]:
    """Yield every text that the pages mark for translation."""
    for path in PAGES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MARKERS:
                yield ast.literal_eval(node.args[0])
    for path in TEMPLATES:
        for text in re.findall(r"""gettext\(u?('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")""", templatize(path.read_text())):
            yield ast.literal_eval(text)


def written(entry: polib.POEntry) -> list[str]:
    return list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]


def test_there_are_texts_to_translate():
    assert len(set(marked())) > 80


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_of_the_pages_is_translated(language):
    known = {entry.msgid for entry in catalogue(language) if all(written(entry)) and not entry.fuzzy}

    assert set(marked()) - known == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_has_the_placeholders_of_its_text(language):
    wrong = [
        entry.msgid
        for entry in catalogue(language)
        for text in written(entry)
        if text and set(PLACEHOLDER.findall(text)) != set(PLACEHOLDER.findall(entry.msgid))
    ]

    assert wrong == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_compiled_catalogue_is_in_step(language):
    with (PACKAGE / "locale" / language / "LC_MESSAGES" / "django.mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)

    for entry in catalogue(language):
        if entry.msgid_plural:
            for number in (0, 1, 2, 5, 11, 21):
                assert compiled.ngettext(entry.msgid, entry.msgid_plural, number) in written(entry)
        elif all(written(entry)):
            assert compiled.gettext(entry.msgid) == entry.msgstr


@pytest.mark.parametrize(
    ("language", "forms"),
    [
        ("en", ["1 minute", "2 minutes", "5 minutes"]),
        ("fr", ["1 minute", "2 minutes", "5 minutes"]),
        ("ru", ["1 минута", "2 минуты", "5 минут"]),
        ("ja", ["1 分", "2 分", "5 分"]),
    ],
)
@pytest.mark.django_db
def test_numbers_have_the_right_plural(language, forms, client):
    for number, form in zip((1, 2, 5), forms, strict=True):
        made = invoice(expires_in=timedelta(minutes=number, seconds=-5))

        page = client.get(f"/cryptopay/checkout/{made.pk}/", {"lang": language}).text

        assert f"<strong data-cp-left>{form}</strong>" in page


@pytest.mark.django_db
def test_every_state_speaks_every_language():
    reached: dict[State, Progress] = {}
    for make in STATES.values():
        progress = read(make().pk)
        assert progress is not None
        reached[progress.state] = progress

    for state, progress in reached.items():
        said = set()
        for language in LANGUAGES:
            with translation.override(language):
                said.add(message_for(progress)[1:])
        assert len(said) == len(LANGUAGES), state


@pytest.mark.django_db
def test_english_is_english_on_a_site_whose_own_language_is_another(client, settings):
    settings.LANGUAGE_CODE = "de"
    made = invoice()

    assert "Warten auf" not in client.get(f"/cryptopay/checkout/{made.pk}/", {"lang": "en"}).text
    assert "Wir warten auf Ihre Zahlung" in client.get(f"/cryptopay/checkout/{made.pk}/").text
