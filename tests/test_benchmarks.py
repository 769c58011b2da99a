"""The benchmark runs: every road is answered, the tables are written where they belong."""

import importlib
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest

from benchmarks import aims, report, start, tables
from benchmarks.load import Figures
from benchmarks.parts import PARTS
from benchmarks.running import PartError, noting, run
from cryptopay_django.models import Callback, Invoice, InvoiceEvent, Payment
from scripts.throwaway import ProgramsMissingError

ROOT = Path(__file__).parent.parent


@pytest.mark.timeout(300)
def test_the_quick_benchmark_answers_on_every_road_and_ends_every_callback():
    pytest.importorskip("gunicorn")
    command = [sys.executable, "-m", "benchmarks", "--quick", "--seconds=0.2"]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr[-2000:]
    roads = re.findall(r"^\| (floor|acknowledge|whole road|replay)[^|]*\| *([\d,]+) ", done.stdout, re.MULTILINE)
    assert len(roads) >= 6
    assert "0" not in {rate for _, rate in roads}
    assert "Answers other than 200: 0." in done.stdout
    assert re.search(r"^\| SQLite \| 30 \| 1 \|", done.stdout, re.MULTILINE)


def marked(mark):
    """Return the processes that were started with this in their environment."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if f"BENCH_MARK={mark}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
    return found


@pytest.mark.skipif(
    not Path("/proc/self/environ").exists(), reason="processes are told by /proc, which only Linux has"
)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_benchmark_that_is_interrupted_leaves_no_process_behind(number):
    pytest.importorskip("gunicorn")
    command = [sys.executable, "-m", "benchmarks", "--quick"]
    mark = f"{os.getpid()}-{number}"
    # gunicorn writes its title over the environment, where it has setproctitle: then it is not found by its mark.
    environment = os.environ | {"BENCH_MARK": mark, "SPT_NOENV": "1"}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE) as benchmark:
        # Itself, the part, the stub, and a server with a worker at least.
        while len(marked(mark)) < 5:
            assert benchmark.poll() is None
            time.sleep(0.05)

        benchmark.send_signal(number)
        benchmark.communicate(timeout=60)

    assert benchmark.returncode == 128 + number
    until = time.monotonic() + 20  # who was told to end may still be ending
    while marked(mark) and time.monotonic() < until:
        time.sleep(0.05)
    left = {pid: Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode() for pid in marked(mark)}
    assert left == {}


def test_a_database_that_cannot_be_had_fails_its_own_lines_only():
    failed = []

    with noting(failed, "bursts, MariaDB"):
        raise ProgramsMissingError("MariaDB is not installed here")

    assert failed == ["bursts, MariaDB: MariaDB is not installed here"]


def test_a_part_that_fails_says_which_and_with_what_status():
    with pytest.raises(PartError, match=r"benchmarks\.burst ended with status 2"):
        run("benchmarks.burst", ["--no-such-option"], {})


def test_the_memory_of_a_worker_is_told_with_its_growth():
    memory = [{"callbacks": 1000, "mebibytes": 60.0}, {"callbacks": 2049, "mebibytes": 61.0}]
    burst = {"callbacks": 10, "workers": 2, "seconds": 1.0, "rate": 10.0, "processor_ms": 3.21}

    text = report.bursts({"SQLite": {"bursts": [burst], "memory": memory}})

    assert "| SQLite | 10 | 2 | 1.0 | 10 | 3.2 |" in text
    assert "grew by 999.6 bytes a callback" in text


def test_a_table_replaces_its_own_block_only(tmp_path):
    file = tmp_path / "RESULTS.md"
    file.write_text("# A\n<!-- begin roads -->\nold\n<!-- end roads -->\n\n<!-- begin pages -->\n<!-- end pages -->\n")

    report.write_block("roads", report.table(["road", "a second"], [["floor", "9"]]), file=file)

    assert file.read_text() == (
        "# A\n<!-- begin roads -->\n| road | a second |\n| --- | ---: |\n| floor | 9 |\n<!-- end roads -->\n\n"
        "<!-- begin pages -->\n<!-- end pages -->\n"
    )


def test_a_block_that_is_not_there_is_told():
    with pytest.raises(ValueError, match="no block 'nothing'"):
        report.write_block("nothing", "text")


def test_the_blocks_of_the_results_are_those_that_are_written():
    blocks = re.findall(r"<!-- begin (\w+) -->", report.RESULTS.read_text())

    assert blocks == ["aims", *PARTS]


def test_a_start_is_measured_with_the_app_and_without_it():
    lines = {line["name"]: line for line in start.measure(rounds=1)}

    text = report.start(list(lines.values()))

    assert lines["Django alone"]["modules"] < lines["with cryptopay_django"]["modules"]
    assert lines["Django alone"]["mebibytes"] < lines["with cryptopay_django"]["mebibytes"]
    assert re.search(r"^\| with cryptopay_django, with the admin \| \d+ \| \d+\.\d \| \d+ \|$", text, re.MULTILINE)


def test_a_rate_is_of_answers_and_a_percentile_in_milliseconds():
    figures = Figures(answered=10, refused=3, seconds=2, took=[0.001] * 90 + [1.0] * 10)

    assert (figures.rate, round(figures.percentile(0.5), 3)) == (5, 1)
    assert round(figures.percentile(0.99)) == 1000


def test_a_profile_is_told_in_milliseconds_of_each_road():
    costs = [
        {
            "name": name,
            "statements": statements,
            "python_ms": 2.0 * times,
            "database_ms": 1.0 * times,
            "shares": {"Django": 0.25, "this package": 0.75},
        }
        for name, statements, times in (("floor", 1, 1), ("whole road", 13.7, 4))
    ]

    lines = report.profile(costs).splitlines()

    assert lines[0] == "| processor ms a request | floor | whole road |"
    assert lines[2:] == [
        "| this package | 1.50 | 6.00 |",
        "| Django | 0.50 | 2.00 |",
        "| Python, all of it | 2.00 | 8.00 |",
        "| PostgreSQL | 1.00 | 4.00 |",
        "| together | 3.00 | 12.00 |",
        "| the floor's, as a share of it | 1.00 | 0.25 |",
        "| statements, BEGIN and COMMIT among them | 1.0 | 13.7 |",
    ]


def test_an_aim_is_told_with_its_figures_and_what_was_not_measured_stays():
    bad = {"bad": {"processor_ms": 12.34}, "rate": 512.0}
    former = (
        "| make tea, seconds | ≤ 9 | 8 | yes | yesterday |\n| calls that the gateway refused | ≤ 0 | 0 | yes | then |"
    )

    text = aims.table({"queue": {"PostgreSQL": bad}}, former)

    rows = {line.split(" | ")[0][2:]: line.split(" | ")[1:4] for line in text.splitlines()[2:]}
    assert rows["a callback's request on a bad day, processor ms"] == ["≤ 10.0", "12.3", "no"]
    assert rows["callbacks a second of one worker on a bad day"] == ["≥ 400", "512", "yes"]
    assert rows["calls that the gateway refused"] == ["≤ 0", "0", "yes"]
    assert rows["`make test`, seconds"][1:] == ["–", "not measured"]
    assert "make tea, seconds" not in rows
    assert aims.table({"queue": {"SQLite": bad}}, text) == text


def test_the_start_is_compared_by_what_each_app_adds_to_django():
    lines = [
        {"name": name, "processor_ms": took, "mebibytes": 1.0}
        for name, took in (("Django alone", 100), ("with cryptopay_django", 150), ("with dj-stripe", 300))
    ]

    assert aims.AIMS[0].figures(lines) == [0.25]


def test_the_road_of_the_former_build_is_compared_in_the_same_table():
    lines = [{"name": aims.WHOLE, "ratio": 0.32}, {"name": aims.FORMER, "ratio": 0.2}]
    aim = next(one for one in aims.AIMS if one.wanted == 1.6)

    figures = aim.figures({"PostgreSQL, gunicorn": lines, "SQLite, gunicorn": lines})

    assert figures == [pytest.approx(1.6)]


def test_a_peer_is_compared_on_each_database_and_with_the_settings_that_are_advised():
    ours, theirs = {"": 0.2, aims.PREPARED: 0.3}, {"": 0.4, aims.PREPARED: 0.4}
    lines = [
        {"name": name + ending, "ratio": ratio}
        for name, ratios in ((aims.WHOLE, ours), (aims.PAYMENTS, theirs))
        for ending, ratio in ratios.items()
    ]
    wanted = {aim.name: aim for aim in aims.AIMS}

    found = {"PostgreSQL, gunicorn": lines, "MariaDB, gunicorn": lines[:1]}

    assert wanted["whole road, beside django-payments, PostgreSQL"].figures(found) == [0.5, pytest.approx(0.75)]
    assert wanted["whole road, beside django-payments, MariaDB"].figures(found) == []


def test_a_row_of_growth_has_a_figure_for_each_size():
    found = {"pages": {"10 invoices": {"list": 20.0}, "99 invoices": {"list": 21.5}},
             "creation": {"bare POST": 1.0, "create_invoice": 5.0}}  # fmt: skip

    text = tables.pages(found)

    assert "| list | 20.0 | 21.5 |" in text
    assert "| create_invoice's own work | 4.0 |" in text


@pytest.mark.django_db(transaction=True)
def test_a_shop_is_filled_on_this_database():
    shop = importlib.import_module("benchmarks.shop")

    shop.fill(400, analyze=False)

    statuses = Counter(Invoice.objects.values_list("status", flat=True))
    assert (statuses["completed"], statuses["unresolved"], statuses["refunded"]) == (318, 2, 8)
    assert Payment.objects.count() == Callback.objects.count() == 328
    assert InvoiceEvent.objects.filter(kind="invoice_completed", next_attempt_at=None).count() == 318
    newest = Invoice.objects.order_by("-created_at").first()
    assert newest.custom_id == "shop-1"
    with pytest.raises(ValueError, match="Invoice has no colour"):
        shop.insert(Invoice, "", {}, colour="red")
