"""Measures a request on each road, beside the floor: `python -m benchmarks.roads --server gunicorn`.

Run by `python -m benchmarks` with the database in DATABASE_URL; prints one line of JSON. All servers stand
at the same time, each road has its turn in every lap, and a ratio is taken within its own lap.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks import bodies
from benchmarks.aims import DJ_STRIPE, FORMER, PAYMENTS
from benchmarks.former import Former, checked_out
from benchmarks.load import CONNECTIONS, Figures, repeat, send, share
from benchmarks.processor import processor_seconds
from benchmarks.servers import ROOT, serving, stub

Supply = Callable[[int], list[Iterable[bytes]]]

MOST_A_SECOND = {"ours": 1200, "peer": 1200}
"""More than any road of several steps does: how many requests are prepared for a second of load."""


@dataclass(frozen=True)
class Road:
    """One line of the table: where it is sent, what is sent (a function of how many), what is cleared away."""

    name: str
    port: int
    supply: Supply
    tidy: Callable[[], None] | None = None


@dataclass
class Line:
    """What was measured of a road: medians over the laps, the ratio to the floor of the same lap."""

    name: str
    rate: float
    ratio: float
    median_ms: float
    p99_ms: float
    slowest_ms: float
    processor_ms: float
    refused: int
    own_share: float


class Yard:
    """The servers that stand, and the database's, by process id: whose work a stretch of load is."""

    def __init__(self, stack: contextlib.ExitStack, server: str, folder: Path) -> None:
        self.stack, self.server, self.folder = stack, server, folder
        self.pids = [int(pid) for pid in [os.environ.get("BENCH_DATABASE_PID")] if pid]

    def start(self, root: Path = ROOT, **environment: str) -> int:
        """Start one more server, of the files below `root`; return its port."""
        process, port = self.stack.enter_context(serving(self.server, self.folder, root, **environment))
        self.pids.append(process.pid)
        return port

    def used(self) -> float:
        return processor_seconds(*self.pids)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--server", choices=["gunicorn", "granian"], default="gunicorn")
    parser.add_argument("--seconds", type=float, default=1.5)
    parser.add_argument("--laps", type=int, default=3)
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--former", metavar="COMMIT", help="measure the whole road of another commit too")
    parser.add_argument("--connections", action="store_true", help="measure new and pooled connections too")
    options = parser.parse_args()
    os.environ |= {"DJANGO_SETTINGS_MODULE": "benchmarks.site.settings", "BENCH_PEERS": str(int(options.peers))}
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cryptopay-benchmark-")))
        os.environ["BENCH_GATEWAY"] = stack.enter_context(stub(folder))
        import django

        django.setup()
        from benchmarks.rows import migrate

        migrate()
        yard = Yard(stack, options.server, folder)
        roads = our_roads(yard.start)
        if options.peers:
            roads += peer_roads(yard.start)
        if options.former:
            roads.append(former_road(stack.enter_context(checked_out(options.former, folder)), yard.start))
        if options.connections:
            roads += connection_roads(yard.start, peers=options.peers)
        lines = measure(roads, yard, seconds=options.seconds, laps=options.laps)
    sys.stdout.write(json.dumps([asdict(line) for line in lines]) + "\n")


