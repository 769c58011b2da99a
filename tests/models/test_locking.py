"""Transactions on connections that break."""

from __future__ import annotations

import threading

import pytest
from django.db import Error, connection
from django.db.transaction import TransactionManagementError

from cryptopay_django.models import Invoice
from cryptopay_django.models.locking import write_transaction
from cryptopay_django.testing.factories import InvoiceFactory

pytestmark = pytest.mark.django_db(transaction=True)

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
