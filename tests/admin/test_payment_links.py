"""Staff make payment links, send them, see what came by them, and cancel them."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from urllib.parse import unquote

import pytest
from django.contrib.admin import site
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cryptopay_django.admin.payment_link_display import state_of
from cryptopay_django.models import Invoice, PaymentLink
from cryptopay_django.services import cancel_payment_link, create_payment_link
from cryptopay_django.services.payment_links.totals import Paid

from .conftest import told

GIVEN = {"price_amount": "49.90", "price_currency": "EUR", "uses": "once", "kind": "link"}
EVIL = '"><script>alert(1)</script>'


@pytest.fixture
def client(login):
    return login("finance")


def link_for(amount: str | None = "10", **values) -> PaymentLink:
    return create_payment_link(**{"actor": "ada", "price_currency": "EUR", "price_amount": amount} | values)


def make(client, desk, **values):
    return client.post(desk.url("paymentlink_add"), GIVEN | values, follow=True)


def page_of(client, desk, link: PaymentLink) -> str:
    return client.get(desk.url("paymentlink_change", link.pk)).text


def pay(desk, client, link: PaymentLink, **values) -> Invoice:
    """Open a link, choose a coin, and pay."""
    client.get(f"/cryptopay/pay/{link.token}/")
    client.post(f"/cryptopay/pay/{link.token}/", {"coin": "BTC/bitcoin", **values})
    invoice = Invoice.objects.latest("created_at")
    desk.sandbox.pay(invoice)
    desk.sandbox.confirm(invoice)
    desk.sandbox.deliver()
    return invoice


def words(page: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", page).split())


def test_a_link_is_made_and_its_page_shows_how_to_send_it(client, desk):
    assert "Make a payment link" in client.get(desk.url("paymentlink_changelist")).text
    assert not PaymentLink.objects.exists()

    page = make(client, desk, description="Workshop & tea", reference="A-17")

    link = PaymentLink.objects.get()
    assert (link.price_amount, link.price_currency, link.actor) == (Decimal("49.9"), "EUR", "finance")
    assert (link.is_reusable, link.expires_at, link.description, link.reference) == (
        False,
        None,
        "Workshop & tea",
        "A-17",
    )
    url = f"http://testserver/cryptopay/pay/{link.token}/"
    assert f'value="{url}"' in page.text
    assert "The link is ready." in told(page)
    (mail,) = re.findall(r'href="mailto:\?subject=([^&]*)&amp;body=([^"]*)"', page.text)
    assert [unquote(part) for part in mail] == ["Workshop & tea", url]
    assert '<svg role="img"' in page.text
    assert "cp-link-snippet" not in page.text
    assert client.get(url).status_code == 200
    assert LogEntry.objects.latest("pk").get_change_message() == "Made a payment link"


def test_a_donation_is_made_with_a_button_for_other_pages(client, desk, settings):
    settings.CRYPTOPAY_SITE_URL = "https://shop.example"

    page = make(
        client, desk, price_amount="", least_amount="5,00", uses="often", kind="donation", price_currency="eur"
    )

    link = PaymentLink.objects.get()
    assert (link.price_amount, link.least_amount, link.is_reusable, link.kind) == (None, 5, True, "donation")
    assert f"&lt;a href=&quot;https://shop.example/cryptopay/pay/{link.token}/&quot;" in page.text
    assert "&gt;Donate with crypto&lt;/a&gt;" in page.text
    assert "chosen by the customer, at least 5.00 EUR" in page.text


def test_a_link_expires_when_it_is_said(client, desk, settings):
    settings.TIME_ZONE = "Europe/Berlin"
    at = timezone.localtime() + timedelta(days=3)

    make(client, desk, expires_at=f"{at:%Y-%m-%dT%H:%M}")

    assert PaymentLink.objects.get().expires_at == at.replace(second=0, microsecond=0)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"price_amount": "x"}, "price_amount"),
        ({"price_amount": "1.005"}, "price_amount"),
        ({"price_amount": "5", "least_amount": "1"}, "price_amount"),
        ({"price_amount": "", "least_amount": "9", "most_amount": "5"}, "most_amount"),
        ({"price_currency": "EURO"}, "price_currency"),
        ({"expires_at": "2020-01-01T00:00"}, "expires_at"),
        ({"expires_at": "soon"}, "expires_at"),
        ({"description": "x" * 300}, "description"),
        ({"reference": "a\x00b"}, "reference"),
        ({"uses": "never"}, "uses"),
        ({"kind": "counter"}, "kind"),
        ({"account": "elsewhere"}, "account"),
    ],
)
def test_a_mistake_is_said_at_its_field_and_nothing_is_made(client, desk, values, field, settings):
    settings.CRYPTOPAY_ACCOUNTS = {**settings.CRYPTOPAY_ACCOUNTS, "other": settings.CRYPTOPAY_ACCOUNTS["default"]}
    answer = make(client, desk, **values)

    assert answer.status_code == 200
    assert list(answer.context["form"].errors) == [field]
    assert not PaymentLink.objects.exists()


def test_with_one_account_none_is_asked_for(client, desk, settings):
    assert "account" in client.get(desk.url("paymentlink_add")).context["form"].fields
    make(client, desk, account="second")
    assert PaymentLink.objects.get().account == "second"

    settings.CRYPTOPAY_ACCOUNTS = {"default": settings.CRYPTOPAY_ACCOUNTS["default"]}

    assert "account" not in client.get(desk.url("paymentlink_add")).context["form"].fields


def test_the_page_and_the_list_show_what_came(client, desk):
    single, many = link_for(description="Tea"), link_for(None, is_reusable=True, description="Gifts")
    pay(desk, client, single)
    for amount in ("3", "4.50"):
        pay(desk, client, many, amount=amount)

    page = words(client.get(desk.url("paymentlink_changelist")).text)
    assert re.search(r"Gifts payment link .*? 7\.50 EUR by 2 payments 2 times now open", page)
    assert re.search(r"Tea payment link 10\.00 EUR 10\.00 EUR 1 time now paid", page)
    tea = page_of(client, desk, single)
    assert "This link is paid. Whoever opens it sees the payment." in tea
    assert f"/invoice/{Invoice.objects.earliest('created_at').pk}/change/" in tea
    assert "cp-link-url" not in tea
    assert "Cancel the link" not in tea
    assert "4.50 EUR" in page_of(client, desk, many)
    assert "Tea" in words(client.get(desk.url("invoice_changelist")).text)


def test_a_list_of_many_links_takes_as_many_queries_as_one_of_few(client, desk):
    def queries() -> int:
        with CaptureQueriesContext(connection) as found:
            client.get(desk.url("paymentlink_changelist"))
        return len(found)

    link_for()
    queries()
    few = queries()
    for _ in range(10):
        link_for()

    assert queries() == few


def test_a_long_page_says_that_there_is_more(client, desk, monkeypatch):
    monkeypatch.setattr("cryptopay_django.admin.payment_link.MOST_INVOICES", 1)
    link = link_for(is_reusable=True)
    for _ in range(2):
        pay(desk, client, link)

    assert "These are the newest." in page_of(client, desk, link)


def test_a_link_is_cancelled_by_post_from_its_page(client, desk):
    link = link_for()
    url = desk.url("paymentlink_cancel", link.pk)
    assert "Cancel the link" in page_of(client, desk, link)
    assert client.get(url).status_code == 405

    page = client.post(url, follow=True)

    link.refresh_from_db()
    assert (link.cancelled_by, "The link is cancelled." in told(page)) == ("finance", True)
    assert "Cancelled by finance at" in page.text
    assert "cp-link-url" not in page.text
    assert LogEntry.objects.latest("pk").get_change_message() == "Cancelled the payment link"


def test_several_links_are_cancelled_in_the_list(client, desk, login):
    links = [link_for(), link_for(), cancel_payment_link(link_for(), actor="bob"), link_for()]
    chosen = {"action": "cancel_selected", "_selected_action": [str(link.pk) for link in links[:3]]}

    page = client.post(desk.url("paymentlink_changelist"), chosen, follow=True)

    assert "Cancelled links: 2." in told(page)
    found = {link.pk: link.cancelled_by for link in PaymentLink.objects.all()}
    assert [found[link.pk] for link in links] == ["finance", "finance", "bob", ""]
    assert "cancel_selected" not in login("viewer").get(desk.url("paymentlink_changelist")).text


def test_the_code_is_a_file_to_print(client, desk):
    link = link_for(description=EVIL)

    answer = client.get(desk.url("paymentlink_qr", link.pk))

    assert answer["Content-Type"] == "image/svg+xml"
    assert f"payment-link-{link.pk}.svg" in answer["Content-Disposition"]
    assert EVIL not in answer.text


@pytest.mark.parametrize(
    ("values", "state"),
    [
        ({}, ("waiting", "open")),
        ({"cancelled_at": timezone.now()}, ("plain", "cancelled")),
        ({"expires_at": timezone.now() - timedelta(1)}, ("plain", "expired")),
        ({"environment": "production"}, ("alarm", "production")),
    ],
)
@pytest.mark.django_db
def test_a_state_is_one_word_and_explained(client, desk, values, state):
    link = link_for()
    PaymentLink.objects.update(**values)
    link.refresh_from_db()

    assert state_of(link, Paid(), timezone.now()) == state
    page = page_of(client, desk, link)
    assert ("cp-link-url" in page) == (state[1] == "open")
    assert f">{state[1]}</span>" in page


@pytest.mark.parametrize(
    ("bounds", "text"),
    [
        ({}, "chosen by the customer (EUR)"),
        ({"most_amount": "9"}, "chosen by the customer, at most 9.00 EUR"),
        ({"least_amount": "2", "most_amount": "9"}, "chosen by the customer, from 2.00 EUR to 9.00 EUR"),
    ],
)
def test_the_bounds_are_said(client, desk, bounds, text):
    assert text in page_of(client, desk, link_for(None, **bounds))


def test_a_sum_that_is_cut_says_so(client, desk, monkeypatch):
    link = link_for(is_reusable=True)
    for _ in range(2):
        pay(desk, client, link)
    monkeypatch.setattr("cryptopay_django.services.payment_links.totals.MOST", 1)

    assert "at least 10.00 EUR by 1 payment" in page_of(client, desk, link)


def test_a_project_without_our_pages_is_told(client, desk, settings):
    settings.ROOT_URLCONF = "tests.urls_admin"
    link = link_for()

    page = client.get(f"/admin/cryptopay_django/paymentlink/{link.pk}/change/").text

    assert "The link has no page" in page
    assert "Counter" not in words(client.get("/admin/cryptopay_django/paymentlink/").text)


def test_links_are_found_by_reference_id_and_link_and_filtered(client, desk):
    link, other = link_for(reference="A-17-2026"), link_for(kind="donation", reference="B")
    cancel_payment_link(other, actor="ada")

    def found(**query: str) -> list[str]:
        rows = client.get(desk.url("paymentlink_changelist"), query).context["cl"].result_list
        return sorted(row.reference for row in rows)

    for term in (
        "A-17-2026",
        "a-17-20",
        # MariaDB's UUIDs are not ordered as they are written.
        str(link.pk) if connection.vendor == "mysql" else str(link.pk)[:8],
        link.token,
        f"https://shop.example/cryptopay/pay/{link.token}/",
    ):
        assert found(q=term) == ["A-17-2026"]
    assert (found(q="17-202"), found(q="")) == ([], ["A-17-2026", "B"])
    nothing, _ = site.get_model_admin(PaymentLink).get_search_results(None, PaymentLink.objects.all(), "A\x00")
    assert list(nothing) == []
    assert (found(state="open"), found(state="cancelled"), found(state="expired")) == (["A-17-2026"], ["B"], [])
    assert (found(kind="donation"), found(kind="counter"), found(kind="x")) == (["B"], [], ["A-17-2026", "B"])


def test_what_staff_and_customers_wrote_is_escaped(client, desk):
    link = link_for(description=EVIL, reference=EVIL, actor=EVIL)

    for page in (page_of(client, desk, link), client.get(desk.url("paymentlink_changelist")).text):
        assert EVIL not in page


def test_who_may_see_links_but_not_invoices_sees_no_way_to_them(login, desk, client):
    link = link_for()
    invoice = pay(desk, client, link)
    clerk = login("counter")

    page = clerk.get(desk.url("paymentlink_change", link.pk)).text

    assert "10.00 EUR" in page
    assert f"/invoice/{invoice.pk}/change/" not in page
    assert clerk.get("/cryptopay/counter/").status_code == 200


def test_a_permission_that_is_taken_away_meanwhile_counts(client, desk, monkeypatch):
    link = link_for()
    User.objects.get(username="finance").groups.clear()
    monkeypatch.setattr("cryptopay_django.admin.payment_link.may", lambda *_: True)

    assert make(client, desk).status_code == 403
    assert client.post(desk.url("paymentlink_cancel", link.pk)).status_code == 403
    assert PaymentLink.objects.get().cancelled_at is None
