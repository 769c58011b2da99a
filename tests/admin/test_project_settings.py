"""A purchase, its callbacks, the payment page, the desk and a refund, under settings that a project may have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from django.test import Client
from django.urls import get_script_prefix, set_script_prefix

from cryptopay_django.links import path_of
from cryptopay_django.models import Callback, Invoice
from tests.services.desk import ADDRESS
from tests.stacks.story import hidden

CACHE = "django.core.cache.backends"
SETTINGS: dict[str, Mapping[str, Any]] = {
    "those of the suite": {},
    "namespaces, and languages in URLs": {
        "ROOT_URLCONF": "tests.urls_of_a_shop",
        "LANGUAGE_CODE": "de",
        "LANGUAGES": [("de", "Deutsch"), ("en", "English")],
    },
    "a host with www": {"PREPEND_WWW": True, "ALLOWED_HOSTS": ["www.shop.example", "testserver"]},
    "a site below a path": {"FORCE_SCRIPT_NAME": "/shop"},
    "numbers in groups": {"USE_THOUSAND_SEPARATOR": True, "LANGUAGE_CODE": "de"},
    "numbers in groups of three and two": {
        "USE_THOUSAND_SEPARATOR": True,
        "LANGUAGE_CODE": "en",
        "NUMBER_GROUPING": (3, 2, 0),
    },
    "a cache that is down": {"CACHES": {"default": {"BACKEND": "tests.test_caching.DownCache"}}},
    "no cache": {"CACHES": {"default": {"BACKEND": f"{CACHE}.dummy.DummyCache"}}},
    "a cache of one process": {"CACHES": {"default": {"BACKEND": f"{CACHE}.locmem.LocMemCache"}}},
    "no translation": {"USE_I18N": False},
    "another day": {"TIME_ZONE": "Pacific/Kiritimati"},
    "TLS at the proxy": {
        "SECURE_SSL_REDIRECT": True,
        "SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https"),
        "SESSION_COOKIE_SECURE": True,
        "CSRF_COOKIE_SECURE": True,
    },
    "tokens in the session, sessions in cookies": {
        "CSRF_USE_SESSIONS": True,
        "SESSION_ENGINE": "django.contrib.sessions.backends.signed_cookies",
        "MESSAGE_STORAGE": "django.contrib.messages.storage.session.SessionStorage",
    },
    "no slash is added": {"APPEND_SLASH": False},
}


class Browser:
    """Opens paths as the site writes them: at its host, over https, and below its prefix."""

    def __init__(self, client: Client, host: str) -> None:
        self.client, self.headers = client, {"Host": host, "X-Forwarded-Proto": "https"}

    def get(self, path: str) -> Any:
        return self._ask(self.client.get, path)

    def post(self, path: str, data: dict[str, str]) -> Any:
        return self._ask(self.client.post, path, data)

    def _ask(self, method: Any, path: str, data: dict[str, str] | None = None) -> Any:
        inside = "/" + path.removeprefix(get_script_prefix())
        return method(inside, data, secure=True, headers=self.headers)


@pytest.fixture(params=SETTINGS)
def host(request, settings):
    """Set up a project, and return the host of its site."""
    for name, value in SETTINGS[request.param].items():
        setattr(settings, name, value)
    if request.param.startswith("namespaces"):
        settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.middleware.locale.LocaleMiddleware"]
    prefix = get_script_prefix()
    set_script_prefix(f"{settings.FORCE_SCRIPT_NAME or ''}/")
    yield settings.ALLOWED_HOSTS[0]
    set_script_prefix(prefix)


def test_an_order_is_paid_seen_at_the_desk_and_refunded(host, login, desk):
    customer, staff = Browser(Client(), host), Browser(login("finance"), host)
    invoice = desk.ordered("12345.67")

    page = customer.get(path_of("checkout", invoice.pk))
    status = customer.get(path_of("invoice-status", invoice.pk))
    desk.sandbox.pay(invoice, factor="0.9")
    desk.sandbox.confirm(invoice)
    desk.sandbox.advance(minutes=11)
    answers = desk.sandbox.deliver()
    asked = customer.post(path_of("checkout", invoice.pk), {})

    assert (page.status_code, status.status_code, asked.status_code) == (200, 200, 303)
    assert invoice.address in page.text
    assert path_of("invoice-status", invoice.pk) in page.text
    assert {attempt.status for attempt in answers} == {200}
    assert {callback.outcome for callback in Callback.objects.all()} <= {"applied", "stale"}
    found = Invoice.objects.get()
    assert (found.status, found.status_context) == ("unresolved", "underpaid")

    shown = [
        staff.get(desk.url(name, *args))
        for name, args in (
            ("invoice_changelist", ()),
            ("invoice_overview", ()),
            ("invoice_change", (invoice.pk,)),
        )
    ]
    form = staff.get(desk.url("invoice_refund", invoice.pk))
    filled = hidden(form.text) | {"reason": "agreed by phone", "destination": "address", "address": ADDRESS}
    done = staff.post(desk.url("invoice_refund", invoice.pk), filled)
    desk.sandbox.advance(minutes=1, deliver=True)

    assert [answer.status_code for answer in (*shown, form, done)] == [200, 200, 200, 200, 302]
    assert desk.url("invoice_change", invoice.pk) in shown[0].text
    found.refresh_from_db()
    assert found.status == "refunded"
