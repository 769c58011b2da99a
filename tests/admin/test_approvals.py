"""What waits for a second person, wherever staff look: the first page, its list, a filter, a badge, the overview."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.contrib.auth.models import User

from cryptopay_django.models import Resolution
from cryptopay_django.services import refund_invoice
from tests.services.desk import ADDRESS
from tests.services.returning import send_back

from .conftest import tasks

LIST = "/admin/cryptopay_django/approval/"


@pytest.fixture
def waiting(desk, settings) -> Resolution:
    """A refund that finance has planned and another person has to confirm."""
    settings.CRYPTOPAY_FOUR_EYES_ABOVE = {"EUR": Decimal(1)}
    return refund_invoice(desk.underpaid(), actor="ada", reason="agreed by phone", address=ADDRESS)


def test_the_first_page_has_an_entry(login, waiting):
    page = login("finance").get("/admin/").text

    assert LIST in page
    assert "Waiting for a second person" in page


def test_the_second_person_gets_a_link_and_the_first_the_reason_why_not(login, desk, settings):
    settings.CRYPTOPAY_FOUR_EYES_ABOVE = {"EUR": Decimal(1)}
    ada, bob, support = login("finance", "ada"), login("finance", "bob"), login("support", "sue")

    planned = refund_invoice(desk.underpaid(), actor=User.objects.get(username="ada"), reason="x", address=ADDRESS)
    approve = desk.url("resolution_approve", planned.pk)

    assert approve in bob.get(LIST).text
    assert approve not in ada.get(LIST).text
    assert "You planned it." in ada.get(LIST).text
    assert approve not in support.get(LIST).text
    assert "You lack the permission." in support.get(LIST).text


def test_the_list_says_how_much_of_a_completed_order_goes_back(login, desk, settings):
    settings.CRYPTOPAY_FOUR_EYES_ABOVE = {"EUR": Decimal(60)}
    desk.sandbox.deposit("EUR", "1000")
    invoice = desk.paid("1")

    planned = send_back(invoice, "50")

    assert planned.awaits_approval  # 50 EUR are below the limit, the order of 100 EUR is above it
    assert "50.00 EUR" in login("finance").get(LIST).text


def test_only_what_waits_is_listed(login, waiting):
    client = login("finance")
    assert list(client.get(LIST).context["cl"].queryset.values_list("pk", flat=True)) == [waiting.pk]
    assert client.get(f"{LIST}{waiting.pk}/change/").status_code == 200

    Resolution.objects.update(approver="bob")

    assert not client.get(LIST).context["cl"].queryset.exists()


@pytest.mark.parametrize(("role", "status"), [("viewer", 200), ("nobody", 403), ("anonymous", 302)])
def test_who_may_see_resolutions_sees_them(login, waiting, role, status):
    assert login(role).get(LIST).status_code == status


def test_invoices_have_a_badge_and_a_filter(login, desk, waiting):
    client, other = login("finance"), desk.underpaid()
    url = desk.url("invoice_changelist")

    assert client.get(url).text.count('cp-warning">waits for a second person') == 1
    found = client.get(url, {"waits": "second"}).context["cl"].queryset
    assert [row.pk for row in found] == [waiting.invoice_id] != [other.pk]


def test_the_overview_counts_them(login, desk, waiting):
    page = login("finance").get(desk.url("invoice_overview"))

    assert tasks(page)["Confirm as the second person"] == 1
    assert f'<a href="{LIST}">' in page.text
