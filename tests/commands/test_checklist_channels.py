"""The points about channels: a shop that credits right passes them, a broken one fails the point that it breaks."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from cryptopay_django.models import Channel
from cryptopay_django.signals import channel_payment_completed
from cryptopay_django.testing.checklist import Report, Result, run_checklist
from cryptopay_django.testing.checklist.channels import CHANNEL_DISABLED, CHANNEL_HELD, TWO_PAYMENTS
from example_project.shop.receivers import credit_channel_payment

from . import shops

STORIES = [TWO_PAYMENTS, CHANNEL_HELD, CHANNEL_DISABLED]
POINTS = range(15, 19)


@pytest.fixture(autouse=True)
def quiet(caplog):
    caplog.set_level("CRITICAL", logger="cryptopay_django")


@pytest.fixture
def without_channels():
    """A shop in which nothing receives the payments of channels."""
    channel_payment_completed.disconnect(dispatch_uid="shop.credit_channel_payment")
    yield
    channel_payment_completed.connect(credit_channel_payment, dispatch_uid="shop.credit_channel_payment")


def run(shop: shops.TopUpShop, settings, **options) -> Report:
    settings.ROOT_URLCONF = shop.urls
    functions = {"open_channel": shop.open_channel, "channel_probe": shop.credited}
    with shop.open():
        return run_checklist(**{**functions, "stories": STORIES, **options})


def results(report: Report) -> dict[int, Result]:
    return {number: report.finding(number).result for number in POINTS}


def test_a_shop_that_credits_what_the_gateway_has_credited_passes(db, settings, without_channels):
    shop = shops.TopUpShop()

    report = run(shop, settings)

    assert set(results(report).values()) == {Result.PASSED}
    credited = sorted(amount for amount in shop.balances.values() if amount)
    assert len(credited) == 3  # two payments, and the held one that the gateway completed
    assert all(f"{amount:f} EUR" in report.finding(15).evidence for amount in credited[:1])
    assert report.finding(16).evidence.startswith("on_hold (illicit_resource): nothing credited; ")
    assert report.finding(17).evidence == "on_hold (channel_disabled): nothing credited, and it waits for a person"
    assert "callbacks resent" in report.finding(18).evidence


@pytest.mark.parametrize(
    ("shop", "points", "evidence"),
    [
        (shops.CreditsCoinsOnTheirWay, [15, 16, 17], "before it was confirmed (pending)"),
        (shops.CreditsByTheAddress, [15, 16], ": 0 credited for "),
        (shops.CreditsHeldPayments, [16, 17], "after the confirmation (on_hold (illicit_resource))"),
        (shops.CreditsEveryCallback, [15, 18], "after every callback was resent (completed)"),
        (shops.CannotCredit, [15, 16], "a receiver of channel_payment_completed raised RuntimeError: the ledger is"),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else None,
)
def test_a_broken_shop_fails_the_points_that_it_breaks(shop, points, evidence, db, settings, without_channels):
    report = run(shop(), settings)

    assert [number for number, result in results(report).items() if result is Result.FAILED] == points
    assert evidence in report.finding(points[0]).evidence


def test_a_shop_that_refuses_callbacks_about_channels_fails_the_point_about_callbacks(db, settings, without_channels):
    settings.ROOT_URLCONF = shops.RefusesChannels().urls

    report = run(shops.RefusesChannels(), settings, stories=["paid in full", TWO_PAYMENTS])

    assert report.finding(10).result is Result.FAILED
    assert "callbacks were answered 400" in report.finding(10).evidence
    assert results(report)[15] is Result.PASSED  # found by reconciliation, and credited
    assert report.finding(18).evidence == "no callback was accepted the first time: see point 10"


def test_points_about_channels_do_not_concern_a_shop_without_channels(db, without_channels):
    report = run_checklist(stories=[])

    assert set(results(report).values()) == {Result.NOT_MEASURED}
    assert "the shop has no channels" in report.finding(15).evidence
    assert not any(report.finding(number).is_required for number in POINTS)


def test_a_strict_run_does_not_fail_for_want_of_channels(db, without_channels):
    report = run_checklist(stories=[])

    report.findings[:14] = [replace(finding, result=Result.PASSED) for finding in report.findings[:14]]

    assert not report.fails(strict=True)
    assert report.summary.startswith("14 passed, 0 failed, 4 not measured; ")


def test_a_shop_that_receives_payments_of_channels_is_asked_for_the_function(db):
    report = run_checklist(stories=[])

    assert "CRYPTOPAY_CHECKLIST_CHANNEL or --channel" in report.finding(15).evidence
    assert report.fails(strict=True)


def test_without_a_probe_the_points_are_not_measured(db, settings):
    report = run(shops.TopUpShop(), settings, channel_probe=None, stories=[TWO_PAYMENTS])

    assert set(results(report).values()) == {Result.NOT_MEASURED}
    assert "CRYPTOPAY_CHECKLIST_CHANNEL_PROBE" in report.finding(15).evidence


@pytest.mark.parametrize(
    ("broken", "evidence"),
    [
        ({"open_channel": lambda client: client.nothing}, "the channel failed: AttributeError"),
        ({"open_channel": lambda client: None}, "must return a Channel that is open, not None"),
        ({"channel_probe": lambda payment: 1 / 0}, "the channel probe raised ZeroDivisionError"),
    ],
    ids=["raises", "returns nothing", "probe raises"],
)
def test_a_function_of_the_shop_that_fails_is_one_failed_point_and_nothing_else_is_guessed(
    broken, evidence, db, settings
):
    report = run(shops.TopUpShop(), settings, **broken)

    assert results(report) == {15: Result.FAILED} | dict.fromkeys((16, 17, 18), Result.NOT_MEASURED)
    assert evidence in report.finding(15).evidence


def test_the_command_takes_the_functions_by_option(db, settings):
    settings.ROOT_URLCONF = "example_project.config.urls"
    settings.LOGIN_URL = "shop:login"
    settings.CRYPTOPAY_CHECKLIST_ORDER = lambda client: client.nothing  # no story of an invoice is played
    output = StringIO()

    with pytest.raises(CommandError, match="4 passed, 1 failed, 13 not measured"):
        call_command(
            "cryptopay_checklist",
            in_place=True,
            channel="example_project.shop.checklist.open_channel",
            channel_probe="example_project.shop.checklist.credited_to_balance",
            stdout=output,
        )

    assert Channel.objects.for_owner(User.objects.get(username="checklist")).count() == 1