def our_roads(start: Callable[..., int]) -> list[Road]:
    """Return the floor, and our roads from the shortest to the longest."""
    from benchmarks import rows

    stored = start(BENCH_PROCESSING="worker")
    believed = start(BENCH_PROCESSING="request", BENCH_CONFIRM="0")
    asked = start(BENCH_PROCESSING="request", BENCH_CONFIRM="1")
    samples = [request for _ in range(16) for request in bodies.callbacks(str(uuid.uuid4()))]
    floors = [request.replace(b"/cryptopay/callbacks/", b"/floor/", 1) for request in samples]

    def whole(count: int) -> list[Iterable[bytes]]:
        return share([bodies.callbacks(key) for key in rows.make_invoices(count // 3 + CONNECTIONS)])

    def replay(_: int) -> list[Iterable[bytes]]:
        requests = bodies.callbacks(rows.make_invoices(1)[0])
        send(believed, [requests], 10)
        return repeat(requests[-1:])

    def replay_many(_: int) -> list[Iterable[bytes]]:
        requests = [bodies.callbacks(key) for key in rows.make_invoices(64)]
        send(believed, share(requests), 10)
        return repeat([one[-1] for one in requests])

    return [
        Road("floor", stored, lambda _: repeat(floors)),
        Road("acknowledge, a worker does the rest", stored, unknown, rows.forget_pending),
        Road("whole road, callbacks believed", believed, whole),
        Road("whole road, the gateway asked", asked, whole),
        Road("replay storm: one callback over and over", believed, replay),
        Road("replays of 64 invoices' last callbacks", believed, replay_many),
    ]


def unknown(count: int) -> list[Iterable[bytes]]:
    """Return the callbacks of invoices that are not here. No two are equal: a repeated one would only be counted."""
    return share([bodies.callbacks(str(uuid.uuid4())) for _ in range(2 * count // 3 + CONNECTIONS)])


def peer_roads(start: Callable[..., int]) -> list[Road]:
    """Return the webhook roads of dj-stripe and django-payments."""
    from benchmarks import rows

    port = start()
    path = rows.make_stripe_endpoint()

    def intents(count: int) -> list[Iterable[bytes]]:
        keys = rows.make_intents(count)
        event = "payment_intent.succeeded"
        return share([[_stripe(path, key, event, bodies.payment_intent(key))] for key in keys])

    return [Road(DJ_STRIPE, port, intents), Road(PAYMENTS, port, sessions)]


def sessions(count: int) -> list[Iterable[bytes]]:
    """Return the callbacks of so many payments of django-payments."""
    from benchmarks import rows

    tokens, event = rows.make_payments(count), "checkout.session.completed"
    path = "/payments/process/default/"
    return share([[_stripe(path, key, event, bodies.checkout_session(key))] for key in tokens])


def _stripe(path: str, key: str, event: str, data: dict[str, object]) -> bytes:
    return bodies.stripe_signed(path, bodies.stripe_event(key, event, data))


def former_road(former: Former, start: Callable[..., int]) -> Road:
    """Return the whole road of another commit."""
    port = start(former.folder, **former.environment)

    def whole(count: int) -> list[Iterable[bytes]]:
        return share([bodies.callbacks(key) for key in former.make_invoices(count // 3 + CONNECTIONS)])

    return Road(FORMER, port, whole)


def connection_roads(start: Callable[..., int], *, peers: bool) -> list[Road]:
    """Return the same roads with a connection opened for each request, a pool, statements that the server prepares."""
    from django.db import connection

    from benchmarks import rows

    kinds = {"new": "CONN_MAX_AGE = 0"}
    if connection.vendor == "postgresql":
        kinds |= {"pooled": "a pool of psycopg", "prepared": "statements prepared by PostgreSQL"}

    def whole(count: int) -> list[Iterable[bytes]]:
        return share([bodies.callbacks(key) for key in rows.make_invoices(count // 3 + CONNECTIONS)])

    roads = []
    for kind, title in kinds.items():
        stored = start(BENCH_PROCESSING="worker", BENCH_CONNECTIONS=kind)
        believed = start(BENCH_PROCESSING="request", BENCH_CONFIRM="0", BENCH_CONNECTIONS=kind)
        roads.append(Road(f"acknowledge, {title}", stored, unknown, rows.forget_pending))
        roads.append(Road(f"whole road, callbacks believed, {title}", believed, whole))
        if peers and kind == "prepared":
            roads.append(Road(f"{PAYMENTS}, {title}", stored, sessions))
    return roads


def measure(roads: Sequence[Road], yard: Yard, *, seconds: float, laps: int) -> list[Line]:
    """Give every road its turn in every lap; the first, short lap only warms up."""
    from benchmarks.rows import gather_statistics

    met: dict[str, list[Figures]] = {road.name: [] for road in roads}
    for lap in range(laps + 1):
        for road in roads:
            figures = _run(road, yard, seconds if lap else 0.5)
            if lap:
                met[road.name].append(figures)
        if not lap:
            gather_statistics()
    floors = met[roads[0].name]
    return [_line(name, figures, floors) for name, figures in met.items()]


def _run(road: Road, yard: Yard, seconds: float) -> Figures:
    from django.db import connections

    supply = road.supply(int(MOST_A_SECOND["ours"] * seconds))
    connections.close_all()
    before = yard.used()
    figures = send(road.port, supply, seconds)
    figures.servers_cpu = yard.used() - before
    if road.tidy:
        road.tidy()
    return figures


def _line(name: str, figures: Sequence[Figures], floors: Sequence[Figures]) -> Line:
    ratios = [one.rate / floor.rate for one, floor in zip(figures, floors, strict=True) if floor.rate]
    together = Figures(took=[took for one in figures for took in one.took])
    return Line(
        name,
        rate=statistics.median(one.rate for one in figures),
        ratio=statistics.median(ratios) if ratios else 0.0,
        median_ms=together.percentile(0.5),
        p99_ms=together.percentile(0.99),
        slowest_ms=max(together.took, default=0) * 1000,
        processor_ms=statistics.median(one.servers_cpu / max(1, one.answered) * 1000 for one in figures),
        refused=sum(one.refused for one in figures),
        own_share=statistics.median(one.own_cpu / one.seconds for one in figures if one.seconds),
    )


if __name__ == "__main__":
    main()
