"""Writes a statement in the file format that a name stands for: CSV, workbook, or a journal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from tempfile import SpooledTemporaryFile

from ...exceptions import BooksError
from .csv_tables import write_csv, write_totals_csv
from .journal import BeancountJournal, LedgerJournal
from .statement import Statement

_IN_MEMORY = 2_000_000
_BLOCK = 65_536


@dataclass(frozen=True, slots=True)
class FileForm:
    """A form: the ending of its file, its media type, and what yields the bytes."""

    ending: str
    media_type: str
    write: Callable[[Statement], Iterator[bytes]]


def _text(write: Callable[[Statement], Iterator[str]]) -> Callable[[Statement], Iterator[bytes]]:
    return lambda statement: (piece.encode() for piece in write(statement))


def can_write(form: str) -> bool:
    """Return whether what a form needs is installed."""
    return form != "xlsx" or find_spec("xlsxwriter") is not None


def _write_workbook(statement: Statement) -> Iterator[bytes]:
    module = import_module(".xlsx_workbook", __package__)
    with SpooledTemporaryFile(_IN_MEMORY) as file:
        module.write_workbook(statement, file)
        file.seek(0)
        while block := file.read(_BLOCK):
            yield block


_CSV, _XLSX = "text/csv; charset=utf-8", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_PLAIN = "text/plain; charset=utf-8"

FORMS: Mapping[str, FileForm] = {
    "csv": FileForm("csv", _CSV, _text(write_csv)),
    "totals": FileForm("totals.csv", _CSV, _text(write_totals_csv)),
    "xlsx": FileForm("xlsx", _XLSX, _write_workbook),
    "ledger": FileForm("journal", _PLAIN, _text(lambda statement: LedgerJournal(statement).write())),
    "beancount": FileForm("beancount", _PLAIN, _text(lambda statement: BeancountJournal(statement).write())),
}
"""The forms of a file. `ledger` is for Ledger and hledger."""


def write_statement(statement: Statement, form: str) -> Iterator[bytes]:
    """Yield a statement as a file of this form. Raises BooksError for a form that there is not, or not here."""
    if form not in FORMS:
        raise BooksError(f"there is no form {form!r}: use {', '.join(FORMS)}")
    if not can_write(form):
        raise BooksError("a workbook needs XlsxWriter: install cryptopay-django[xlsx]")
    return FORMS[form].write(statement)
