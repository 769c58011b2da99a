"""Server time of the desk on a million invoices, next to a stock changelist of the same model in the same run.

    python -m benchmarks.admin                a throw-away PostgreSQL, 1,000,000 invoices; takes some minutes
    python -m benchmarks.admin --rows 20000   a quick look

A figure is of several requests through Django's test client: middleware, session, permissions, queries and the
rendered page; the network and the browser are not in it. "Processor" is the time that this process and PostgreSQL's
had of the processors, for a request: what else runs on the machine makes a request wait, but adds little to that.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import time
from collections.abc import Iterator
from typing import Any

from benchmarks.processor import processor_seconds
from scripts.throwaway import postgresql

RUNS = 11

# 0.5 % unresolved, 0.05 % quarantined, 0.3 % high risk; spread over a year. An account of 5 %, and one that was closed
# after the first week, so that a list of it begins a long way down.
FILL = """
INSERT INTO shop_order (reference, customer_id, amount, status, created_at, ship_to)
SELECT lpad(to_hex(n), 8, '0'), 1, 100, 'open', now(), 'x' FROM generate_series(1, {rows}) n;

INSERT INTO cryptopay_django_invoice (id, account, environment, gateway_id, custom_id, order_content_type_id,
    order_object_id, status, status_context, quarantine_reason, risk_level, price_amount, price_currency,
    settled_amount, pay_amount,
    pay_currency,
    paid_amount, fee_amount, fee_currency, exchange_rate, network, address, destination_tag, uri, hosted_page_url,
    customer_id, name, description, metadata, success_redirect_url, unsuccess_redirect_url, payer_email, version,
    created_at, updated_at, expires_at, finished_at)
SELECT gen_random_uuid(), CASE WHEN n > {rows} * 0.98 THEN 'closed' WHEN n % 20 = 0 THEN 'second' ELSE 'default' END,
    'sandbox', gen_random_uuid(), 'shop-' || n,
    {order_type}, n::text, status, CASE WHEN status <> 'unresolved' THEN '' ELSE
        (ARRAY['underpaid', 'overpaid', 'paid_late', 'illicit_resource'])[1 + (n / 200) % 4] END,
    CASE WHEN n % 2003 = 0 THEN 'price_amount is 1, ordered was 100' ELSE '' END,
    CASE WHEN status IN ('new', 'cancelled') THEN '' WHEN hashtext('shop-' || n) % 300 = 0 THEN 'high'
        WHEN hashtext('shop-' || n) % 20 = 0 THEN 'medium' ELSE 'low' END, 100, 'EUR',
    CASE WHEN status = 'completed' THEN 100 - (n % 1009 = 0)::int * 20 END, 0.002,
    (ARRAY['BTC', 'ETH', 'USDT', 'LTC', 'BTC', 'TRX', 'USDC', 'BTC', 'ETH', 'DOGE'])[1 + n % 10],
    CASE WHEN status IN ('new', 'cancelled') THEN 0 WHEN status = 'unresolved' THEN 0.0018 ELSE 0.002 END,
    1, 'EUR', 50000, 'bitcoin', '2N' || md5(n::text), '', 'bitcoin:2N' || md5(n::text) || '?amount=0.002', '', '',
    'Order ' || n, '', '{{}}', '', '', '', 4, made, made, made + interval '10 minutes',
    CASE WHEN status IN ('completed', 'refunded', 'cancelled') THEN made + interval '9 minutes' END
FROM (SELECT n, now() - n * interval '365 days' / {rows} AS made, CASE WHEN n % 200 = 0 THEN 'unresolved'
    WHEN n % 100 < 80 THEN 'completed' WHEN n % 100 < 95 THEN 'cancelled' WHEN n % 100 < 97 THEN 'refunded'
    WHEN n < {rows} / 26 THEN 'new' ELSE 'cancelled' END AS status FROM generate_series(1, {rows}) n) seeds;

INSERT INTO cryptopay_django_payment (id, invoice_id, txid, status, amount, risk_score, risk_level,
    risk_resource_name, risk_resource_category, source_addresses, detected_at, confirmed_at)
SELECT gen_random_uuid(), id, md5(custom_id) || md5(address), 'confirmed', paid_amount, 3.2, risk_level, 'default',
    'unknown', '[]', created_at, created_at + interval '5 minutes'
FROM cryptopay_django_invoice WHERE paid_amount > 0;

INSERT INTO cryptopay_django_invoiceevent (uuid, invoice_id, kind, once, actor, detail, created_at, delivered_at,
    attempts, last_error)
SELECT gen_random_uuid(), id, kind, kind, '', '{{}}', created_at, created_at, 0, ''
FROM cryptopay_django_invoice, LATERAL (VALUES ('invoice_created'), (CASE WHEN status = 'unresolved' THEN
    'invoice_unresolved' WHEN status = 'completed' AND settled_amount < price_amount THEN 'invoice_settled_short'
    ELSE 'invoice_' || status END)) kinds (kind) WHERE kind <> 'invoice_new';
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args().rows
    with postgresql(options={"shared_buffers": "1GB", "work_mem": "16MB"}) as server:
        os.environ |= {"DATABASE_URL": server.url, "DJANGO_SETTINGS_MODULE": "tests.settings"}
        import django

        django.setup()
        say(f"{rows:,} invoices, filled in {fill(rows):.0f} s")
        return measure()


def fill(rows: int) -> float:
    """Migrate and fill the database; return the seconds it took to fill."""
    from django.contrib.auth.models import User
    from django.contrib.contenttypes.models import ContentType
    from django.core.management import call_command
    from django.db import connection

    from example_project.shop.models import Order

    call_command("migrate", verbosity=0)
    User.objects.create_superuser("staff")
    began = time.monotonic()
    with connection.cursor() as cursor:
        cursor.execute(FILL.format(rows=rows, order_type=ContentType.objects.get_for_model(Order).pk))
        cursor.execute("VACUUM ANALYZE")
    return time.monotonic() - began


