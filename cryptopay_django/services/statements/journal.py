"""Writes a statement as a journal of double entries that Ledger and hledger read, or as one for Beancount.

What these tools need to balance to the last digit: every amount written out, with all decimals of its currency and
nothing between the digits; total prices (`@@`) and no prices for one, whose product would leave a rest; two spaces
before an amount; no amount of nothing; no mark at the beginning of the file.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from ...fields import EXACT
from ...gateway.currencies import FIAT
from ...models import EntryKind
from .columns import places_of, write_amount, write_time
from .movements import ZERO
from .statement import Statement, StatementLine, Sum, Totals, decimals_of

OPENING = "Equity:Cryptopay:Opening"
FEES, NETWORK_FEES = "Expenses:Cryptopay:Fees", "Expenses:Cryptopay:NetworkFees"
ACCOUNTS = {
    EntryKind.INVOICE: "Income:Cryptopay:Invoices",
    EntryKind.CHANNEL_PAYMENT: "Income:Cryptopay:ChannelPayments",
    EntryKind.REFUND: "Liabilities:Cryptopay:Customers",
    EntryKind.RETURN: "Income:Cryptopay:Returns",
    EntryKind.WITHDRAWAL: "Equity:Cryptopay:Withdrawals",
    EntryKind.DEPOSIT: "Equity:Cryptopay:Deposits",
    EntryKind.EXCHANGE: "Equity:Cryptopay:Exchanges",
    EntryKind.OTHER: "Equity:Cryptopay:Other",
    EntryKind.ADJUSTMENT: "Equity:Cryptopay:Adjustments",
}
"""The account on the other side of each kind of entry."""


@dataclass(frozen=True, slots=True)
class Posting:
    """One side of a double entry; `total` is its whole price in `total_currency`, without a sign."""

    account: str
    amount: Decimal
    currency: str
    total: Decimal | None = None
    total_currency: str = ""


def postings_of(line: StatementLine, own: str) -> list[Posting]:
    """Return the double entry of a line, which sums up to nothing. `own` is the account at the gateway.

    Coins have a total price where their value is known. Then the other side is in that currency; else it is in coins.
    """
    entry = line.entry
    parts = [(own, entry.amount), (FEES, entry.fee_amount)]
    if entry.coin == entry.currency and entry.network_fee_amount and entry.amount < 0:
        parts.append((NETWORK_FEES, entry.network_fee_amount))
    parts = [(account, amount) for account, amount in parts if amount]
    other = ACCOUNTS[EntryKind(entry.kind)]
    priced = _priced(line, parts)
    if priced is None:
        postings = [Posting(account, amount, entry.currency) for account, amount in parts]
        rest = EXACT.minus(_sum(amount for _, amount in parts))
        currency = entry.currency
    else:
        postings = [
            Posting(account, amount, entry.currency, abs(worth), entry.value_currency)
            for (account, amount), worth in zip(parts, priced, strict=True)
        ]
        rest, currency = EXACT.minus(_sum(priced)), entry.value_currency
    return [*postings, Posting(other, rest, currency)] if rest else postings


def _priced(line: StatementLine, parts: Sequence[tuple[str, Decimal]]) -> list[Decimal] | None:
    """Return what each part was worth; None where that is not known, is nothing, or is the amount itself."""
    entry = line.entry
    if entry.currency in FIAT or entry.rate is None or not entry.value_amount:
        return None
    unit = Decimal(1).scaleb(-places_of(entry.value_currency))
    found = [EXACT.multiply(amount, entry.rate).quantize(unit, context=EXACT) for _account, amount in parts]
    return found if all(found) else None


def _sum(amounts: Iterator[Decimal] | Sequence[Decimal]) -> Decimal:
    total = ZERO
    for amount in amounts:
        total = EXACT.add(total, amount)
    return total


class Journal(ABC):
    """A statement as a journal. A subclass knows how its tool writes things."""

    def __init__(self, statement: Statement) -> None:
        self.statement = statement
        part = re.sub(r"[^A-Za-z0-9-]", "-", statement.books.account).capitalize()
        self.own = f"Assets:Cryptopay:{part if part[:1].isalnum() else f'X{part}'}"

    def write(self) -> Iterator[str]:
        """Yield the text of the journal in pieces: opening balances, entries, and the closing balances asserted."""
        statement, totals = self.statement, self.statement.totals()
        yield from self.head(totals)
        for currency, balance in sorted(statement.opening.items()):
            if balance:
                both = [Posting(self.own, balance, currency), Posting(OPENING, EXACT.minus(balance), currency)]
                yield self.entry(statement.period.first, "opening balance", both)
        for line in statement.lines():
            if postings := postings_of(line, self.own):
                yield self.entry(statement.period.day_of(line.entry.booked_at), _title(line), postings, _about(line))
        yield from self.foot(totals)

    def amount(self, amount: Decimal, currency: str) -> str:
        """Write an amount with its currency."""
        return f"{write_amount(amount, currency)} {self.commodity(currency)}"

    def posting(self, posting: Posting) -> str:
        """Write one side of a double entry."""
        priced = ""
        if posting.total is not None:
            priced = f" @@ {self.amount(posting.total, posting.total_currency)}"
        return f"  {posting.account}  {self.amount(posting.amount, posting.currency)}{priced}\n"

    @abstractmethod
    def commodity(self, currency: str) -> str:
        """Write a currency's name."""

    @abstractmethod
    def head(self, totals: Totals) -> Iterator[str]:
        """Yield what stands before the entries."""

    @abstractmethod
    def entry(self, day: date, title: str, postings: Sequence[Posting], about: dict[str, str] | None = None) -> str:
        """Write one double entry."""

    @abstractmethod
    def foot(self, totals: Totals) -> Iterator[str]:
        """Yield what asserts the closing balances."""


