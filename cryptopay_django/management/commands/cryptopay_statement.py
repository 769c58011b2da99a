"""Implements `manage.py cryptopay_statement`: keeps the books of an account, writes, closes and mails statements."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from ...conf import account_names
from ...exceptions import BooksError, GatewayError
from ...services import (
    Period,
    Statement,
    adjust_books,
    begin_books,
    close_period,
    find_staff,
    keep_books,
    mail_statement,
    named_period,
    read_statement,
    verify_period,
    write_statement,
)
from ...services.statements.file_formats import FORMS

_PATIENCE = 3600.0
"""Seconds to wait in all for calls of the ledger: twenty pages a minute of an account are left to it."""


class Command(BaseCommand):
    help = (
        "Bring the books of an account up to date, check them against the gateway's balances and ledger, and write "
        "the statement of a period. Exits 2 when the books and the gateway differ, 1 when something failed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--account", help="the key in CRYPTOPAY_ACCOUNTS; the first one by default")
        parser.add_argument(
            "--begin", type=_day, metavar="YYYY-MM-DD", help="begin the books of the account on this day, once"
        )
        parser.add_argument(
            "--period", help="a day, a month or a year such as 2026-11-30, 2026-11, 2026; yesterday; last-month"
        )
        parser.add_argument("--from", dest="first", type=_day, metavar="YYYY-MM-DD", help="the first day")
        parser.add_argument("--to", dest="last", type=_day, metavar="YYYY-MM-DD", help="the last day, which is in it")
        parser.add_argument("--time-zone", help="in which the days are, such as Europe/Berlin; TIME_ZONE by default")
        parser.add_argument("--format", choices=list(FORMS), default="csv", help="the form of the file")
        parser.add_argument("--output", type=Path, help="the file to write; without it, standard output")
        parser.add_argument("--close", action="store_true", help="close the period: its figures never change then")
        parser.add_argument(
            "--mail",
            nargs="+",
            metavar="STAFF",
            default=[],
            help="close the period and mail its statement to these members of staff, once to each: for cron",
        )
        parser.add_argument(
            "--accept-differences", action="store_true", help="close although the books and the gateway differ"
        )
        parser.add_argument(
            "--adjust",
            metavar="REASON",
            help="book what the books lack to be as the gateway's balances are; with --actor",
        )
        parser.add_argument("--actor", default="", help="who closes or adjusts")
        parser.add_argument("--wait", type=float, default=_PATIENCE, help="seconds to wait for calls, in all")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do what was asked, in this order: begin, adjust, keep or close, write, mail."""
        try:
            self._run(**options)
        except (BooksError, GatewayError) as error:
            raise CommandError(str(error)) from error

    def _run(self, **options: Any) -> None:
        account, wait = _account(options["account"]), options["wait"]
        zone = options["time_zone"] or timezone.get_default_timezone_name()
        addresses = find_staff(options["mail"])
        if (first := options["begin"]) is not None:
            books = begin_books(account, at=Period(first, first + timedelta(days=1), zone).since, patience=wait)
            self.stdout.write(f"the {books} begin at {books.begin_at.isoformat()}")
        if options["adjust"] is not None:
            check = adjust_books(account, actor=options["actor"], reason=options["adjust"], patience=wait)
            for currency, amount in check.missing.items():
                self.stdout.write(f"adjusted by {amount:f} {currency}")
        period = _period(options, zone)
        if period is None:
            if first is None:
                self._keep(account, wait)
            return
        if options["close"] or addresses:
            statement = close_period(
                account,
                period,
                actor=options["actor"],
                accept_differences=options["accept_differences"],
                patience=wait,
            )
            verify_period(statement)
            self._write(statement, options)
            self._mail(statement, addresses, options["format"])
        else:
            statement = read_statement(account, period)
            differs = not statement.is_final and self._differs(account, wait)
            statement = read_statement(account, period)
            verify_period(statement)
            self._write(statement, options)
            if differs:
                raise CommandError("the books and the gateway differ", returncode=2)

    def _keep(self, account: str, wait: float) -> None:
        if self._differs(account, wait):
            raise CommandError("the books and the gateway differ", returncode=2)

    def _differs(self, account: str, wait: float) -> bool:
        """Bring the books up to date; name what differs on stderr."""
        check = keep_books(account, patience=wait)
        for line in (*check.differences, *(f"a row of the ledger cannot be read: {one}" for one in check.unreadable)):
            self.stderr.write(line)
        self.stderr.write(f"books of account {account}: {check.made} new entries")
        return not check.is_balanced

    def _write(self, statement: Statement, options: dict[str, Any]) -> None:
        path, form = options["output"], options["format"]
        if path is not None:
            beside = path.with_name(f"{path.name}.part")
            with beside.open("wb") as file:
                file.writelines(write_statement(statement, form))
            beside.replace(path)
            self.stdout.write(f"wrote {path}: {statement.period}")
        elif options["mail"] or options["close"]:
            self.stdout.write(f"closed: {statement.period}")
        elif form == "xlsx":
            raise CommandError("a workbook is no text: name a file with --output")
        else:
            for piece in write_statement(statement, form):
                self.stdout.write(piece.decode(), ending="")

    def _mail(self, statement: Statement, addresses: list[str], form: str) -> None:
        for address in mail_statement(statement, addresses, forms=[form]) if addresses else ():
            self.stdout.write(f"mailed to {address}")


def _account(name: str | None) -> str:
    names = account_names()
    if name is None and names:
        return names[0]
    if name not in names:
        raise BooksError(f"there is no account {name!r} in CRYPTOPAY_ACCOUNTS: use {', '.join(names)}")
    return name


def _period(options: dict[str, Any], zone: str) -> Period | None:
    """Return the period that was asked for; None if none was."""
    first, last = options["first"], options["last"]
    if options["period"] and (first or last):
        raise BooksError("name the period by --period, or by --from and --to")
    if options["period"]:
        return named_period(options["period"], zone)
    if first is None and last is None:
        if options["close"] or options["mail"] or options["output"]:
            raise BooksError("name the period: --period, or --from and --to")
        return None
    if first is None or last is None:
        raise BooksError("a period needs both --from and --to")
    return Period(first, last + timedelta(days=1), zone)


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or not 1970 <= day.year < 9000:
        raise ArgumentTypeError(f"must be a day such as 2026-11-14, not {text!r}")
    return day
