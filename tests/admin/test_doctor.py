"""The doctor's page: the same results as the command, the worst first, and nobody is asked but by the button."""

from __future__ import annotations

import pytest
from django.db import connection
from django.urls import reverse

from cryptopay_django.testing.factories import InvoiceFactory
from tests.wire import ScriptedGateway, refusal

URL = "/admin/cryptopay_django/invoice/doctor/"


@pytest.fixture
def gateway(settings, db, monkeypatch):
    settings.DEBUG = True
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 60)
    scripted = ScriptedGateway(lambda *_: refusal(401, "unauthenticated"))
    settings.CRYPTOPAY_HTTP_ADAPTER = lambda account: scripted
    return scripted


def test_it_shows_the_worst_first_and_what_to_do(login, gateway):
    InvoiceFactory(quarantine_reason="another price")

    page = login("monitoring").get(URL)

    first = page.context["rows"][0][0]
    assert (first.id, first.level) == ("quarantined-invoices", "warning")
    assert "Nothing is delayed. Warnings, which can wait until the morning: 1." in page.text
    assert "Look at each in the admin, and release it." in page.text


def test_the_service_is_asked_by_the_button_alone(login, gateway):
    client = login("monitoring")

    looked = client.get(URL)
    assert gateway.asked == []
    asked = client.post(URL)

    assert {path.partition("?")[0] for _, path in gateway.asked} == {"/api/coins", "/api/transactions"}
    assert "credentials.refused" not in {result.id for result, _, _ in looked.context["rows"]}
    assert [result.id for result, _, _ in asked.context["rows"][:2]] == ["credentials.refused"] * 2
    assert "Something delays money or callbacks. Errors: 2" in asked.text


def test_the_list_of_invoices_leads_there(login, gateway):
    page = login("monitoring").get(reverse("admin:cryptopay_django_invoice_changelist"))

    assert f'href="{URL}"' in page.text


def test_who_presses_the_button_often_uses_up_no_calls(login, gateway):
    client = login("monitoring")

    pages = [client.post(URL) for _ in range(10)]

    assert len(gateway.asked) <= 2 * 2 * 2, "two accounts, two calls, twice"
    assert "The gateway was called a moment ago" in pages[-1].text
