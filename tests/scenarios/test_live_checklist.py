"""The checklist with a person: a sandbox on a port of its own plays the test environment, the test the person."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from io import StringIO

import pytest
import requests
from django.core.management import CommandError, call_command

from cryptopay_django.sandbox.server import SandboxServer
from cryptopay_django.testing.checklist import Report, Result, Task, run_live_checklist
from tests.commands.shops import CreditsTwice, Shop

from .hands import EXPIRY, RemoteHands

pytestmark = pytest.mark.django_db(transaction=True)


class Person:
    """Does what is asked: pays in time, waits for the late ones, and presses "resend"."""

    def __init__(self, served: SandboxServer) -> None:
        self.hands = RemoteHands(served)
        self.asked: list[Task] = []

    def do(self, tasks: Sequence[Task]) -> None:
        self.asked += tasks
        for task in tasks:
            if task.amount is None:
                self.resend(task)
            elif not task.is_late:
                self.pay(task)
        if any(task.is_late for task in tasks):
            self.hands.advance(EXPIRY)
        for task in tasks:
            if task.is_late:
                self.pay(task)

    def pay(self, task: Task) -> None:
        self.hands.pay(task.invoice, amount=f"{task.amount:f}")
        self.hands.confirm(task.invoice)

    def resend(self, task: Task) -> None:
        log = requests.get(f"{self.hands.url}/control/state", timeout=30).json()["callbacks"]
        sent = [entry["id"] for entry in log if entry["subject_id"] == str(task.invoice.gateway_id)]
        self.hands.control("resend", callback_id=sent[-1])


@pytest.fixture
def person(served: SandboxServer) -> Person:
    return Person(served)


@pytest.fixture
def shop(settings) -> Iterator[Shop]:
    shop = Shop()
    settings.ROOT_URLCONF = shop.urls
    with shop.open():
        yield shop


def run(shop: Shop, ask, **options) -> Report:
    return run_live_checklist(ask=ask, place_order=shop.place_order, probe=shop.credited, **{"pause": 0.1, **options})


def test_what_can_be_done_with_a_person_is_done_and_the_rest_is_left_to_the_sandbox(shop, person):
    report = run(shop, person.do)

    results = {finding.number: finding.result for finding in report.findings}
    left = {4, 14, 15, 16, 17, 18}
    assert results == {number: Result.NOT_MEASURED if number in left else Result.PASSED for number in range(1, 19)}, (
        report.to_markdown()
    )
    assert "7 invoices" in report.finding(5).evidence
    assert "matched secret number 1" in report.finding(10).evidence
    assert "against the gateway's test environment" in report.summary


def test_the_person_is_told_how_much_to_send_where_and_when(shop, person):
    run(shop, person.do)

    paid, underpaid = person.asked[0], person.asked[1]
    assert (paid.amount, underpaid.amount) == (
        paid.invoice.pay_amount,
        pytest.approx(underpaid.invoice.pay_amount * 9 / 10),
    )
    assert f"send {paid.amount.normalize():f} BTC (bitcoin) to {paid.invoice.address}, before " in paid.text
    assert [task.is_late for task in person.asked].count(True) == 2
    assert "resend the last one" in person.asked[-1].text


def test_a_shop_that_credits_twice_is_found_out(person, settings):
    shop = CreditsTwice()
    settings.ROOT_URLCONF = shop.urls
    with shop.open():
        report = run(shop, person.do)

    assert report.finding(13).result is Result.FAILED


def test_callbacks_that_do_not_come_are_mended_by_get_and_fail_their_point(shop, person, served):
    served.sandbox.change_settings({"callback_url": "http://127.0.0.1:9/"})

    report = run(shop, person.do, patience=timedelta(seconds=6), pause=0.05)

    assert report.finding(10).result is Result.FAILED
    assert "our row still had new" in report.finding(10).evidence


def test_nobody_who_pays_leaves_points_open_and_waits_no_longer_than_told(shop, served):
    report = run(shop, lambda tasks: None, patience=timedelta(seconds=0.2))

    assert report.finding(6).result is Result.FAILED
    assert "it was still new when the time was over" in report.finding(1).evidence
    assert report.finding(12).result is Result.NOT_MEASURED


def test_real_money_is_not_played_with(settings):
    live = settings.CRYPTOPAY_ACCOUNTS["default"] | {"BASE_URL": "production"}
    settings.CRYPTOPAY_ACCOUNTS = {"default": live}

    with pytest.raises(CommandError, match="is a live one"):
        call_command("cryptopay_checklist", live=True)


def test_the_command_tells_the_person_and_the_report(shop, served, settings):
    settings.CRYPTOPAY_CHECKLIST_ORDER = shop.place_order
    output = StringIO()

    with pytest.raises(CommandError, match="against the gateway's test environment"):
        call_command("cryptopay_checklist", live=True, minutes=0.001, stdout=output)

    assert "  - overpaid, settled: send " in output.getvalue()
    assert " 4  not measured" in output.getvalue()