class LedgerJournal(Journal):
    """A journal for Ledger and hledger."""

    def commodity(self, currency: str) -> str:
        return currency if re.fullmatch(r"[A-Za-z_]+", currency) else f'"{currency.replace(chr(34), "")}"'

    def head(self, totals: Totals) -> Iterator[str]:
        yield f"; Cryptopay, account {self.statement.books.account}, {self.statement.period}\n\n"
        for currency, balance in totals.closing.items():
            booked = totals.currencies.get(currency, Sum()).decimals
            if places := max(places_of(currency), booked, decimals_of(balance)):
                name = self.commodity(currency)
                yield f"commodity {name}\n  format 1000.{'0' * places} {name}\n"
        yield "\n"

    def entry(self, day: date, title: str, postings: Sequence[Posting], about: dict[str, str] | None = None) -> str:
        notes = "".join(f"  ; {name}: {_one_line(text)}\n" for name, text in (about or {}).items())
        return f"{day} * {_one_line(title)}\n{notes}{''.join(map(self.posting, postings))}\n"

    def foot(self, totals: Totals) -> Iterator[str]:
        for currency, balance in totals.closing.items():
            asserted = f"{self.amount(ZERO, currency)} = {self.amount(balance, currency)}"
            yield f"{self.statement.period.last} * closing balance\n  {self.own}  {asserted}\n\n"


class BeancountJournal(Journal):
    """A journal for Beancount. Its closing balances are asserted without a tolerance."""

    def commodity(self, currency: str) -> str:
        name = re.sub(r"[^A-Z0-9'._-]", "-", currency.upper())
        return name if name[:1].isalpha() else f"/{name}"

    def head(self, totals: Totals) -> Iterator[str]:
        period = self.statement.period
        yield f'option "title" "Cryptopay, account {_quoted(self.statement.books.account)}, {period}"\n\n'
        for account in (self.own, OPENING, FEES, NETWORK_FEES, *ACCOUNTS.values()):
            yield f"{period.first} open {account}\n"
        yield "\n"

    def entry(self, day: date, title: str, postings: Sequence[Posting], about: dict[str, str] | None = None) -> str:
        notes = "".join(f'  {name}: "{_quoted(text)}"\n' for name, text in (about or {}).items())
        return f'{day} * "{_quoted(title)}"\n{notes}{"".join(map(self.posting, postings))}\n'

    def foot(self, totals: Totals) -> Iterator[str]:
        for currency, balance in totals.closing.items():
            name = self.commodity(currency)
            yield f"{self.statement.period.after} balance {self.own}  {write_amount(balance, currency)} ~ 0 {name}\n"


def _title(line: StatementLine) -> str:
    entry = line.entry
    return " ".join(part for part in (entry.kind, entry.order_id or entry.custom_id) if part)


def _about(line: StatementLine) -> dict[str, str]:
    """Return what is known of an entry beside its amounts: names that all of the tools take, and texts."""
    entry = line.entry
    rate = f"{entry.rate:f}" if entry.rate is not None else ""
    coins = f"{write_amount(entry.coin_amount, entry.coin)} {entry.coin}" if entry.coin_amount is not None else ""
    found = {
        "reference": str(entry.reference) if entry.family else "",
        "custom_id": entry.custom_id,
        "time": write_time(entry.booked_at),
        "status": entry.status,
        "rate": rate,
        "rate_source": entry.rate_source,
        "coins": coins,
        "txid": entry.txid,
        "note": entry.note,
    }
    return {name: text for name, text in found.items() if text}


def _one_line(text: str) -> str:
    """Return a text that Ledger and hledger take as it is: no comment, date or further tag begins in it."""
    return " ".join(re.sub(r"[;,\[\]|\x00-\x1f\x7f]", " ", text).split())


def _quoted(text: str) -> str:
    return " ".join(text.split()).replace("\\", "\\\\").replace('"', '\\"')
