"""The pages, the mails and the desk in fifteen languages: nothing left untranslated, nothing left over, compiled and in step.

To find what a new text lacks, run this file: the first two tests name each text and each language.
"""

from __future__ import annotations

import ast
import gettext
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import cache
from pathlib import Path

import django
import polib
import pytest
from django.apps import apps
from django.contrib import admin
from django.db.models import Field
from django.utils import translation
from django.utils.translation import ngettext
from django.utils.translation.template import templatize

import cryptopay_django
from cryptopay_django.pages.languages import LANGUAGES
from cryptopay_django.pages.state_texts import message_for
from cryptopay_django.services.invoices.customer_state import Progress, State
from cryptopay_django.services.invoices.customer_state import read_progress as read
from tests.pages.states import STATES, invoice

PACKAGE = Path(cryptopay_django.__file__).parent
MODULES = [
    *(path for room in ("pages", "mails", "templatetags", "admin", "models") for path in PACKAGE.glob(f"{room}/*.py")),
    *PACKAGE.glob("services/*/*.py"),
    PACKAGE / "apps.py",
]
TEMPLATES = [
    *(path for path in PACKAGE.glob("templates/cryptopay_django/*.html") if not path.name.startswith("embed")),
    *PACKAGE.glob("templates/cryptopay_django/mail/*"),
    *PACKAGE.glob("templates/admin/**/*.html"),
    # Of an adapter: all that customers see, pages and mails. Staff read the dashboard.
    *(path for path in PACKAGE.glob("contrib/*/templates/**/*.*") if "dashboard" not in path.as_posix()),
]
DJANGO_ADMIN = Path(admin.__file__).parent / "locale/en/LC_MESSAGES/django.po"
DJANGO_ITSELF = Path(django.__file__).parent / "conf/locale/en/LC_MESSAGES/django.po"
SAME_MEANING = {"Change", "Time"}
MARKERS = {"_", "gettext", "gettext_lazy", "ngettext"}
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]")


ENGLISH = "en"


def catalogue(language: str, kind: str = "po") -> Path:
    return PACKAGE / "locale" / translation.to_locale(language) / "LC_MESSAGES" / f"django.{kind}"


def entries(language: str) -> polib.POFile:
    return polib.pofile(str(catalogue(language)))


@cache
def marked() -> frozenset[str]:
    """Return every text that is marked for translation, but for those that Django's admin translates on its own pages."""
    of_django = {entry.msgid for entry in polib.pofile(str(DJANGO_ADMIN))}
    ours = {text for path, text in texts() if text not in of_django or "/admin/" not in path.as_posix()}
    models = apps.get_app_config("cryptopay_django").get_models()
    fields = (field for model in models for field in model._meta.get_fields() if isinstance(field, Field))
    with translation.override(None):
        return frozenset(ours | {str(field.verbose_name) for field in fields})


def texts() -> Iterator[tuple[Path, str]]:
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MARKERS:
                yield path, ast.literal_eval(node.args[0])
    for path in TEMPLATES:
        for text in re.findall(r"""gettext\(u?('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")""", templatize(path.read_text())):
            yield path, ast.literal_eval(text)


def written(entry: polib.POEntry) -> list[str]:
    return list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]


def other_than_numbers(text: str) -> list[str]:
    """Return the placeholders without those that are counted by: templates spell them as texts."""
    return [name for name in PLACEHOLDER.findall(text) if not name.endswith("d") and not name.startswith("%(count")]


def compiled(language: str) -> gettext.GNUTranslations:
    with catalogue(language, "mo").open("rb") as file:
        return gettext.GNUTranslations(file)


def numbers_of_forms(language: str) -> dict[int, list[int]]:
    """Return the numbers below 1000 by the plural form that the catalogue's own header selects for them."""
    choose: Callable[[int], int] = compiled(language).plural  # type: ignore[attr-defined]
    forms: dict[int, list[int]] = {}
    for number in range(1000):
        forms.setdefault(choose(number), []).append(number)
    return forms


def test_there_are_texts_to_translate():
    assert len(marked()) > 1000


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_translated(language):
    known = {entry.msgid for entry in entries(language) if all(written(entry)) and not entry.fuzzy}

    assert marked() - known == set()


