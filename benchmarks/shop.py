"""Fills a database with the invoices of a healthy shop, by INSERT .. SELECT: a million takes a minute or two.

Over a year: 80 % completed, 0.5 % unresolved, 0.05 % quarantined, 0.3 % of a high risk; an account with 5 %, and one
that was closed after the first week, so a list of it begins a long way down. Each row has the defaults of its model,
and a few columns that an expression gives: `n` is the number of the invoice, 1 is the newest and inserted last.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import connection, models

from cryptopay_django.conf import get_account
from cryptopay_django.models import Callback, Invoice, InvoiceEvent, Payment, Resolution

YEAR = 365 * 86_400
COINS = ("BTC", "ETH", "USDT", "LTC", "BTC", "TRX", "USDC", "BTC", "ETH", "DOGE")
CONTEXTS = ("underpaid", "overpaid", "paid_late", "illicit_resource")
ENDED = "('completed', 'refunded', 'cancelled')"


@dataclass(frozen=True)
class Dialect:
    """The SQL in which the databases differ. A percent sign is doubled, because the statements have parameters."""

    key: str
    numbers: str
    seconds_ago: str
    joined: str
    later: str = "{column}"

    def ago(self, seconds: str) -> str:
        """Return the moment so many seconds ago."""
        return self.seconds_ago.format(seconds=seconds)

    def text(self, prefix: str, column: str) -> str:
        return self.joined.format(prefix=prefix, column=column)


DIALECTS = {
    "postgresql": Dialect(
        key="gen_random_uuid()",
        numbers="generate_series({rows}, 1, -1) AS numbers(n)",
        seconds_ago="now() - ({seconds}) * interval '1 second'",
        joined="'{prefix}' || {column}",
    ),
    "mysql": Dialect(
        key="uuid()",
        numbers="(SELECT seq AS n FROM seq_{rows}_to_1) AS numbers",
        seconds_ago="utc_timestamp(6) - INTERVAL ({seconds}) SECOND",
        joined="concat('{prefix}', {column})",
    ),
    "sqlite": Dialect(
        key="lower(hex(randomblob(16)))",
        numbers="(WITH RECURSIVE counted(n) AS (SELECT {rows} UNION ALL SELECT n - 1 FROM counted WHERE n > 1)"
        " SELECT n FROM counted) AS numbers",
        seconds_ago="strftime('%%Y-%%m-%%d %%H:%%M:%%f', 'now', '-' || ({seconds}) || ' seconds')",
        joined="'{prefix}' || {column}",
    ),
}


def dialect() -> Dialect:
    """Return the SQL of the database in use."""
    return DIALECTS[connection.vendor]


def fill(rows: int, *, callbacks: bool = True, analyze: bool = True, order_type: int | None = None) -> float:
    """Insert so many invoices with their payments, events and last callbacks; return the seconds that it took.

    Tables must be there. Without `analyze` the statistics stay as they are. `order_type` is the content type of the
    shop's orders: the invoices are of the orders 1, 2, 3 and so on.
    """
    from benchmarks.rows import gather_statistics

    began = time.monotonic()
    _insert_invoices(rows, order_type)
    invoices = f"{table(Invoice)} i"
    insert(
        Payment,
        f"FROM {invoices} WHERE i.version > 1",
        {"id": dialect().key, "invoice_id": "i.id", "txid": dialect().text("tx", "i.custom_id"),
         "risk_level": "i.risk_level", "amount": "i.paid_amount",
         "detected_at": "i.created_at", "confirmed_at": "i.updated_at"},
        status="confirmed",
    )  # fmt: skip
    kind = dialect().text("invoice_", "i.status")
    short = f"i.settled_amount < {amount('100')}"
    for kinds, where in (("'invoice_created'", "1 = 1"), ("'invoice_settled_short'", short),
                         (kind, f"i.status <> 'new' AND NOT coalesce({short}, 1 = 0)")):  # fmt: skip
        insert(
            InvoiceEvent,
            f"FROM {invoices} WHERE {where}",
            {"uuid": dialect().key, "subject": "i.id", "invoice_id": "i.id", "kind": kinds, "once": kinds,
             "created_at": "i.created_at", "delivered_at": "i.created_at"},
        )  # fmt: skip
    insert(
        Resolution,
        f"FROM {invoices} WHERE i.status = 'refunded'",
        {"id": dialect().key, "invoice_id": "i.id", "created_at": "i.created_at", "sent_at": "i.created_at",
         "finished_at": "i.updated_at"},
        kind="refund", status="succeeded", active=None, actor="staff", reason="paid too late",
    )  # fmt: skip
    if callbacks:
        insert(
            Callback,
            f"FROM {invoices} WHERE i.version > 1",
            {"invoice_id": "i.id", "received_at": "i.updated_at", "processed_at": "i.updated_at",
             "digest": dialect().text("of ", "i.custom_id"), "account": "i.account"},
            body=b"{}", outcome="applied", event="invoice", secret_index=0, secret_mark="the only one",
        )  # fmt: skip
    if analyze:
        gather_statistics()
    return time.monotonic() - began


def _insert_invoices(rows: int, order_type: int | None) -> None:
    d, step = dialect(), YEAR / rows
    paid = "status IN ('completed', 'refunded', 'unresolved')"
    status = (
        "CASE WHEN n %% 200 = 0 THEN 'unresolved' WHEN n %% 100 < 80 THEN 'completed'"
        " WHEN n %% 100 < 95 THEN 'cancelled' WHEN n %% 100 < 97 THEN 'refunded'"
        f" WHEN n < {rows / 26} THEN 'new' ELSE 'cancelled' END"
    )
    seeds = d.numbers.format(rows=rows)
    insert(
        Invoice,
        f"FROM (SELECT n, {status} AS status, {d.ago(f'n * {step}')} AS made,"
        f" {d.ago(f'n * {step} - 540')} AS ended, {d.ago(f'n * {step} - 600')} AS until FROM {seeds}) seeds",
        {
            "id": d.key,
            "gateway_id": d.key,
            "custom_id": d.text("shop-", "n"),
            "account": f"CASE WHEN n > {rows * 0.98} THEN 'closed' WHEN n %% 20 = 0 THEN 'second' ELSE 'default' END",
            "status": "status",
            "status_context": f"CASE WHEN status = 'unresolved' THEN {_one_of(CONTEXTS, '(n - n %% 200) / 200')}"
            " ELSE '' END",
            "quarantine_reason": "CASE WHEN n %% 2003 = 0 THEN 'price_amount is 1, ordered was 100' ELSE '' END",
            "risk_level": f"CASE WHEN NOT {paid} THEN '' WHEN n %% 307 = 0 THEN 'high' WHEN n %% 19 = 0 THEN 'medium'"
            " ELSE 'low' END",
            "settled_amount": f"CASE WHEN status = 'completed' THEN CASE WHEN n %% 1009 = 0 THEN {amount('80')}"
            f" ELSE {amount('100')} END END",
            "pay_currency": _one_of(COINS, "n"),
            "paid_amount": f"CASE WHEN status = 'unresolved' THEN {amount('0.0018')} WHEN {paid} THEN"
            f" {amount('0.002')} ELSE {amount('0')} END",
            "address": d.text("2N", "n"),
            "uri": d.text("bitcoin:2N", "n"),
            "name": d.text("Order ", "n"),
            "version": f"CASE WHEN {paid} THEN 4 ELSE 1 END",
            "created_at": "made",
            "updated_at": "ended",
            "expires_at": "until",
            "finished_at": f"CASE WHEN status IN {ENDED} THEN ended END",
            **({"order_object_id": d.text("", "n")} if order_type else {}),
        },
        order_content_type_id=order_type,
        environment=get_account("default").environment,
        price_amount=Decimal(100),
        price_currency="EUR",
        pay_amount=Decimal("0.002"),
        fee_amount=Decimal(1),
        fee_currency="EUR",
        exchange_rate=Decimal(50_000),
        network="bitcoin",
    )


def insert(model: type[models.Model], source: str, expressions: Mapping[str, str], **constants: Any) -> int:
    """Insert a row for each row of a FROM clause: what is not named has the default of its field. Return how many."""
    columns: list[str] = []
    values: list[str] = []
    parameters: list[Any] = []
    for field in model._meta.concrete_fields:
        if field.attname in expressions:
            values.append(expressions[field.attname])
        elif isinstance(field, models.AutoField):
            continue
        else:
            constant = constants[field.attname] if field.attname in constants else field.get_default()
            values.append("%s")
            parameters.append(field.get_db_prep_save(constant, connection))
        columns.append(connection.ops.quote_name(field.column))
    if unknown := {*expressions, *constants} - {field.attname for field in model._meta.concrete_fields}:
        raise ValueError(f"{model.__name__} has no {', '.join(sorted(unknown))}")
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table(model)} ({', '.join(columns)}) SELECT {', '.join(values)} {source}", parameters
        )
        return cursor.rowcount


def table(model: type[models.Model]) -> str:
    return connection.ops.quote_name(model._meta.db_table)


def amount(value: str) -> str:
    """Return an amount as SQL of the database in use: SQLite keeps it as text."""
    kept = Invoice._meta.get_field("paid_amount").get_db_prep_save(Decimal(value), connection)
    return f"'{kept}'" if isinstance(kept, str) else str(kept)


def _one_of(values: tuple[str, ...], number: str) -> str:
    """Return SQL that deals the values out by a number."""
    whens = " ".join(f"WHEN {index} THEN '{value}'" for index, value in enumerate(values))
    return f"CASE ({number}) %% {len(values)} {whens} END"
