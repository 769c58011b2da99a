"""The list of invoices: what it costs, what it finds, what it shows, and what it exports."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from asgiref.sync import async_to_sync
from django.contrib.admin import site
from django.contrib.auth.models import Group, User
from django.core.checks import run_checks
from django.db import connection
from django.test import AsyncClient
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cryptopay_django.admin import InvoiceAdmin, export
from cryptopay_django.admin.paging import CappedPaginator
from cryptopay_django.admin.search import find_invoices
from cryptopay_django.models import Invoice
from cryptopay_django.spreadsheets import safe_cell
from cryptopay_django.testing.factories import InvoiceEventFactory, InvoiceFactory, PaymentFactory
from example_project.shop.models import Order

EVIL = '<script>alert("x")</script>'


@pytest.fixture
def client(login):
    return login("superuser")


def rows(response):
    return list(response.context["cl"].result_list)


def count_queries(client, url):
    client.get(url)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert client.get(url).status_code == 200
    return len(queries)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?waits=me",
        "?status=unresolved",
        "?risk=high",
        "?quarantined=yes",
        "?coin=BTC",
        "?created_at=30",
        "?q=order-",
    ],
)
def test_the_number_of_queries_does_not_grow_with_the_rows(client, desk, query):
    url = desk.url("invoice_changelist") + query
    customer = User.objects.create(username="ada")

    def fill(count):
        for _ in range(count):
            order = Order.objects.create(customer=customer, amount=5, ship_to="x")
            invoice = InvoiceFactory(order=order, status="unresolved", status_context="underpaid", paid_amount=1)
            PaymentFactory(invoice=invoice, risk_level="high")
            InvoiceFactory(order=order, quarantine_reason="odd")

    fill(2)
    few = count_queries(client, url)
    fill(20)

    assert count_queries(client, url) == few


def test_no_query_counts_all_or_asks_what_there_is(client, desk, monkeypatch):
    monkeypatch.setattr(CappedPaginator, "CAP", 3)
    monkeypatch.setattr(InvoiceAdmin, "list_per_page", 2)
    InvoiceFactory.create_batch(5)

    with CaptureQueriesContext(connection) as queries:
        response = client.get(desk.url("invoice_changelist"))

    assert "DISTINCT" not in "".join(query["sql"] for query in queries)
    assert (len(rows(response)), response.context["cl"].result_count) == (2, 3)
    assert "There are more than 3 such invoices" in response.text


def test_an_invoice_is_found_by_each_of_its_names(client, desk, settings):
    settings.CRYPTOPAY_ORDER_SEARCH = {"shop.Order": "reference"}
    order = Order.objects.create(customer=User.objects.create(username="ada"), amount=5, ship_to="x")
    wanted = InvoiceFactory(order=order)
    payment = PaymentFactory(invoice=wanted)
    InvoiceFactory()

    names = [wanted.pk, wanted.gateway_id, wanted.custom_id, wanted.address, payment.txid, order.pk, order.reference]

    for name in names:
        assert rows(client.get(desk.url("invoice_changelist"), {"q": f" {name} "})) == [wanted], name


@pytest.mark.parametrize("term", ["A-1", "0.5", "9" * 40, "2026-02-31", "1e3"])
def test_what_a_field_of_orders_cannot_hold_finds_no_order_and_still_the_rest(client, desk, settings, term):
    settings.CRYPTOPAY_ORDER_SEARCH = {"contenttypes.ContentType": "id", "admin.LogEntry": "action_time"}
    wanted = InvoiceFactory(custom_id=term)

    assert rows(client.get(desk.url("invoice_changelist"), {"q": term})) == [wanted]


KINDS_OF_FIELDS = {
    "a number": ("auth.User", "id"),
    "a time": ("auth.User", "last_login"),
    "yes or no": ("auth.User", "is_staff"),
    "a UUID": ("cryptopay_django.Invoice", "id"),
    "JSON": ("cryptopay_django.Invoice", "metadata"),
    "an amount": ("cryptopay_django.Invoice", "price_amount"),
    "bytes": ("cryptopay_django.Callback", "body"),
    "a key of another model": ("admin.LogEntry", "user"),
    "what is related": ("auth.User", "groups"),
    "a field of another model": ("admin.LogEntry", "user__date_joined"),
    "a lookup": ("auth.User", "id__in"),
}


@pytest.mark.parametrize(("label", "field"), KINDS_OF_FIELDS.values(), ids=KINDS_OF_FIELDS)
@pytest.mark.parametrize("term", ["A-1", "0.5", "1", "9" * 40, "1e999999", "NaN", "sNaN", "{", "None", "２", "a\x00b"])
@pytest.mark.parametrize("is_atomic", [False, True])
def test_orders_are_searched_by_a_field_of_any_kind(
    client, desk, settings, monkeypatch, label, field, term, is_atomic
):
    settings.CRYPTOPAY_ORDER_SEARCH = {label: field}
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", is_atomic)
    name = term.replace("\x00", "")
    wanted = InvoiceFactory(custom_id=name)

    assert wanted in rows(client.get(desk.url("invoice_changelist"), {"q": name}))
    assert client.get(desk.url("invoice_changelist"), {"q": term}).status_code == 200
    find_invoices(term)


@pytest.mark.parametrize(("label", "field"), [("shop.Gone", "id"), ("gone.Order", "id"), ("shop.Order", "gone")])
def test_a_model_or_field_of_orders_that_is_gone_is_named_by_the_check_and_spoils_no_search(
    client, desk, settings, label, field
):
    settings.CRYPTOPAY_ORDER_SEARCH = {label: field}
    wanted = InvoiceFactory(custom_id="order-1")

    assert rows(client.get(desk.url("invoice_changelist"), {"q": "order-1"})) == [wanted]
    (message,) = [message for message in run_checks(tags=["cryptopay"]) if message.id == "cryptopay.E002"]
    assert (label in message.msg, field in message.msg) == (True, True)


def test_an_invoice_is_found_by_the_short_name_that_the_list_shows_and_in_any_case(client, desk):
    invoices = [InvoiceFactory(custom_id=f"{start}-0000-4000-8000-000000000000") for start in ("cb745289", "cb74528f")]
    InvoiceFactory(custom_id="Order-7")

    for invoice, start in zip(invoices, ("cb745289", "cb74528f"), strict=True):
        for term in (start, start.upper(), f"{start}…", f"{start}-0000"):
            assert rows(client.get(desk.url("invoice_changelist"), {"q": term})) == [invoice], term
    lower = InvoiceFactory(custom_id="order-8", account="second")
    assert rows(client.get(desk.url("invoice_changelist"), {"q": "ORDER-8"})) == [lower]
    assert set(rows(client.get(desk.url("invoice_changelist"), {"q": "cb7452"}))) == set(invoices)
    assert rows(client.get(desk.url("invoice_changelist"), {"q": "cb745"})) == []


def test_an_invoice_is_found_by_the_start_of_every_name_and_by_what_the_desk_shows_of_it(client, desk, settings):
    settings.CRYPTOPAY_ORDER_SEARCH = {"auth.Group": "name"}
    order = Group.objects.create(name="2026-4711-b")
    wanted = InvoiceFactory(
        custom_id="7f000000-aaaa-4000-8000-00000000c0de",
        address="tb1qwp5jd8yf8ym7skamm7hgr3vevyvc2vaz8vmmrn",
        order=order,
    )
    txid = "CC1DE5E0A1E3B8AFF9C0B3A5D0D9DD4B5B9B6A6F10C1DD97CE2E0C1E2A6C1D2F"
    PaymentFactory(invoice=wanted, txid=txid)
    other = InvoiceFactory(
        custom_id="7f000000-aaaa-4000-8000-00000000c0df",
        address="tb1qwp6zzzzzzzzzzzzzzzzzzzzzzzzzzzzzz5w4n9",
    )
    PaymentFactory(invoice=other, txid=f"CC1DE5F{txid[7:]}")
    # MariaDB's UUIDs are not ordered as they are written.
    ids = [] if connection.vendor == "mysql" else [str(wanted.pk)[:10], str(wanted.gateway_id)[:8]]
    for term in [
        *ids,
        wanted.pk.hex.upper(),
        "7F000000-aaaa-4000-8000-00000000c0de",
        "7f000000…c0de",
        "tb1qwp5",
        "TB1QWP5J",
        "tb1qwp5j...8vmmrn",
        txid[:7],
        txid[:20].lower(),
        "2026-47",
        "2026-4711-B",
    ]:
        assert rows(client.get(desk.url("invoice_changelist"), {"q": term})) == [wanted], term
    assert rows(client.get(desk.url("invoice_changelist"), {"q": "tb1qwp5j…8vmmrx"})) == []


@pytest.mark.parametrize("term", ["-aaaa-", "wp5jd8", "%000000", "_f000000", "7f0_00"])
def test_the_middle_of_a_name_and_signs_of_patterns_find_nothing(client, desk, term):
    InvoiceFactory(custom_id="7f000000-aaaa", address="tb1qwp5jd8yf8ym7skamm7hgr3vevyvc2vaz8vmmrn")

    assert rows(client.get(desk.url("invoice_changelist"), {"q": term})) == []


def test_a_column_and_a_filter_of_the_shop_are_shown_beside_ours(rf, admin_user):
    ours = type(site.get_model_admin(Invoice))
    more = {"list_display": [*ours.list_display, "customer_id"], "list_filter": [*ours.list_filter, "pay_currency"]}
    theirs = type("Theirs", (ours,), more)(Invoice, site)
    InvoiceFactory(customer_id="customer-7")
    request = rf.get("/", {"pay_currency": "BTC"})
    request.user = admin_user

    page = theirs.changelist_view(request).render().text

    assert "customer-7" in page
    assert "By pay currency" in page
    for heading in ("column-invoice", "column-customer_id"):
        assert heading in page


@pytest.mark.parametrize("term", ["customer-7", "7f3a90c2-0000-4000-8000-000000000007", "ORDER-7"])
@pytest.mark.parametrize("instead", [True, False])
def test_a_field_that_the_shop_searches_is_searched_beside_our_names(rf, admin_user, instead, term):
    ours = type(site.get_model_admin(Invoice))
    fields = ["customer_id"] if instead else [*ours.search_fields, "customer_id"]
    theirs = type("Theirs", (ours,), {"search_fields": fields})(Invoice, site)
    wanted = InvoiceFactory(
        pk=UUID("7f3a90c2-0000-4000-8000-000000000007"), custom_id="order-7", customer_id="customer-7"
    )
    InvoiceFactory(custom_id="order-8", customer_id="customer-8")
    request = rf.get("/", {"q": term})
    request.user = admin_user

    page: Any = theirs.changelist_view(request)

    assert list(page.context_data["cl"].result_list) == [wanted]


@pytest.mark.parametrize("term", ["rder-1", "%", "\x00", "ö" * 500, "'; DROP", "0" * 36])
def test_a_part_of_a_name_or_nonsense_finds_nothing_and_breaks_nothing(client, desk, term):
    InvoiceFactory()

    response = client.get(desk.url("invoice_changelist"), {"q": term})

    assert response.status_code == 200
    assert rows(response) == [] or not term.strip("\x00")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("status=completed", {"done", "short"}),
        ("context=underpaid", {"under"}),
        ("quarantined=yes", {"odd"}),
        ("quarantined=no", {"done", "short", "under", "risky"}),
        ("risk=high", {"risky"}),
        ("coin=ETH", {"risky"}),
        ("account=second", {"under"}),
        ("created_at=today", {"done", "odd", "under", "risky", "short"} - {"odd"}),
        ("finished_at=7", {"done"}),
        ("waits=me", {"under", "odd", "short"}),
    ],
)
def test_each_filter_leaves_what_it_says(client, desk, query, found):
    now = timezone.now()
    InvoiceFactory(custom_id="done", status="completed", settled_amount=100, finished_at=now)
    odd = InvoiceFactory(custom_id="odd", quarantine_reason="odd")
    InvoiceFactory(custom_id="under", status="unresolved", status_context="underpaid", account="second")
    risky = InvoiceFactory(custom_id="risky", pay_currency="ETH")
    PaymentFactory(invoice=risky, risk_level="high")
    short = InvoiceFactory(custom_id="short", status="completed", settled_amount=90)
    InvoiceEventFactory(invoice=short, kind="invoice_settled_short", once="invoice_settled_short")
    Invoice.objects.filter(pk=odd.pk).update(created_at=now - timedelta(days=40))

    response = client.get(f"{desk.url('invoice_changelist')}?{query}")

    assert {invoice.custom_id for invoice in rows(response)} == found


def test_what_waits_depends_on_who_asks(login, desk):
    InvoiceFactory(custom_id="odd", quarantine_reason="odd")
    InvoiceFactory(custom_id="under", status="unresolved", status_context="underpaid")
    url = desk.url("invoice_changelist") + "?waits=me"

    seen = {role: {row.custom_id for row in rows(login(role).get(url))} for role in ("support", "fraud", "monitoring")}

    assert seen == {"support": {"under"}, "fraud": {"odd"}, "monitoring": set()}


def test_the_difference_is_shown_in_coin_and_in_the_ordered_currency(client, desk):
    InvoiceFactory(paid_amount=Decimal("0.0018"), status="unresolved", status_context="underpaid")

    page = client.get(desk.url("invoice_changelist")).text

    assert "−0.0002 BTC" in page
    assert "≈ −10.00 EUR" in page


def test_what_comes_from_outside_is_escaped_everywhere(client, desk):
    invoice = InvoiceFactory(
        custom_id=EVIL, name=EVIL, status="unresolved", status_context=EVIL[:32], quarantine_reason=EVIL, address=EVIL,
        pay_currency=EVIL[:32], metadata={EVIL: EVIL},
    )  # fmt: skip
    PaymentFactory(invoice=invoice, txid=EVIL, risk_level=EVIL[:32], risk_resource_name=EVIL, source_addresses=[EVIL])
    InvoiceEventFactory(invoice=invoice, actor=EVIL, detail={EVIL: EVIL}, last_error=EVIL, attempts=1)

    pages = [
        client.get(url).text
        for url in (
            desk.url("invoice_changelist"),
            desk.url("invoice_change", invoice.pk),
            desk.url("invoice_release", invoice.pk),
            desk.url("invoice_overview"),
        )
    ]

    assert not any("<script>alert" in page for page in pages)
    assert "&lt;script&gt;alert" in pages[1]


def test_no_page_has_inline_script_or_style(client, desk):
    invoice = desk.underpaid()
    for url in (
        desk.url("invoice_changelist"),
        desk.url("invoice_change", invoice.pk),
        desk.url("invoice_settle", invoice.pk),
        desk.url("invoice_refund", invoice.pk),
        desk.url("invoice_overview"),
    ):
        page = client.get(url).text
        ours = page[page.index('id="content"') :]
        assert " style=" not in ours
        assert "onclick=" not in ours
        assert "<script>" not in ours


def exported(client, desk, preset, query=""):
    response = client.get(f"{desk.url('invoice_export', preset)}{query}")
    assert response.streaming
    text = b"".join(response.streaming_content).decode()
    assert text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text[1:])))


def test_a_file_has_the_filtered_rows_and_all_of_them(client, desk, monkeypatch):
    monkeypatch.setattr(CappedPaginator, "CAP", 1)
    InvoiceFactory.create_batch(3, status="completed", settled_amount=100)
    InvoiceFactory(paid_amount=Decimal("0.0025"), pay_currency="ETH")

    assert len(exported(client, desk, "all")) == 4
    assert len(exported(client, desk, "all", "?status=completed")) == 3
    assert {row["settled_amount"] for row in exported(client, desk, "fees")} == {"100"}
    assert [row["overage_coin"] for row in exported(client, desk, "overage")] == ["0.0005"]
    assert exported(client, desk, "refunds", "?status=completed") == []
    assert client.get(desk.url("invoice_export", "nonsense")).status_code == 404


@pytest.mark.parametrize(("listed", "export"), [("invoice", ["invoice_export", "all"]), ("refund", ["refund_export"])])
def test_an_export_with_a_filter_that_the_list_lacks_leads_back_to_the_list(client, desk, listed, export):
    """A bookmark of a file, whose filter is gone since the shop has one account only."""
    response = client.get(f"{desk.url(*export)}?status=completed&no_such_filter=1")
    assert response.status_code == 302
    assert response["Location"] == f"{desk.url(f'{listed}_changelist')}?e=1"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", " =", "＝"])
def test_no_cell_of_a_file_is_a_formula(client, desk, start):
    text = f'{start}HYPERLINK("http://evil.example")'
    InvoiceFactory(custom_id=text, quarantine_reason=text, status="unresolved", status_context="x")

    row = exported(client, desk, "all")[0]

    assert row["custom_id"].startswith("'")
    assert row["quarantine_reason"].startswith("'")


def test_a_file_is_read_by_pages_without_a_cursor_and_each_row_is_in_it_once(client, desk, monkeypatch):
    monkeypatch.setattr(export, "CHUNK", 2)
    moment = timezone.now()
    made = InvoiceFactory.create_batch(5)
    Invoice.objects.filter(pk__in=[one.pk for one in made[:3]]).update(created_at=moment)

    with CaptureQueriesContext(connection) as queries:
        found = exported(client, desk, "all", "?o=3")

    expected = Invoice.objects.order_by("-created_at", "-pk").values_list("custom_id", flat=True)
    assert [row["custom_id"] for row in found] == list(expected)
    assert not any("DECLARE" in query["sql"] for query in queries)


@pytest.mark.django_db(transaction=True)
def test_under_asgi_a_file_is_sent_piece_by_piece(login, desk, monkeypatch):
    monkeypatch.setattr(export, "CHUNK", 2)
    monkeypatch.setattr(export, "_AT_ONCE", 2)
    InvoiceFactory.create_batch(5)
    client = login("superuser")

    async def read():
        asking = AsyncClient()
        asking.cookies = client.cookies
        response = await asking.get(desk.url("invoice_export", "all"))
        return [part.decode() async for part in response.streaming_content]

    parts = async_to_sync(read)()

    assert len(parts) == 4
    assert len(list(csv.DictReader(io.StringIO("".join(parts)[1:])))) == 5


def test_amounts_in_a_file_stay_numbers():
    assert safe_cell(Decimal("1E-8")) == "0.00000001"
    assert safe_cell(None) == ""


def test_a_refund_is_in_its_file_with_who_and_why(client, desk):
    invoice = desk.underpaid()
    url = desk.url("invoice_refund", invoice.pk)
    client.post(url, {"reason": "=asked", "version": invoice.version, "destination": "own_account"})

    row = exported(client, desk, "refunds")[0]

    assert (row["status"], row["by"], row["reasons"]) == ("refunded", "superuser", "'=asked")
    assert Decimal(row["refund_amount"]) == invoice.paid_amount


def test_another_model_of_the_shop_finds_invoices_by_autocomplete(client, desk):
    wanted = InvoiceFactory()
    InvoiceFactory.create_batch(3)

    answer = client.get(
        "/admin/autocomplete/",
        {"app_label": "shop", "model_name": "ledgerentry", "field_name": "invoice", "term": wanted.custom_id},
    )

    assert [result["id"] for result in answer.json()["results"]] == [str(wanted.pk)]