def test_every_language_has_the_same_texts():
    wanted = {entry.msgid for entry in entries(ENGLISH)}
    lacking = {language: wanted - {entry.msgid for entry in entries(language)} for language in LANGUAGES}
    left_over = {language: {entry.msgid for entry in entries(language)} - wanted for language in LANGUAGES}

    assert {language: texts for language, texts in lacking.items() if texts} == {}
    assert {language: texts for language, texts in left_over.items() if texts} == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_catalogue_has_no_draft(language):
    found = entries(language)
    texts = [entry.msgid for entry in found]

    assert [entry.msgid for entry in found if entry.fuzzy or entry.obsolete or not all(written(entry))] == []
    assert len(texts) == len(set(texts))
    assert found.metadata["Language"] == translation.to_locale(language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_has_the_placeholders_of_its_text(language):
    """A plural form that serves one number only, such as the Arabic dual, may say the number in words."""
    alone = {form for form, numbers in numbers_of_forms(language).items() if len(numbers) == 1}
    wrong = [
        text
        for entry in entries(language)
        for form, text in enumerate(written(entry))
        for source in (entry.msgid_plural or entry.msgid,)
        if sorted(PLACEHOLDER.findall(text)) != sorted(PLACEHOLDER.findall(source))
        and not (entry.msgid_plural and form in alone and PLACEHOLDER.findall(text) == other_than_numbers(source))
    ]

    assert wrong == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_has_all_the_plural_forms_of_its_header(language):
    forms = set(numbers_of_forms(language))

    for entry in entries(language):
        if entry.msgid_plural:
            assert {int(form) for form in entry.msgstr_plural} == forms, entry.msgid
            assert all(written(entry)), entry.msgid


def test_no_text_is_one_that_django_shows_on_every_form_of_a_shop():
    of_django = {entry.msgid for entry in polib.pofile(str(DJANGO_ITSELF))}

    assert {entry.msgid for entry in entries("en")} & of_django - SAME_MEANING == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_compiled_catalogue_is_in_step(language):
    def texts(file: polib.POFile | polib.MOFile) -> dict[str, list[str]]:
        return {entry.msgid: written(entry) for entry in file}

    packed = polib.mofile(str(catalogue(language, "mo")))

    assert texts(packed) == texts(entries(language))
    assert packed.metadata == entries(language).metadata


@pytest.mark.parametrize(
    ("language", "forms"),
    [
        ("en", ["1 minute", "2 minutes", "5 minutes"]),
        ("fr", ["1 minute", "2 minutes", "5 minutes"]),
        ("ru", ["1 минута", "2 минуты", "5 минут"]),
        ("ja", ["1 分", "2 分", "5 分"]),
        ("it", ["1 minuto", "2 minuti", "5 minuti"]),
        ("nl", ["1 minuut", "2 minuten", "5 minuten"]),
        ("pl", ["1 minuta", "2 minuty", "5 minut"]),
        ("tr", ["1 dakika", "2 dakika", "5 dakika"]),
        ("uk", ["1 хвилина", "2 хвилини", "5 хвилин"]),
        ("ar", ["دقيقة واحدة", "دقيقتان", "5 دقائق"]),
        ("zh-hans", ["1 分钟", "2 分钟", "5 分钟"]),
        ("ko", ["1분", "2분", "5분"]),
    ],
)
@pytest.mark.django_db
def test_numbers_have_the_right_plural(language, forms, client):
    for number, form in zip((1, 2, 5), forms, strict=True):
        made = invoice(expires_in=timedelta(minutes=number, seconds=-5))

        page = client.get(f"/cryptopay/checkout/{made.pk}/", {"lang": language}).text

        assert f"<strong data-cp-left>{form}</strong>" in page


def test_arabic_counts_in_six_forms_and_slavic_languages_in_three():
    assert {language: len(numbers_of_forms(language)) for language in ("ar", "pl", "ru", "uk")} == {
        "ar": 6, "pl": 3, "ru": 3, "uk": 3,
    }  # fmt: skip
    with translation.override("ar"):
        said = [ngettext("%(count)d network", "%(count)d networks", n) % {"count": n} for n in (0, 1, 2, 3, 11, 100)]
    assert said == ["0 شبكة", "شبكة واحدة", "شبكتان", "3 شبكات", "11 شبكة", "100 شبكة"]


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