def measure() -> int:
    """Print a table of the median times on a database that was filled."""
    from django.conf import settings
    from django.contrib.auth.models import User
    from django.db import connection
    from django.test import Client

    settings.ROOT_URLCONF = "benchmarks.admin_urls"
    settings.ALLOWED_HOSTS = ["testserver"]
    settings.CRYPTOPAY_ORDER_SEARCH = {"shop.Order": "reference"}
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        version = cursor.fetchone()[0].split()[0]
    client = Client()
    client.force_login(User.objects.get(username="staff"))
    say(f"PostgreSQL {version}, Python {platform.python_version()}, Django {django_version()}, {machine()}\n")
    say("| request | queries | in the database, ms | processor ms | median ms | fastest ms |")
    say("| --- | ---: | ---: | ---: | ---: | ---: |")
    most = slowest = 0.0
    for title, url in requests():
        queries, database, used, times = timed(client, url)
        taken = f"{used:.0f} | {statistics.median(times):.0f} | {min(times):.0f}"
        say(f"| {title} | {queries} | {database:.0f} | {taken} |")
        if "stock" not in title and title != "overview":
            most, slowest = max(most, used), max(slowest, statistics.median(times))
    say(f"\nThe slowest list, search or page of an invoice takes {slowest:.0f} ms; {most:.0f} ms of processor time.")
    say(f"The machine's load was {os.getloadavg()[0]:.1f} at the end.")
    return 0


def requests() -> Iterator[tuple[str, str]]:
    """Yield what is asked for: the list, each choice of each filter, each kind of search, the other pages."""
    from django.urls import reverse

    from cryptopay_django.models import Invoice, Payment

    url = reverse("admin:cryptopay_django_invoice_changelist")
    yield "list", url
    yield "list, page 80", f"{url}?p=80"
    month = time.strftime("%Y-%m", time.gmtime(time.time() - 90 * 86400))
    filters: dict[str, list[str]] = {
        "waits": ["me"],
        "status": ["new", "unresolved", "completed", "refunded", "cancelled"],
        "context": ["underpaid", "overpaid", "paid_late", "illicit_resource"],
        "quarantined": ["yes", "no"],
        "risk": ["high", "medium", "low"],
        "account": ["default", "second", "closed"],
        "created_at": ["today", "7", "30", month],
        "finished_at": ["today", "30", month],
        "coin": ["BTC", "DOGE", "XRP"],
    }
    for name, values in filters.items():
        for value in values:
            yield f"filter {name}={value}", f"{url}?{name}={value}"
    deep = ("waits=me&p=80", "risk=high&p=80", "context=paid_late&p=50")
    for together in (
        "status=unresolved&coin=BTC&risk=high",
        "status=completed&risk=high",
        "status=refunded&coin=LTC",
        f"status=refunded&finished_at={month}",
        "waits=me&coin=BTC",
        "waits=me&account=second",
        "waits=me&risk=high",
        f"context=paid_late&created_at={month}",
        "quarantined=yes&account=second",
        "risk=high&account=second",
        f"risk=high&finished_at={month}",
        "risk=medium&coin=DOGE",
        "account=second&coin=DOGE",
        f"account=second&finished_at={month}",
        "account=closed&status=completed",
        *(deep if Invoice.objects.count() >= 1_000_000 else ()),
    ):
        yield f"filters {together.replace('&', ', ')}", f"{url}?{together}"
    wanted = Invoice.objects.order_by("-created_at")[1234]
    terms = {
        "our id": wanted.pk,
        "the gateway's id": wanted.gateway_id,
        "custom_id": wanted.custom_id,
        "address": wanted.address,
        "transaction": Payment.objects.filter(invoice__status="completed")[0].txid,
        "the order's key": wanted.order_object_id,
        "the order's reference": f"{int(wanted.order_object_id):08x}",
        "nothing": "no-such-thing",
    }
    for name, term in terms.items():
        yield f"search: {name}", f"{url}?q={term}"
    yield "page of an invoice", reverse("admin:cryptopay_django_invoice_change", args=[wanted.pk])
    yield "overview", reverse("admin:cryptopay_django_invoice_overview")
    stock = reverse("stock:cryptopay_django_invoice_changelist")
    yield "stock changelist", stock
    yield "stock changelist, filter status=completed", f"{stock}?status__exact=completed"
    yield "stock changelist, search", f"{stock}?q={wanted.custom_id}"


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def timed(client: Any, url: str) -> tuple[int, float, float, list[float]]:
    """Ask for a page a few times; return how many queries it takes, and ms: theirs, the processor's, each page's."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    client.get(url)
    with CaptureQueriesContext(connection) as queries:
        response = client.get(url)
    asked = [float(query["time"]) * 1000 for query in queries]
    if response.status_code != 200:
        sys.exit(f"{url} was answered {response.status_code}")
    times: list[float] = []
    # PostgreSQL is a child of this process.
    used = processor_seconds(os.getpid())
    for _ in range(RUNS):
        began = time.perf_counter()
        client.get(url)
        times.append((time.perf_counter() - began) * 1000)
        if sum(times) > 15_000:
            break
    used = processor_seconds(os.getpid()) - used
    return len(asked), sum(asked), used * 1000 / len(times), times


def django_version() -> str:
    import django

    return str(django.__version__)


def machine() -> str:
    return f"{os.cpu_count()} cores {platform.machine()}"


if __name__ == "__main__":
    sys.exit(main())
