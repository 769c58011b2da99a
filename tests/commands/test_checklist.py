"""The checklist passes the example shop, and names what is wrong with a broken one."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from cryptopay_django.testing.checklist import Report, Result, run_checklist
from cryptopay_django.testing.checklist.report import TITLES

from . import shops

# In which every broken shop would show itself; all the others play in the test of the example shop.
TELLING = ["paid in full", "callbacks out of order", "overpaid, settled", "held"]
TEAMS = {"held": ["fraud@shop.example"]}


def run(shop: shops.Shop, settings, **options) -> Report:
    settings.ROOT_URLCONF = shop.urls
    settings.CRYPTOPAY_NOTICE_RECIPIENTS = TEAMS
    with shop.open():
        return run_checklist(place_order=shop.place_order, **{"probe": shop.credited, "stories": TELLING, **options})


def failed(report: Report) -> list[int]:
    return [finding.number for finding in report.findings if finding.result is Result.FAILED]


@pytest.fixture
def quiet(caplog):
    caplog.set_level("CRITICAL", logger="cryptopay_django")


def test_every_point_passes_on_the_example_shop_and_is_written_down(db, settings, tmp_path):
    settings.ROOT_URLCONF = "example_project.config.urls"
    settings.LOGIN_URL = "shop:login"
    settings.SHOP_OUTBOX = tmp_path / "outbox"
    settings.CRYPTOPAY_NOTICE_RECIPIENTS = TEAMS
    settings.CRYPTOPAY_CHECKLIST_ORDER = "example_project.shop.checklist.place_order"
    settings.CRYPTOPAY_CHECKLIST_PROBE = "example_project.shop.checklist.credited"
    settings.CRYPTOPAY_CHECKLIST_CHANNEL = "example_project.shop.checklist.open_channel"
    settings.CRYPTOPAY_CHECKLIST_CHANNEL_PROBE = "example_project.shop.checklist.credited_to_balance"
    output = StringIO()

    call_command("cryptopay_checklist", in_place=True, report=tmp_path / "report", strict=True, stdout=output)

    lines = output.getvalue().splitlines()
    assert [line[:14].split() for line in lines[:18]] == [[str(number), "passed"] for number in range(1, 19)]
    assert lines[-1].startswith("18 passed, 0 failed, 0 not measured; ")
    written = json.loads((tmp_path / "report.json").read_text())
    assert [point["title"] for point in written["points"]] == list(TITLES)
    assert {point["result"] for point in written["points"]} == {"passed"}
    assert written["sandbox_seconds"] < 7200
    assert (tmp_path / "report.md").read_text().count("| passed |") == 18


@pytest.mark.parametrize(
    ("shop", "story", "points", "evidence"),
    [
        (shops.CreditsTwice, "paid in full", [13], "before, "),
        (shops.IgnoresOutOfOrder, "callbacks out of order", [10], "are not stored"),
        (shops.FulfilsOnReturn, "paid in full", [12], "after a visit to the return URL, when it was new"),
        (shops.GivesUpUnresolved, "overpaid, settled", [9, 12], "had given the order up"),
        (shops.CannotReceive, "paid in full", [12], "the ledger is closed"),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else None,
)
def test_a_broken_shop_fails_the_point_that_it_breaks(shop, story, points, evidence, db, settings, quiet):
    report = run(shop(), settings, stories=[story])

    assert failed(report) == points
    assert evidence in report.finding(points[0]).evidence


def test_a_wrong_secret_fails_the_point_about_callbacks(db, settings, quiet):
    secret = "what the account of the gateway really shows"

    report = run(shops.Shop(), settings, stories=["paid in full"], callback_secret=secret)

    assert failed(report) == [10]
    assert "answered 401: none of the account's CALLBACK_SECRETS" in report.finding(10).evidence
    assert report.finding(13).result is Result.NOT_MEASURED


def test_nothing_fails_in_a_shop_that_is_right(db, settings, quiet):
    report = run(shops.Shop(), settings)

    assert failed(report) == []
    assert [report.finding(number).result for number in (1, 4, 6, 8)] == [Result.NOT_MEASURED] * 4


def test_without_a_probe_what_is_credited_is_not_measured(db, settings, quiet):
    report = run(shops.Shop(), settings, probe=None, stories=["paid in full"])

    assert [report.finding(number).result for number in (12, 13)] == [Result.NOT_MEASURED] * 2


def test_a_probe_that_raises_fails_its_point(db, settings, quiet):
    report = run(shops.Shop(), settings, probe=lambda invoice: 1 / 0, stories=["paid in full"])

    assert report.finding(12).evidence == "the probe raised ZeroDivisionError: division by zero"
    assert 12 in failed(report)


def test_nobody_to_tell_of_a_held_payment_fails_the_point_about_the_teams(db, settings, quiet, monkeypatch):
    monkeypatch.setattr(f"{__name__}.TEAMS", {})

    report = run(shops.Shop(), settings, stories=["held"])

    assert "CRYPTOPAY_NOTICE_RECIPIENTS" in report.finding(14).evidence
    assert failed(report) == [14]


def test_a_shop_that_cannot_take_an_order_fails_one_point_and_nothing_else_is_guessed(db, settings, quiet):
    settings.CRYPTOPAY_CHECKLIST_ORDER = lambda client: client.nothing
    output = StringIO()

    with pytest.raises(CommandError, match="0 passed, 1 failed, 17 not measured"):
        call_command("cryptopay_checklist", in_place=True, stdout=output)

    assert (
        " 5  failed        Create several invoices — paid in full: the order failed: AttributeError"
        in output.getvalue()
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"account": "third"}, 'has no account "third"'),
        ({"probe": "nowhere.credited"}, "'nowhere.credited' must be importable"),
    ],
)
def test_the_command_names_what_it_was_given_wrong(options, message, db):
    with pytest.raises(CommandError, match=message):
        call_command("cryptopay_checklist", in_place=True, **options)
