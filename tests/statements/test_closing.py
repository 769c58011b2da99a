"""Closed periods do not change: what comes later, differs or cannot be explained is booked where it is learned."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from cryptopay_django.exceptions import BooksError
from cryptopay_django.models import BookEntry, ClosedPeriod, Invoice
from cryptopay_django.sandbox import ledger
from cryptopay_django.services import (
    adjust_books,
    close_period,
    keep_books,
    read_statement,
    refresh_channel_payment,
    verify_period,
)

from .booking import FEBRUARY, JANUARY, closing, csv_of, entries, paid, topped_up


def test_a_late_correction_is_in_the_period_in_which_it_is_learned(shop):
    payment = topped_up(shop)
    shop.until(2026, 2, 1, 2)
    close_period("default", JANUARY, actor="ada")
    before = csv_of(JANUARY)
    shop.until(2026, 2, 14)

    shop.sandbox.decide(payment, "refund")
    shop.sandbox.deliver()
    refresh_channel_payment(payment)
    assert keep_books("default").is_balanced

    assert csv_of(JANUARY) == before
    verify_period(read_statement("default", JANUARY))
    reversed_, first = entries(FEBRUARY)[0], entries(JANUARY)[0]
    assert (reversed_.amount, reversed_.fee_amount) == (-first.amount, -first.fee_amount)
    assert (reversed_.number, reversed_.note, reversed_.booked_at.day) == (1, "corrects an earlier entry", 14)
    assert read_statement("default", FEBRUARY).opening == read_statement("default", JANUARY).totals().closing
    assert closing(FEBRUARY) == {"EUR": Decimal(1000), "BTC": Decimal("0.5")}


def test_what_happened_in_a_closed_period_and_is_learned_later_is_in_the_next(shop):
    shop.until(2026, 2, 1, 2)
    close_period("default", JANUARY)
    there = shop.sandbox.account()
    ledger.deposit(there.state, "EUR", Decimal(7), datetime(2026, 1, 31, 23, 59, tzinfo=UTC))

    assert keep_books("default").is_balanced

    assert entries(JANUARY) == []
    (late,) = entries(FEBRUARY)
    assert (late.amount, late.happened_at.day, late.booked_at) == (Decimal(7), 31, FEBRUARY.since)


def test_a_period_is_closed_once_an_hour_after_it_and_without_a_gap(shop):
    shop.until(2026, 2, 1, 0, 30)
    with pytest.raises(BooksError, match="an hour after its end"):
        close_period("default", JANUARY)
    shop.until(2026, 3, 1, 2)
    with pytest.raises(BooksError, match="closed until 2026-01-01"):
        close_period("default", FEBRUARY)

    closed = close_period("default", JANUARY, actor="ada")
    asked = len(shop.wire.asked)
    again = close_period("default", JANUARY, actor="bob")

    assert (closed.closed, closed.is_final) == (again.closed, True)
    assert again.closed.closed_by == "ada"
    assert len(shop.wire.asked) == asked
    assert close_period("default", FEBRUARY).is_final


def test_books_that_differ_are_named_and_not_closed(shop):
    paid(shop)
    shop.sandbox.account().state.account.credit("EUR", Decimal("0.000000000000000001"))
    shop.until(2026, 2, 1, 2)

    check = keep_books("default")
    with pytest.raises(BooksError, match="was not closed"):
        close_period("default", JANUARY)

    named = "balance of EUR: 1099 in the books, 1099.000000000000000001 at the gateway"
    assert named in check.differences
    assert not ClosedPeriod.objects.exists()
    accepted = close_period("default", JANUARY, accept_differences=True)
    assert named in accepted.closed.differences


def test_what_nothing_explains_is_adjusted_by_name_in_the_present_period(shop):
    keep_books("default")
    shop.sandbox.account().state.account.credit("EUR", Decimal("-3.21"))
    with pytest.raises(BooksError, match="a name and a reason"):
        adjust_books("default", actor="ada", reason=" ")

    adjust_books("default", actor="ada", reason="the support says a fee of 2025")

    (entry,) = entries()
    assert (entry.kind, entry.amount, entry.note) == (
        "adjustment", Decimal("-3.21"), "the support says a fee of 2025 (ada)"
    )  # fmt: skip
    assert keep_books("default").is_balanced


def test_a_row_of_the_ledger_that_cannot_be_read_is_said(shop):
    shop.sandbox.deposit("EUR", "5")

    def spoil(listed):
        listed[0]["amount"] = "five"

    shop.wire.change(r"GET /api/transactions\?created_at_from.*", spoil)
    check = keep_books("default")

    assert not check.is_balanced
    assert "amount" in check.unreadable[0]
    shop.until(2026, 2, 1, 2)
    with pytest.raises(BooksError, match="cannot be read"):
        close_period("default", JANUARY)
    shop.wire.changes.clear()
    assert close_period("default", JANUARY).totals().closing["EUR"] == 1005


def test_a_closed_period_that_somebody_has_changed_is_found_out(shop):
    paid(shop)
    shop.until(2026, 2, 1, 2)
    verify_period(close_period("default", JANUARY))

    BookEntry.objects.filter(kind="invoice").update(order_id="another")

    with pytest.raises(BooksError, match="somebody has changed them"):
        verify_period(read_statement("default", JANUARY))


def test_an_invoice_that_the_gateway_takes_back_is_taken_back_in_the_books(shop):
    invoice = paid(shop)
    keep_books("default")
    there = shop.sandbox.account()
    shop.until(2026, 1, 9)

    with there.acting() as (state, now):
        taken_back = state.invoices[str(invoice.gateway_id)]
        taken_back.status = type(taken_back.status)("cancelled")
        ledger.record_invoice(state, taken_back, now)
    check = keep_books("default")

    # Our row is held for a person; the money is booked as the gateway has it.
    assert check.is_balanced
    assert Invoice.objects.get(pk=invoice.pk).quarantine_reason
    assert [(one.amount, one.booked_at.day) for one in entries()] == [(Decimal(99), 1), (Decimal(-99), 9)]
