"""The doctor's look at the books: kept, closed in time, unchanged, and as the gateway's ledger has it."""

from __future__ import annotations

import pytest

from cryptopay_django.models import BookEntry, Invoice
from cryptopay_django.sandbox import ledger
from cryptopay_django.services import close_period, diagnose, keep_books, refresh_invoice
from cryptopay_django.services.diagnosis import Level
from cryptopay_django.services.rate_limit_by_use import Use, may_call

from .booking import JANUARY, paid

pytestmark = pytest.mark.django_db(transaction=True)


def results(*, offline=True):
    """Return what the doctor says of the books, by the subject of each result."""
    found = [one for one in diagnose(offline=offline) if "books" in one.subject and one.account == "default"]
    return {one.id: (one.level, one.found) for one in found}


@pytest.fixture
def closed(shop):
    """January, with an invoice in it, closed."""
    invoice = paid(shop)
    shop.until(2026, 2, 1, 2)
    close_period("default", JANUARY, actor="ada")
    return invoice


def test_an_account_without_books_is_not_spoken_of(transactional_db, cryptopay_sandbox):
    assert results() == {}


def test_the_last_closed_period_is_named(shop, closed):
    assert results() == {
        "books": (Level.OK, "brought up to date 0 seconds ago; closed: 2026-01-01 to 2026-01-31 (UTC)")
    }


def test_a_month_that_is_over_and_not_closed_is_a_warning_after_three_days(shop):
    shop.until(2026, 2, 3, 23)
    keep_books("default")
    assert results()["books"][0] is Level.OK

    shop.until(2026, 2, 4, 1)
    keep_books("default")

    level, found = results()["books.not-closed"]
    assert level is Level.WARNING
    assert "2026-01-01 to 2026-01-31 (UTC) is over for 3 days and is not closed" in found
    close_period("default", JANUARY)
    assert results()["books"][0] is Level.OK


def test_books_that_nobody_brings_up_to_date_are_a_warning(shop):
    shop.until(2026, 1, 4)

    level, found = results()["books.stale"]

    assert (level, found) == (Level.WARNING, "brought up to date 3 days ago; no period is closed yet")


def test_entries_that_somebody_has_changed_are_an_error(shop, closed):
    BookEntry.objects.filter(kind="invoice").update(amount=1)

    level, found = results()["books.changed"]

    assert level is Level.ERROR
    assert "somebody has changed them" in found


def test_a_closed_period_is_compared_with_the_gateways_ledger(shop, closed):
    assert results(offline=False)["closed-books"] == (
        Level.OK,
        "2026-01-01 to 2026-01-31 (UTC): 1 rows of the ledger compared, no difference",
    )


def test_what_the_ledger_has_otherwise_is_an_error(shop, closed):
    row = next(one for one in shop.sandbox.account().state.rows.values() if one.reference_id == str(closed.gateway_id))
    ledger.deposit(shop.sandbox.account().state, "EUR", row.amount, row.created_at)

    level, found = results(offline=False)["closed-books"]

    assert level is Level.ERROR
    assert "0 EUR in the books, 99 in the ledger" in found


def test_what_was_corrected_in_a_later_period_is_no_difference(shop, closed):
    there = shop.sandbox.account()
    with there.acting() as (state, now):
        taken_back = state.invoices[str(closed.gateway_id)]
        taken_back.status = type(taken_back.status)("cancelled")
        ledger.record_invoice(state, taken_back, now)
    assert results(offline=False)["closed-books"][0] is Level.ERROR

    shop.until(2026, 2, 2)
    refresh_invoice(closed)
    assert keep_books("default").is_balanced

    assert results(offline=False)["closed-books"][0] is Level.OK


def test_a_row_of_ours_that_has_changed_a_moment_ago_is_no_difference_yet(shop, closed):
    BookEntry.objects.filter(kind="invoice").update(amount=1)
    assert results(offline=False)["closed-books"][0] is Level.ERROR
    shop.until(2026, 2, 1, 3)

    Invoice.objects.get(pk=closed.pk).save()  # its time of change is now, after the books were read

    assert results(offline=False)["closed-books"][0] is Level.OK


def test_no_more_than_a_few_pages_are_read_and_that_is_said(shop, closed):
    at = JANUARY.since
    for _ in range(210):
        ledger.deposit(shop.sandbox.account().state, "EUR", 0, at)
    asked = len(shop.wire.asked)

    level, found = results(offline=False)["closed-books"]

    assert "200 rows of the ledger compared, the newest ones" in found
    assert level is Level.OK
    assert len([one for one in shop.wire.asked[asked:] if "transactions?created_at_from" in one]) <= 4 + 2


def test_a_ledger_that_may_not_be_read_now_is_said(shop, closed):
    shop.wire.after_each("nothing", lambda: None)
    while may_call("default", Use.LEDGER):
        pass

    level, found = results(offline=False)["closed-books"]

    assert (level, "was not read: GatewayRateLimitError" in found) == (Level.OK, True)
