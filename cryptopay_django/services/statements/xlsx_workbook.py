"""Writes a statement as a workbook with XlsxWriter. To be imported only where the extra `xlsx` is installed.

A spreadsheet keeps 15 digits of a number. So each amount is there twice: as text, with every digit, and as a number
to be added up, which may be rounded. Texts are never formulas.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, BinaryIO

import xlsxwriter

from ...exceptions import BooksError
from .columns import AMOUNTS, COLUMNS, cells_of, edge_cells, places_of
from .csv_tables import TOTALS, total_rows
from .statement import Statement, StatementLine, Totals

MOST_ROWS = 1_000_000
_LONGEST = 32_000
_WIDTHS = {"time": 19, "happened_at": 19, "reference": 36, "custom_id": 36, "txid": 40, "note": 24}
_ABOUT = (
    ("Amounts", "as text they have every digit; the columns with (number) are to be added up, and may be rounded"),
    ("Times", "in UTC"),
)


def write_workbook(statement: Statement, file: BinaryIO) -> None:
    """Write a statement into a binary file. Raises BooksError if it has more lines than a sheet has rows."""
    book = xlsxwriter.Workbook(
        file, {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "in_memory": False}
    )
    try:
        writer = _Writer(book, statement)
        totals = writer.write_lines()
        writer.write_totals(totals)
        writer.write_about(totals)
    finally:
        book.close()


class _Writer:
    def __init__(self, book: Any, statement: Statement) -> None:
        self.book, self.statement = book, statement
        self.bold = book.add_format({"bold": True})
        self.time = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        self.formats: dict[int, Any] = {}

    def write_lines(self) -> Totals:
        """Write the sheet of all entries; return their totals."""
        sheet, statement = self._sheet("Entries"), self.statement
        header = [title for name in COLUMNS for title in self._titles(name)]
        for column, title in enumerate(header):
            sheet.set_column(column, column, _WIDTHS.get(title, 14))
            sheet.write_string(0, column, title, self.bold)
        sheet.autofilter(0, 0, 0, len(header) - 1)
        totals, number = Totals(dict(statement.opening)), 0
        for currency, balance in sorted(statement.opening.items()):
            number += 1
            cells = edge_cells(statement, "opening", currency, balance)
            self._row(sheet, number, cells, {"balance": (balance, currency)})
        for line in statement.lines(totals):
            number += 1
            if number > MOST_ROWS:
                raise BooksError(f"the statement {statement.period} has too many lines for a workbook: write CSV")
            self._row(sheet, number, cells_of(statement, line), self._numbers(line), line)
        for currency, balance in totals.closing.items():
            number += 1
            cells = edge_cells(statement, "closing", currency, balance)
            self._row(sheet, number, cells, {"balance": (balance, currency)})
        return totals

    def write_totals(self, totals: Totals) -> None:
        """Write the sheet of the totals: numbers, with every digit as text beside them."""
        sheet = self._sheet("Totals")
        exact = [f"{title} (text)" for title in TOTALS[5:]]
        for column, title in enumerate((*TOTALS, *exact)):
            sheet.set_column(column, column, 16)
            sheet.write_string(0, column, title, self.bold)
        for number, row in enumerate(total_rows(totals), 1):
            currency = str(row[3])
            for column, cell in enumerate(row):
                if isinstance(cell, Decimal):
                    sheet.write_number(number, column, float(cell), self._format(places_of(currency)))
                    sheet.write_string(number, column + len(exact), f"{cell:f}")
                elif isinstance(cell, int):
                    sheet.write_number(number, column, cell)
                elif cell:
                    sheet.write_string(number, column, cell[:_LONGEST])

    def write_about(self, totals: Totals) -> None:
        """Write what the statement is of, for who opens the file later."""
        sheet, statement = self._sheet("About"), self.statement
        sheet.set_column(0, 1, 30)
        state = "closed: its figures do not change" if statement.is_final else "open: its figures can still change"
        rows = (
            ("Account", f"{statement.books.account} at {statement.books.environment}"),
            ("First day", str(statement.period.first)),
            ("Last day", str(statement.period.last)),
            ("Time zone", statement.period.zone),
            ("Period", state),
            ("Entries", str(totals.count)),
            *_ABOUT,
        )
        for number, (name, text) in enumerate(rows):
            sheet.write_string(number, 0, name, self.bold)
            sheet.write_string(number, 1, text)

    def _sheet(self, name: str) -> Any:
        sheet = self.book.add_worksheet(name)
        sheet.freeze_panes(1, 0)
        return sheet

    def _titles(self, name: str) -> tuple[str, ...]:
        return (name, f"{name} (number)") if name in AMOUNTS else (name,)

    def _numbers(self, line: StatementLine) -> dict[str, tuple[Decimal, str]]:
        read = {name: column(line) for name, column in AMOUNTS.items()}
        return {name: (amount, currency) for name, (amount, currency) in read.items() if amount is not None}

    def _row(
        self,
        sheet: Any,
        number: int,
        cells: dict[str, str],
        amounts: dict[str, tuple[Decimal, str]],
        line: StatementLine | None = None,
    ) -> None:
        column = 0
        for name in COLUMNS:
            if name in AMOUNTS:
                if cells.get(name):
                    sheet.write_string(number, column, cells[name])
                if name in amounts:
                    amount, currency = amounts[name]
                    sheet.write_number(number, column + 1, float(amount), self._format(places_of(currency)))
                column += 2
                continue
            moment = self._moment(name, line)
            if moment is not None:
                sheet.write_datetime(number, column, moment, self.time)
            elif cells.get(name):
                sheet.write_string(number, column, cells[name][:_LONGEST])
            column += 1

    def _moment(self, name: str, line: StatementLine | None) -> datetime | None:
        """Return a time in UTC without its zone: a workbook has none."""
        if line is None or name not in ("time", "happened_at"):
            return None
        found: datetime = line.entry.booked_at if name == "time" else line.entry.happened_at
        return found.astimezone(UTC).replace(tzinfo=None, microsecond=0)

    def _format(self, places: int) -> Any:
        if places not in self.formats:
            self.formats[places] = self.book.add_format({"num_format": f"0.{'0' * places}" if places else "0"})
        return self.formats[places]
