"""A year of trade: each month's statement has what the gateway had, to the last digit, and real tools balance it."""

from __future__ import annotations

import csv
import io
import shutil
import subprocess
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.test import override_settings
from django.utils import timezone

from cryptopay_django import caching
from cryptopay_django.fields import EXACT
from cryptopay_django.services import begin_books, close_period, keep_books, read_statement, write_statement
from cryptopay_django.services.statements.file_formats import FORMS, can_write
from cryptopay_django.services.statements.periods import named_period
from cryptopay_django.testing.inprocess import InProcessSandbox
from tests.conftest import empty_tables
from tests.services.desk import Wire

from .trade import Trade

# For the year, which takes half a minute: the tests themselves read its files.
pytestmark = [pytest.mark.django_db, pytest.mark.timeout(300)]

ZONE = "Europe/Berlin"
MONTHS = [f"2025-{number:02}" for number in range(1, 13)]
ACTS_A_MONTH = 5

Balances = dict[str, Decimal]


@dataclass
class Year:
    """What happened, and the files of each period."""

    folder: Path
    begun_with: Balances = field(default_factory=dict)
    there: dict[str, Balances] = field(default_factory=dict)
    openings: dict[str, Balances] = field(default_factory=dict)
    closings: dict[str, Balances] = field(default_factory=dict)
    moved: dict[tuple[str, str, str], Decimal] = field(default_factory=dict)
    acts: list[str] = field(default_factory=list)

    def file(self, period: str, form: str) -> Path:
        return self.folder / f"{period}.{FORMS[form].ending}"

    def rows(self, period: str) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(self.file(period, "csv").read_text("utf-8-sig"))))


@pytest.fixture(scope="module")
def year(django_db_setup: Any, django_db_blocker: Any, tmp_path_factory: Any) -> Year:
    """Trade for a year, closing each month, and write its statements; leave nothing behind but files."""
    year = Year(tmp_path_factory.mktemp("year"))
    sandbox = InProcessSandbox(seed="books")
    wire = Wire(sandbox)
    start = named_period("2025", ZONE).since
    with (
        django_db_blocker.unblock(),
        caching.empty_space(),
        override_settings(CRYPTOPAY_HTTP_ADAPTER=wire.adapter_for),
        time_machine.travel(start - timedelta(days=3), tick=False) as clock,
    ):
        sandbox.clock.restart()
        try:
            _trade(year, Trade(wire, clock))
        finally:
            empty_tables("default")
    return year


def _trade(year: Year, trade: Trade) -> None:
    start = named_period("2025", ZONE).since
    trade.pass_time(start - timezone.now() + timedelta(seconds=1))
    year.begun_with = trade.balances()
    begin_books("default", at=start)
    for name in MONTHS:
        month = named_period(name, ZONE)
        trade.month(month.until, ACTS_A_MONTH)
        year.there[name] = trade.balances()
        trade.pass_time(timedelta(hours=1, minutes=5))
        close_period("default", month)
    assert keep_books("default").is_balanced
    for name in (*MONTHS, "2025"):
        statement = read_statement("default", named_period(name, ZONE))
        year.openings[name], year.closings[name] = dict(statement.opening), statement.totals().closing
        for form in filter(can_write, FORMS):
            year.file(name, form).write_bytes(b"".join(write_statement(statement, form)))
    year.acts = trade.done
    for row in trade.sandbox.transactions():
        year.moved[row.reference_type, row.reference_id, row.currency] = row.moves


def known(balances: Balances) -> Balances:
    return {currency: amount for currency, amount in balances.items() if amount}


def test_everything_has_happened_in_the_year(year):
    kinds = {(row["kind"], row["status"]) for name in MONTHS for row in year.rows(name)}

    assert len(set(year.acts)) == 17
    assert kinds >= {
        ("invoice", "completed"), ("invoice", "refunded"), ("invoice", "cancelled"), ("refund", ""),
        ("channel payment", "completed"), ("channel payment", "refunded"), ("return", "completed"),
        ("withdrawal", "completed"), ("withdrawal", "cancelled"), ("deposit", "completed"), ("exchange", ""),
    }  # fmt: skip


@pytest.mark.parametrize("name", MONTHS)
def test_a_month_closes_with_the_gateways_balances(year, name):
    assert known(year.closings[name]) == year.there[name]


def test_a_month_opens_as_the_one_before_it_has_closed(year):
    assert known(year.openings[MONTHS[0]]) == year.begun_with
    for before, after in pairwise(MONTHS):
        assert year.openings[after] == year.closings[before]
    assert year.closings["2025"] == year.closings[MONTHS[-1]]


def test_each_thing_has_moved_what_the_gateways_ledger_says(year):
    booked: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row in year.rows("2025"):
        if row["reference"]:
            booked[row["reference"], row["currency"]] = EXACT.add(
                booked[row["reference"], row["currency"]], Decimal(row["amount"])
            )
    there = {(reference, currency): moved for (_, reference, currency), moved in year.moved.items() if moved}
    before = {key for key in there if key not in booked}

    assert {key: amount for key, amount in booked.items() if amount} == {
        key: moved for key, moved in there.items() if key not in before
    }
    # Three deposits were made before the books begin.
    assert len(before) == 3


