"""The files of a statement: safe in a spreadsheet, whole in every digit, and read by the tools that they are for."""

from __future__ import annotations

import csv
import io
import sys
from datetime import UTC, datetime
from decimal import Decimal
from uuid import uuid4

import pytest

from cryptopay_django.exceptions import BooksError
from cryptopay_django.models import BookEntry, Books
from cryptopay_django.services import named_period, read_statement, write_statement
from cryptopay_django.services.statements.file_formats import can_write
from cryptopay_django.services.statements.periods import Period

from .test_year import load, run

pytestmark = pytest.mark.django_db

MARCH = named_period("2026-03", "Europe/Berlin")
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)

NASTY = [
    '=HYPERLINK("https://evil.example")', '"; DROP', "a;b, date:2020-01-01, [=2019-01-01]", "back\\slash", "two\nlines",
    "; comment", "Касса | x", "@@ 1 EUR", "  two  spaces", "-2+3", "tab\there",
]  # fmt: skip


@pytest.fixture
def books():
    return Books.objects.create(
        account="default", environment="sandbox", begin_at=BEGIN, closed_until=BEGIN, read_until=BEGIN
    )


def booked(books, amount, currency="EUR", at=datetime(2026, 3, 10, 12, tzinfo=UTC), **changes):
    values = {
        "kind": "invoice", "family": "Invoice", "reference": uuid4(), "status": "completed", "happened_at": at,
        "booked_at": at, "created_at": at, "fee_amount": Decimal(0), "amount": Decimal(amount), "currency": currency,
    }  # fmt: skip
    return BookEntry.objects.create(books=books, **{**values, **changes})


def written(form, period=MARCH):
    return b"".join(write_statement(read_statement("default", period), form))


def rows(form="csv"):
    return list(csv.DictReader(io.StringIO(written(form).decode("utf-8-sig"))))


def sheet_of_entries():
    openpyxl = pytest.importorskip("openpyxl", reason="openpyxl, which reads workbooks, is not installed")
    if not can_write("xlsx"):
        pytest.skip("XlsxWriter is not installed")
    return openpyxl.load_workbook(io.BytesIO(written("xlsx")))["Entries"]


def journal(tmp_path, form):
    path = tmp_path / f"books.{form}"
    path.write_bytes(written(form))
    return path


@pytest.mark.parametrize("text", NASTY)
def test_texts_of_a_shop_break_no_file(books, tmp_path, text):
    booked(books, "10", custom_id=text, order_id=text[:64])
    booked(books, "5.50", custom_id="plain")

    cell = rows()[0]["custom_id"]
    assert cell.lstrip(" ")[:1] not in "=+-@\t"
    for tool in ("ledger", "hledger"):
        assert "15.50" in run(tool, "-f", str(journal(tmp_path, "ledger")), "balance", "Assets", "--no-total")
    assert load(journal(tmp_path, "beancount"))[1] == []


@pytest.mark.parametrize("text", NASTY)
def test_texts_of_a_shop_are_no_formulas_of_a_workbook(books, text):
    booked(books, "10", custom_id=text, order_id=text[:64])

    cells = [cell for row in sheet_of_entries().iter_rows() for cell in row]

    assert text in [cell.value for cell in cells]
    assert {cell.data_type for cell in cells} <= {"s", "n", "d"}


@pytest.mark.parametrize("currency", ["USDT.TRON", "1INCH", "ETH2", "X"])
def test_names_of_coins_are_written_as_each_tool_takes_them(books, tmp_path, currency):
    booked(books, "1.5", currency)
    booked(books, "-0.000000000000000001", currency, kind="withdrawal")

    for tool in ("ledger", "hledger"):
        shown = run(tool, "-f", str(journal(tmp_path, "ledger")), "balance", "Assets", "--no-total")
        assert "1.499999999999999999" in shown
    assert load(journal(tmp_path, "beancount"))[1] == []


def test_coins_have_a_total_price_and_the_other_side_is_its_sum(books):
    booked(
        books, "0.198", "ETH", kind="refund", fee_amount=Decimal("0.002"), rate=Decimal("3333.333333333333333333"),
        rate_source="market", value_amount=Decimal("660.00"), value_currency="EUR",
    )  # fmt: skip

    lines = [line.strip() for line in written("ledger").decode().splitlines()]

    assert "Assets:Cryptopay:Default  0.19800000 ETH @@ 660.00 EUR" in lines
    assert "Expenses:Cryptopay:Fees  0.00200000 ETH @@ 6.67 EUR" in lines
    assert "Liabilities:Cryptopay:Customers  -666.67 EUR" in lines


