"""Transactions on connections that break."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

import pytest
from django.db import Error, OperationalError, connection
from django.db.transaction import TransactionManagementError
from django.utils import timezone

from cryptopay_django.models import Invoice, RateLimitSlot, Schedule
from cryptopay_django.models.begin_again import again_as_first
from cryptopay_django.models.locking import write_transaction
from cryptopay_django.testing.factories import InvoiceFactory

pytestmark = pytest.mark.django_db(transaction=True)

T = TypeVar("T")

on_a_server = pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has no server to lose")


def count_elsewhere() -> int:
    """Count the invoices that another connection sees."""
    seen: list[int] = []

    def count() -> None:
        seen.append(Invoice.objects.count())
        connection.close()

    thread = threading.Thread(target=count)
    thread.start()
    thread.join()
    return seen[0]


@on_a_server
def test_a_lost_connection_that_was_left_without_autocommit_is_not_written_to():
    connection.set_autocommit(False)
    connection.connection.close()

    with write_transaction(Invoice):
        InvoiceFactory()

    assert count_elsewhere() == 1


def test_the_projects_own_work_without_autocommit_is_neither_lost_nor_joined():
    connection.set_autocommit(False)
    try:
        with pytest.raises(TransactionManagementError, match="autocommit is off"), write_transaction(Invoice):
            InvoiceFactory()
    finally:
        connection.rollback()
        connection.set_autocommit(True)

    assert count_elsewhere() == 0


def test_a_transaction_that_cannot_begin_leaves_no_connection_inside_of_it():
    connection.ensure_connection()
    connection.connection.close()

    with pytest.raises(Error), write_transaction(Invoice):
        InvoiceFactory()

    assert not connection.in_atomic_block
    with write_transaction(Invoice):
        InvoiceFactory()
    assert count_elsewhere() == 1


def break_inside() -> None:
    with write_transaction(Invoice):
        InvoiceFactory()
        raise ZeroDivisionError


def test_a_nested_one_is_a_savepoint_as_ever():
    with write_transaction(Invoice):
        InvoiceFactory()
        with pytest.raises(ZeroDivisionError):
            break_inside()

    assert count_elsewhere() == 1


@on_a_server
def test_a_row_is_not_locked_without_a_transaction_to_hold_the_lock():
    invoice = InvoiceFactory()

    with pytest.raises(TransactionManagementError):
        Invoice.objects.lock(pk=invoice.pk)


def is_waited_for() -> bool:
    """Return whether a session waits for a lock of this one. Others wait, too: tests in other processes share the server."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE pg_backend_pid() = ANY(pg_blocking_pids(pid))")
        return cursor.fetchone() != (0,)


def beside(work: Callable[[], object], change: Callable[[], object]) -> object:
    """Do work at REPEATABLE READ that waits for a row; make and commit a change of that row; return what work returned."""
    seen: list[object] = []

    def repeatably() -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            seen.append(work())
        except Error as error:
            seen.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=repeatably)
    with write_transaction(Invoice):
        change()
        thread.start()
        for _ in range(500):
            if is_waited_for():
                break
            time.sleep(0.01)
        assert is_waited_for()
    thread.join()
    return seen[0]


def write_first(write: Callable[[], T]) -> T:
    """Write in a transaction of which it is the first statement."""
    with write_transaction(Schedule):
        return write()


on_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="of PostgreSQL's REPEATABLE READ")


@on_postgresql
def test_at_repeatable_read_a_lock_that_was_waited_for_shows_what_was_committed_meanwhile():
    invoice = InvoiceFactory(risk_level="")

    def lock() -> object:
        with write_transaction(Invoice):
            found = Invoice.objects.lock(pk=invoice.pk)
            return found and found.risk_level

    change = Invoice.objects.filter(pk=invoice.pk)
    assert beside(lock, lambda: change.update(risk_level="high")) == "high"


@on_postgresql
def test_at_repeatable_read_nothing_that_was_done_before_is_done_again_or_lost():
    invoice, other = InvoiceFactory(), InvoiceFactory(risk_level="")

    def lock_late() -> object:
        with write_transaction(Invoice):
            Invoice.objects.filter(pk=other.pk).update(risk_level="high")
            return Invoice.objects.lock(pk=invoice.pk)

    change = Invoice.objects.filter(pk=invoice.pk)
    assert isinstance(beside(lock_late, lambda: change.update(risk_level="high")), OperationalError)
    other.refresh_from_db()
    assert other.risk_level == ""


@on_postgresql
@pytest.mark.parametrize(
    "work",
    [
        lambda row, missing: Schedule.objects.add_missing(missing),
        lambda row, missing: Schedule.objects.filter(pk=row.pk).update(found="ours"),
        lambda row, missing: Schedule.objects.change(row, found="ours"),
        lambda row, missing: write_first(lambda: Schedule.objects.add_missing(missing)),
        lambda row, missing: write_first(lambda: Schedule.objects.filter(pk=row.pk).update(found="ours")),
        lambda row, missing: write_first(lambda: Schedule.objects.change(row, found="ours")),
    ],
    ids=["insert", "update", "change", "insert first", "update first", "change first"],
)
def test_at_repeatable_read_what_is_written_first_is_written_after_the_wait(work):
    now = timezone.now()
    row = Schedule.objects.create(name="a row", due_at=now)
    missing = Schedule(name="a missing row", due_at=now)

    def change() -> None:
        Schedule.objects.filter(pk=row.pk).update(due_at=now + timedelta(hours=1))
        Schedule.objects.create(name=missing.name, due_at=now + timedelta(hours=1))

    failed = beside(lambda: work(row, missing), change)
    assert not isinstance(failed, Error)
    assert set(Schedule.objects.values_list("due_at", flat=True)) == {now + timedelta(hours=1)}
    assert Schedule.objects.filter(found="ours").exists() is (failed is not None)


@on_postgresql
def test_who_comes_too_late_begins_again_as_often_as_others_were_first():
    def lock() -> int:
        """Lock the row when thirty others have changed it."""
        attempts.append("too late")
        if len(attempts) > 30:
            return len(attempts)
        raise OperationalError from refused

    attempts, refused = [], Exception("could not serialize access due to concurrent update")
    refused.sqlstate = "40001"
    assert again_as_first(connection, lock) == 31


@on_postgresql
def test_at_repeatable_read_one_of_two_claims_wins_and_the_other_is_told():
    now = timezone.now()
    invoice = InvoiceFactory(refunds_due_at=now)

    def claim() -> object:
        return Invoice.objects.claim(invoice, "refunds_due_at", now + timedelta(hours=1))

    change = Invoice.objects.filter(pk=invoice.pk)
    assert beside(claim, lambda: change.update(refunds_due_at=now + timedelta(hours=2))) is False


def test_a_read_from_the_primary_says_that_it_is_for_a_write_so_that_caches_of_rows_keep_nothing_of_it() -> None:
    rows = RateLimitSlot.objects.primary().filter(number=1).values_list("pk")

    assert rows._for_write is True  # type: ignore[attr-defined]