@pytest.mark.parametrize("name", MONTHS)
def test_the_lines_of_a_month_lead_from_opening_to_closing(year, name):
    balances: Balances = {}
    for row in year.rows(name):
        currency = row["currency"]
        if row["kind"] == "opening balance":
            balances[currency] = Decimal(row["balance"])
        elif row["kind"] == "closing balance":
            assert balances.pop(currency) == Decimal(row["balance"])
        else:
            balances[currency] = EXACT.add(balances.get(currency, Decimal(0)), Decimal(row["amount"]))
            assert balances[currency] == Decimal(row["balance"])
            assert EXACT.subtract(Decimal(row["gross"]), Decimal(row["fee"])) == Decimal(row["amount"])
            assert row["date"].startswith(name)
    assert balances == {}


def test_what_moved_has_its_value_and_rate(year):
    rows = [row for row in year.rows("2025") if row["amount"] and Decimal(row["amount"])]

    assert [row for row in rows if not row["value"]] == []
    assert [row for row in rows if row["coin"] and row["coin"] != row["currency"] and not row["rate"]] == []


@pytest.mark.parametrize("name", MONTHS)
def test_the_totals_of_a_month_add_up(year, name):
    rows = list(csv.DictReader(io.StringIO(year.file(name, "totals").read_text("utf-8-sig"))))
    sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row in rows:
        sums[row["total"], row["currency"]] = EXACT.add(sums[row["total"], row["currency"]], Decimal(row["amount"]))

    for currency, balance in year.closings[name].items():
        moved = EXACT.subtract(balance, year.openings[name].get(currency, Decimal(0)))
        assert sums["currency", currency] == sums["day", currency] == sums["status", currency] == moved


def test_the_workbook_has_every_digit_as_text(year):
    openpyxl = pytest.importorskip("openpyxl", reason="openpyxl, which reads workbooks, is not installed")
    if not can_write("xlsx"):
        pytest.skip("XlsxWriter is not installed")
    book = openpyxl.load_workbook(year.file("2025", "xlsx"), read_only=True)
    header, *rows = book["Entries"].iter_rows(values_only=True)
    texts = [dict(zip(header, row, strict=False)) for row in rows]

    assert [row["balance"] for row in texts] == [row["balance"] for row in year.rows("2025")]
    assert any(row["amount"] == "0.123456789012345678" for row in texts)
    assert all(isinstance(row["balance (number)"], int | float) for row in texts)
    assert book.sheetnames == ["Entries", "Totals", "About"]


def balances_of(text: str) -> Balances:
    """Read what Ledger and hledger print of one account, a line for each commodity."""
    found = [line.strip().split("  ")[0].rsplit(" ", 1) for line in text.splitlines() if line.strip()]
    return {name.strip('"'): Decimal(amount) for amount, name in found}


def run(tool: str, *arguments: str) -> str:
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed: apt-get install {tool}")
    done = subprocess.run([tool, *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def load(path: Path) -> tuple[list[Any], list[str]]:
    """Let Beancount read a journal; return its entries, and what it says against it."""
    loader = pytest.importorskip("beancount.loader", reason="beancount is not installed: pip install beancount")
    entries, errors, _options = loader.load_file(str(path))
    return entries, [error.message for error in errors]


@pytest.mark.parametrize("name", [*MONTHS, "2025"])
@pytest.mark.parametrize("tool", ["ledger", "hledger"])
def test_ledger_and_hledger_balance_it_to_the_last_digit(year, name, tool):
    file = str(year.file(name, "ledger"))

    shown = run(tool, "-f", file, "balance", "Assets:Cryptopay:Default", "--no-total")

    assert known(balances_of(shown)) == known(year.closings[name])


@pytest.mark.parametrize("tool", ["ledger", "hledger"])
def test_ledger_and_hledger_refuse_it_where_the_last_digit_is_wrong(year, tmp_path, tool):
    text = year.file("2025", "ledger").read_text()
    wrong = tmp_path / "wrong.journal"
    wrong.write_text(text.replace("123456789012345678 ETH", "123456789012345677 ETH", 1))

    with pytest.raises(AssertionError, match=r"(?i)balance"):
        run(tool, "-f", str(wrong), "balance")


@pytest.mark.parametrize("name", [*MONTHS, "2025"])
def test_beancount_balances_it_without_a_tolerance(year, name):
    entries, errors = load(year.file(name, "beancount"))

    assert errors == []
    assert {entry.tolerance for entry in entries if type(entry).__name__ == "Balance"} == {Decimal(0)}
    asserted = {entry.amount.currency: entry.amount.number for entry in entries if type(entry).__name__ == "Balance"}
    assert known(asserted) == known(year.closings[name])


def test_beancount_refuses_it_where_the_last_digit_is_wrong(year, tmp_path):
    text = year.file("2025", "beancount").read_text()
    wrong = tmp_path / "wrong.beancount"
    wrong.write_text(text.replace("123456789012345678 ETH", "123456789012345677 ETH", 1))

    _entries, errors = load(wrong)

    assert any("Balance failed" in error for error in errors)
