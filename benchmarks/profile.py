"""Where the processor time of each road goes: `python -m benchmarks --parts profile`.

On a PostgreSQL of its own, in one process: requests go through the site's WSGI application, each road in its turn.
What a request costs is measured without a profiler; then cProfile, counting processor time and not what is waited for,
tells how Python's part of it is shared out. Profiling makes functions that call many others look dearer than they are:
read the table for what stands out.
"""

from __future__ import annotations

import argparse
import cProfile
import io
import json
import os
import pstats
import sys
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from time import process_time
from typing import Any

from benchmarks import bodies
from benchmarks.processor import processor_seconds

ROUNDS = 5
COUNTED = 30
"""How many requests of each road its statements are counted of."""

PARTS = {
    "psycopg, but for what is C": "/psycopg/",
    "Django's database layer": "/django/db/",
    "the rest of Django": "/django/",
    "this package: statements that are kept": "/cryptopay_django/models/",
    "this package: reading the body": "/cryptopay_django/gateway/",
    "this package: the rest": "/cryptopay_django/",
    "the peer": "/payments/",
    "the shop's receiver, the floor's view": "/benchmarks/",
    "built-in functions, psycopg's C among them": "~",
}
ELSE = "the standard library"


@dataclass
class Cost:
    """What a request costs: statements (BEGIN and COMMIT too), milliseconds of processor time, shares of Python's."""

    name: str
    statements: float
    python_ms: float
    database_ms: float
    shares: dict[str, float]


@dataclass(frozen=True)
class Road:
    """What is sent, a function of how many, and who processes callbacks meanwhile."""

    name: str
    requests: Callable[[int], list[bytes]]
    processing: str = "request"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--requests", type=int, default=300, help="of each road in each round (default: %(default)s)")
    parser.add_argument("--peers", action="store_true")
    options = parser.parse_args()
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "benchmarks.site.settings",
        "BENCH_PROCESSING": "request",
        "BENCH_CONFIRM": "0",
        "BENCH_PEERS": str(int(options.peers)),
    }
    import django

    django.setup()
    from benchmarks import rows

    rows.migrate()
    roads = [
        Road("floor", lambda count: [one.replace(b"/cryptopay/callbacks/", b"/floor/", 1) for one in unknown(count)]),
        Road("acknowledge", unknown, "worker"),
        Road("repeated", repeated),
        Road("whole road", whole),
        *([Road("django-payments", paid)] if options.peers else []),
    ]
    sys.stdout.write(json.dumps([asdict(cost) for cost in measure(roads, options.requests)]) + "\n")


def unknown(count: int) -> list[bytes]:
    """Return the callbacks of invoices that are not here. No two are equal: a repeated one would only be counted."""
    return [one for _ in range(count // 3 + 1) for one in bodies.callbacks(str(uuid.uuid4()))][:count]


def whole(count: int) -> list[bytes]:
    """Return the three callbacks of each of some invoices that are here."""
    from benchmarks import rows

    return [one for key in rows.make_invoices(count // 3 + 1) for one in bodies.callbacks(key)][:count]


def repeated(count: int) -> list[bytes]:
    """Return one callback over and over, which has come before."""
    came = whole(3)
    post_all(came)
    return came[-1:] * count


def paid(count: int) -> list[bytes]:
    """Return the callbacks of django-payments, whose road is the nearest to ours."""
    from benchmarks import rows

    path, event = "/payments/process/default/", "checkout.session.completed"
    keys = rows.make_payments(count)
    return [bodies.stripe_signed(path, bodies.stripe_event(key, event, bodies.checkout_session(key))) for key in keys]


def measure(roads: Iterable[Road], count: int) -> list[Cost]:
    """Give every road its turn in every round; then count its statements, and profile it."""
    from benchmarks import rows

    costs = {road: Cost(road.name, 0, 0, 0, {}) for road in roads}
    for road in costs:
        with at_work(road, count) as requests:
            post_all(requests)
    rows.gather_statistics()
    each = 1000 / count / ROUNDS
    pid = int(os.environ["BENCH_DATABASE_PID"])
    for _ in range(ROUNDS):
        for road, cost in costs.items():
            with at_work(road, count) as requests:
                python, database = process_time(), processor_seconds(pid)
                post_all(requests)
                cost.python_ms += (process_time() - python) * each
                cost.database_ms += (processor_seconds(pid) - database) * each
    for road, cost in costs.items():
        with at_work(road, COUNTED) as requests:
            cost.statements = count_statements(requests) / COUNTED
        with at_work(road, count) as requests:
            profile = cProfile.Profile(process_time)
            profile.runcall(post_all, requests)
            cost.shares = shares(pstats.Stats(profile))
    return list(costs.values())


@contextmanager
def at_work(road: Road, count: int) -> Iterator[list[bytes]]:
    """Set the site up for a road; clear away what nobody has processed."""
    from django.test.utils import override_settings

    from benchmarks import rows

    requests = road.requests(count)
    with override_settings(CRYPTOPAY_PROCESSING=road.processing):
        yield requests
    rows.forget_pending()


def count_statements(requests: Iterable[bytes]) -> int:
    """Return how many statements these requests send, BEGIN and COMMIT among them."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as captured:
        post_all(requests)
    return len(captured)


def shares(stats: Any) -> dict[str, float]:
    """Share the time that functions use themselves out among PARTS, by their files; together they are 1."""
    times: Counter[str] = Counter()
    for (file, _line, _name), (_calls, _all_calls, own, _cumulative, _callers) in stats.stats.items():
        part = next((name for name, path in PARTS.items() if path in file), ELSE)
        times[part] += own
    total = sum(times.values())
    return {name: times[name] / total for name in (*PARTS, ELSE)}


def post_all(requests: Iterable[bytes]) -> None:
    """Let the WSGI application answer each request; every answer must be 200."""
    from benchmarks.site.wsgi import application

    for request in requests:
        statuses: list[str] = []
        answer: Any = application(environ(request), _noting(statuses))
        b"".join(answer)
        answer.close()
        if statuses != ["200 OK"]:
            raise SystemExit(f"answered {statuses}")


def _noting(statuses: list[str]) -> Callable[..., None]:
    return lambda status, _headers, _error=None: statuses.append(status)


def environ(request: bytes) -> dict[str, Any]:
    """Return a prepared request as WSGI has it."""
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    method, path, protocol = first.split()
    made: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": protocol,
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
    }
    for line in lines:
        name, _, value = line.partition(":")
        key = name.upper().replace("-", "_")
        made[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value.strip()
    return made


if __name__ == "__main__":
    main()
