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


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args().rows
    with postgresql(options={"shared_buffers": "1GB", "work_mem": "16MB"}) as server:
        os.environ |= {"DATABASE_URL": server.url, "DJANGO_SETTINGS_MODULE": "tests.settings"}
        import django

        django.setup()
        from benchmarks.pages import set_up

        begun = time.monotonic()
        set_up(rows)
        say(f"{rows:,} invoices, filled in {time.monotonic() - begun:.0f} s")
        return measure()


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
