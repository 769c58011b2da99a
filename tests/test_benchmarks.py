"""The benchmark runs: every road is answered, the tables are written where they belong."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import report
from benchmarks.load import Figures

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

    assert blocks == ["roads", "bursts", "pages"]


def test_a_rate_is_of_answers_and_a_percentile_in_milliseconds():
    figures = Figures(answered=10, refused=3, seconds=2, took=[0.001] * 90 + [1.0] * 10)

    assert (figures.rate, round(figures.percentile(0.5), 3)) == (5, 1)
    assert round(figures.percentile(0.99)) == 1000
