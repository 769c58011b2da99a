"""The ledger in the admin: read from the gateway now, with its own share of the calls, and never stored."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from cryptopay_django.models import ChannelPayment, Invoice, Refund, Schedule
from cryptopay_django.services import rate_limit_by_use, reconcile_invoices, refresh_invoice, refund_invoice
from cryptopay_django.services.rate_limit_by_use import Use
from tests.rate_limits import use_up


@pytest.fixture
def client(login):
    return login("finance")


def days_from_today() -> dict[str, str]:
    """Return today and tomorrow as a period, so that a test may go on after midnight."""
    today = timezone.localdate()
    return {"since": str(today), "until": str(today + timedelta(days=1))}


def test_balances_and_rows_are_shown_with_links_to_what_is_ours(client, desk):
    payment, invoice = desk.topped_up(), desk.ordered()

    page = client.get(desk.url("invoice_ledger"))

    assert dict(page.context["balances"])["EUR"] == f"{payment.received_amount:.2f} EUR"
    assert "BTC" in page.context["empty"]
    assert {str(row["family"]) for row in page.context["rows"]} == {"channel payment", "invoice"}
    assert {row["state"] for row in page.context["rows"]} == {"completed", "new"}
    assert desk.url("channelpayment_change", payment.pk) in page.text
    assert desk.url("invoice_change", invoice.pk) in page.text


def test_a_family_and_a_period_narrow_it_down(client, desk):
    period = days_from_today()
    desk.topped_up()
    desk.ordered()

    one = client.get(desk.url("invoice_ledger"), {"family": "Invoice", **period})
    before = client.get(desk.url("invoice_ledger"), {"since": "2020-01-01", "until": "2020-01-31"})

    assert {str(row["family"]) for row in one.context["rows"]} == {"invoice"}
    assert before.context["rows"] == []
    assert "Nothing in this period." in before.text


@pytest.mark.parametrize(
    "query",
    [
        {"since": "2026-02-01", "until": "2026-01-01"},
        {"since": "yesterday"},
        {"until": "9999-12-31"},
        {"family": "Gifts"},
        {"account": "nobody"},
        {"after": "x"},
    ],
)
def test_what_cannot_be_asked_is_said_and_nothing_is_asked(client, desk, query):
    page = client.get(desk.url("invoice_ledger"), query)

    assert page.status_code == 200
    assert page.context["form"].errors
    assert not page.context["rows"]
    assert not Schedule.objects.filter(name__startswith="ledger").exists()


def test_a_long_ledger_goes_on_page_by_page(client, desk):
    for _ in range(51):
        desk.ordered()
    first = client.get(desk.url("invoice_ledger"))

    rest = client.get(desk.url("invoice_ledger") + first.context["older_url"])

    names = [row["name"] for page in (first, rest) for row in page.context["rows"]]
    assert (len(first.context["rows"]), len(names), len(set(names))) == (50, 51, 51)
    assert not rest.context["asked_balances"]
    assert rest.context["older_url"] == ""


def test_the_differences_of_a_period_are_shown_where_they_are_asked_for(client, desk):
    url, period = desk.url("invoice_ledger"), days_from_today() | {"compare": "1"}
    payment, invoice = desk.topped_up(), desk.paid("1")
    assert client.get(url).context["comparison"] is None
    agreed = client.get(url, period)
    assert "The ledger and our rows agree." in agreed.text
    assert "Compared: 2. Not ours: 0." in agreed.text
    Invoice.objects.update(settled_amount="99")
    ChannelPayment.objects.update(received_amount="1")

    page = client.get(url, period)

    rows = {row["url"]: row for row in page.context["comparison"]["rows"]}
    assert "The ledger and our rows agree." not in page.text
    one = rows[desk.url("invoice_change", invoice.pk)]
    assert (str(one["kind"]), one["here"], one["there"]) == ("another amount", "99 EUR", "100 EUR")
    assert desk.url("channelpayment_change", payment.pk) in rows
    assert f'title="{payment.gateway_id}"' in page.text
    assert f'name="since" value="{period["since"]}"' in page.text, "as a browser reads it"


def test_a_refund_that_differs_leads_to_its_invoice_and_one_in_doubt_is_said_to_be(client, desk):
    for _ in range(2):
        invoice = desk.underpaid()
        refund_invoice(invoice, actor="anna", reason="too little")
        refresh_invoice(invoice)
    reconcile_invoices(min_age=timedelta(0))
    refunds = list(Refund.objects.order_by("pk"))
    assert len(refunds) == 2
    Refund.objects.filter(pk=refunds[0].pk).update(fee_amount="0.5")
    refunds[1].events.all().delete()
    Refund.objects.filter(pk=refunds[1].pk).delete()

    page = client.get(desk.url("invoice_ledger"), days_from_today() | {"compare": "1"})

    shown = {
        (str(row["family"]), str(row["kind"]), row["is_certain"]): row for row in page.context["comparison"]["rows"]
    }
    fee = shown["refund", "another fee", True]
    assert fee["url"] == desk.url("invoice_change", refunds[0].invoice_id)
    doubt = shown["refund", "missing here", False]
    assert (doubt["url"], doubt["here"]) == ("", "nothing")
    assert "missing here (in doubt)" in page.text


def test_a_comparison_that_breaks_off_says_so_beside_the_rows(client, desk):
    for _ in range(3):
        desk.ordered()
    # Two calls are left: the balances and the first page.
    with time_machine.travel(timezone.now(), tick=False):
        use_up(Use.LEDGER, left=2)
        page = client.get(desk.url("invoice_ledger"), {"compare": "1"})

    assert len(page.context["rows"]) == 3
    assert "The ledger was not read to its end" in page.text
    assert "The ledger and our rows agree." not in page.text


def test_a_gateway_that_is_down_gives_words(client, desk):
    desk.sandbox.trouble(error="1")

    page = client.get(desk.url("invoice_ledger"))

    assert page.status_code == 200
    assert "The gateway could not be reached" in page.text
    assert "Balances now" not in page.text


def test_looking_does_not_use_up_the_calls_of_payments(client, desk):
    use_up(Use.LEDGER)

    page = client.get(desk.url("invoice_ledger"))

    assert "too many calls for ledger" in page.text
    assert desk.topped_up().status == "completed"
    assert rate_limit_by_use.Use.LEDGER.value.burst < 20


def test_the_list_leads_there_only_those_who_may(login, desk):
    link = desk.url("invoice_ledger")

    assert link in login("finance").get(desk.url("invoice_changelist")).text
    assert link not in login("support").get(desk.url("invoice_changelist")).text