@pytest.mark.parametrize("form", ["ledger", "beancount"])
def test_what_is_worth_less_than_a_cent_has_no_price_of_nothing(books, tmp_path, form):
    booked(
        books, "0.00000001", "BTC", fee_amount=Decimal("0.5"), rate=Decimal(50000), rate_source="market",
        value_amount=Decimal("0.00"), value_currency="EUR",
    )  # fmt: skip
    booked(
        books, "1", "BTC", fee_amount=Decimal("0.00000001"), rate=Decimal(50000), rate_source="market",
        value_amount=Decimal("50000.00"), value_currency="EUR",
    )  # fmt: skip

    assert "@@" not in written(form).decode()
    assert load(journal(tmp_path, "beancount"))[1] == []


def test_the_networks_fee_of_coins_that_are_sent_as_they_are_is_an_expense(books):
    booked(
        books, "-0.1", "BTC", kind="withdrawal", family="CoinWithdrawal", coin="BTC",
        coin_amount=Decimal("0.0999"), network_fee_amount=Decimal("0.0001"),
    )  # fmt: skip

    lines = [line.strip() for line in written("ledger").decode().splitlines()]

    assert "Expenses:Cryptopay:NetworkFees  0.00010000 BTC" in lines
    assert "Equity:Cryptopay:Withdrawals  0.09990000 BTC" in lines


def test_a_day_begins_at_midnight_in_the_named_zone_and_ends_before_the_next(books):
    before = datetime(2026, 2, 28, 22, 59, 59, tzinfo=UTC)
    first = datetime(2026, 2, 28, 23, tzinfo=UTC)
    last = datetime(2026, 3, 31, 21, 59, 59, 999999, tzinfo=UTC)  # summer time
    after = datetime(2026, 3, 31, 22, tzinfo=UTC)
    for number, at in enumerate((before, first, last, after), 1):
        booked(books, number, at=at)

    found = [(row["kind"], row["date"], row["balance"]) for row in rows()]

    assert found == [
        ("opening balance", "2026-03-01", "1.00"), ("invoice", "2026-03-01", "3.00"),
        ("invoice", "2026-03-31", "6.00"), ("closing balance", "2026-03-31", "6.00"),
    ]  # fmt: skip


def test_more_entries_than_a_page_are_all_there_and_in_order(books, monkeypatch):
    monkeypatch.setattr("cryptopay_django.services.statements.statement._PAGE", 3)
    same = datetime(2026, 3, 5, tzinfo=UTC)
    for number in range(10):
        booked(books, number + 1, at=same)

    assert [row["amount"] for row in rows()[:-1]] == [f"{number + 1}.00" for number in range(10)]


def test_a_workbook_that_would_lose_lines_is_refused(books, monkeypatch):
    workbook = pytest.importorskip(
        "cryptopay_django.services.statements.xlsx_workbook", reason="XlsxWriter is missing"
    )
    monkeypatch.setattr(workbook, "MOST_ROWS", 3)
    for _ in range(4):
        booked(books, "1")

    with pytest.raises(BooksError, match="too many lines for a workbook: write CSV"):
        written("xlsx")


def test_without_xlsxwriter_there_is_no_workbook_and_it_is_said_how_to_get_one(books, monkeypatch):
    monkeypatch.setitem(sys.modules, "xlsxwriter", None)

    with pytest.raises(BooksError, match=r"cryptopay-django\[xlsx\]"):
        written("xlsx")
    with pytest.raises(BooksError, match="there is no form 'pdf': use csv, totals"):
        written("pdf")


def test_times_in_a_workbook_are_utc(books):
    booked(books, "1")

    assert datetime(2026, 3, 10, 12) in [cell.value for cell in sheet_of_entries()[2]]  # noqa: DTZ001  a workbook has no zones


def test_an_empty_period_has_files_too(books, tmp_path):
    assert rows() == []
    assert rows("totals") == []
    assert load(journal(tmp_path, "beancount"))[1] == []


@pytest.mark.parametrize(
    "text", ["2026-13", "2026-02-30", "March", "", "0000", "1999-01", "2026-3", "٢٠٢٦", "9999-12-31"]
)
def test_what_is_no_period_is_refused(text):
    with pytest.raises(BooksError):
        named_period(text, "UTC")


@pytest.mark.parametrize("zone", ["Berlin", "", "../etc/passwd", "Europe/Ber\x00lin"])
def test_what_is_no_time_zone_is_refused(zone):
    with pytest.raises(BooksError, match="Europe/Berlin or UTC"):
        named_period("2026-03", zone)


def test_a_period_that_ends_before_it_begins_is_refused():
    with pytest.raises(BooksError, match="must end after it begins"):
        Period(MARCH.first, MARCH.first, "UTC")
