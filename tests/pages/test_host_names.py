"""A context processor of the shop gives names of its own to every template; the pages show none of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.conf import settings as project
from django.contrib import admin
from django.contrib.auth.models import Group
from django.http import HttpRequest
from django.test import Client
from django.urls import path
from django.utils import timezone

import cryptopay_django
from cryptopay_django.links import path_of
from cryptopay_django.models import PaymentLink, RefundLink
from cryptopay_django.services import make_refund_link
from tests.pages import channels, states
from tests.pages.test_counter import typed
from tests.pages.test_payment_links import link_for
from tests.pages.urls import urlpatterns as pages
from tests.services.desk import ADDRESS

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("cryptopay_sandbox")]

_TAGS = re.compile(r"\{[{%](.*?)[%}]\}", re.DOTALL)
_TEXT = re.compile(r"\"[^\"]*\"|'[^']*'")
_NAME = re.compile(r"(?<![\w.|])[a-z_]\w*")
_STANDARD = {"request", "user", "perms", "messages", "csrf_token", "debug"}
_KEY = re.compile(r'name="(?:key|quote)" value="[\w:=-]+"')
Look = Callable[..., tuple[str, str]]
_TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="\w+"')


def names_read_by(files: Iterable[Path]) -> frozenset[str]:
    """Return each word in a tag of these templates: every name that one reads, and the names of tags."""
    tags = " ".join(" ".join(_TAGS.findall(file.read_text())) for file in files)
    return frozenset(_NAME.findall(_TEXT.sub(" ", tags))) - _STANDARD


NAMES = names_read_by((Path(cryptopay_django.__file__).parent / "templates/cryptopay_django").glob("*.html"))
urlpatterns = [*pages, path("admin/", admin.site.urls)]


def of_the_shop(request: HttpRequest) -> dict[str, Any]:
    """The context processor: each name that a page's template reads."""
    return dict.fromkeys(NAMES, "of the shop")


def invoice_page(state: str) -> str:
    return path_of("checkout", states.STATES[state]().pk)


def refund_page(**values: Any) -> str:
    return make_refund_link(states.unresolved("underpaid", part="0.5", **values), actor="ada").path


def refund_page_of_ripple() -> str:
    return make_refund_link(
        states.tagged(status="unresolved", status_context="underpaid", paid_amount=9), actor="a"
    ).path


def refund_page_that_is_over() -> str:
    page = refund_page(network="bitcoin")
    RefundLink.objects.update(expires_at=timezone.now())
    return page


def link_page(**values: Any) -> str:
    return path_of("payment-link", link_for(**values).token)


def link_page_that_is_over() -> str:
    page = link_page()
    PaymentLink.objects.update(cancelled_at=timezone.now())
    return page


PAGES = {
    **{f"invoice, {state}": lambda state=state: invoice_page(state) for state in states.STATES},
    **{
        f"channel, {state}": lambda make=make: path_of("channel", make().pk)
        for state, make in channels.CHANNELS.items()
    },
    "receipt": lambda: path_of("receipt", states.completed().pk),
    "refund": lambda: refund_page(network="bitcoin"),
    "refund with a tag": refund_page_of_ripple,
    "refund, over": refund_page_that_is_over,
    "refund, unknown": lambda: path_of("refund-address", "unknown"),
    "payment link": link_page,
    "donation": lambda: link_page(amount=None, kind="donation"),
    "payment link, over": link_page_that_is_over,
    "payment link, unknown": lambda: path_of("payment-link", "unknown"),
    "choice of a coin": lambda: f"/pay/{Group.objects.create(name='49.90').pk}/",
    "counter": lambda: path_of("counter"),
}


@pytest.fixture
def look(settings, admin_client):
    settings.ROOT_URLCONF = __name__
    return shown_twice(settings, admin_client, f"{__name__}.of_the_shop")


def shown_twice(settings: Any, client: Client, processor: str) -> Look:
    """Return a function that gives a page as it is, and as it is in a shop with this context processor."""
    template = project.TEMPLATES[0]
    processors = [*template["OPTIONS"]["context_processors"], processor]
    of_shop = [{**template, "OPTIONS": {**template["OPTIONS"], "context_processors": processors}}]
    plain = project.TEMPLATES

    def both(page: str, data: dict[str, str] | None = None) -> tuple[str, str]:
        shown = []
        with time_machine.travel(timezone.now(), tick=False):
            for templates in (plain, of_shop):
                settings.TEMPLATES = templates
                answer = client.get(page) if data is None else client.post(page, data)
                shown.append(_KEY.sub("", _TOKEN.sub("", answer.text)))
        return shown[0], shown[1]

    return both


@pytest.mark.parametrize("page", PAGES)
def test_a_page_shows_nothing_that_the_shop_calls_by_the_same_name(look, page):
    plain, in_shop = look(PAGES[page]())

    assert "<" in plain
    assert in_shop == plain


def test_the_step_that_compares_an_address_shows_nothing_of_the_shop(look):
    plain, in_shop = look(refund_page(network="bitcoin"), {"address": ADDRESS})

    assert ADDRESS in plain
    assert in_shop == plain


def test_the_code_at_the_counter_shows_nothing_of_the_shop(look, admin_client):
    plain, in_shop = look(typed(admin_client)["Location"])

    assert "<svg" in plain
    assert in_shop == plain
