"""Where the processor time of the whole road goes: `python -m benchmarks.profile`.

On a PostgreSQL of its own, in one process: the callbacks of invoices that are paid in full go through the site's WSGI
application under cProfile, which counts processor time and not what is waited for. Profiling makes Python slower and
the database not: read the shares of Python's part, not its sum.
"""

from __future__ import annotations

import argparse
import cProfile
import io
import os
import pstats
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from time import process_time
from typing import Any

from benchmarks import report
from benchmarks.processor import processor_seconds

WARM = 60
PARTS = {
    "psycopg, but for what is C": "/psycopg/",
    "Django's database layer": "/django/db/",
    "Django's signals": "/django/dispatch/",
    "the rest of Django": "/django/",
    "this package: statements that are kept": "/cryptopay_django/models/prepared.py",
    "this package: reading the body": "/cryptopay_django/gateway/",
    "this package: the rest": "/cryptopay_django/",
    "the shop's receiver, itself": "/benchmarks/",
    "built-in functions, psycopg's C among them": "~",
}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--invoices", type=int, default=300, help="of three callbacks each (default: %(default)s)")
    options = parser.parse_args(arguments)
    if "DATABASE_URL" not in os.environ:
        from benchmarks.__main__ import database, run

        with database("postgresql") as environment:
            found = run("benchmarks.profile", [f"--invoices={options.invoices}"], environment)
        sys.stdout.write(report.table(["part", "share"], found["rows"]) + f"\n\n{found['text']}\n{report.machine()}\n")
        return 0
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "benchmarks.site.settings",
        "BENCH_PROCESSING": "request",
        "BENCH_CONFIRM": "0",
    }
    import json

    sys.stdout.write(json.dumps(measure(options.invoices)) + "\n")
    return 0


def measure(invoices: int) -> dict[str, Any]:
    """Return the shares of Python's parts, and what a callback costs without the profiler."""
    import django

    django.setup()
    from benchmarks import bodies, rows

    rows.migrate()
    rows.gather_statistics()
    requests = [request for key in rows.make_invoices(invoices) for request in bodies.callbacks(key)]
    third = len(requests) // 3
    post_all(requests[:WARM])
    rows.gather_statistics()
    pid = int(os.environ["BENCH_DATABASE_PID"])
    begun, used = process_time(), processor_seconds(pid)
    post_all(requests[WARM:third])
    python, database = process_time() - begun, processor_seconds(pid) - used
    profile = cProfile.Profile(process_time)
    profile.runcall(post_all, requests[third:])
    times = shares(pstats.Stats(profile))
    each = 1000 / (third - WARM)
    return {
        "rows": [[name, f"{100 * share:.0f} %"] for name, share in times.most_common()],
        "text": f"Without the profiler a callback costs {python * each:.2f} ms in Python "
        f"and {database * each:.2f} ms in PostgreSQL.",
    }


def shares(stats: Any) -> Counter[str]:
    """Share the time that functions use themselves out among PARTS, by their files."""
    times: Counter[str] = Counter()
    for (file, _line, _name), (_calls, _all_calls, own, _cumulative, _callers) in stats.stats.items():
        part = next((name for name, path in PARTS.items() if path in file), "the standard library")
        times[part] += own
    total = sum(times.values())
    return Counter({name: own / total for name, own in times.items()})


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
    sys.exit(main())
