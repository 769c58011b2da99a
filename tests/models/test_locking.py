"""Transactions on connections that break."""

from __future__ import annotations

import threading

import pytest
from django.db import OperationalError, connection

from cryptopay_django.models import Invoice
from cryptopay_django.models.locking import write_transaction
from cryptopay_django.testing.factories import InvoiceFactory

pytestmark = pytest.mark.django_db(transaction=True)


def away(execute, sql, params, many, context):
    raise OperationalError("the server closed the connection")


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


def test_a_connection_that_was_left_without_autocommit_is_not_written_to():
    connection.set_autocommit(False)

    with write_transaction(Invoice):
        InvoiceFactory()

    assert count_elsewhere() == 1


def test_a_transaction_that_cannot_begin_leaves_no_connection_inside_of_it():
    connection.ensure_connection()
    connection.set_autocommit(False)

    with connection.execute_wrapper(away), pytest.raises(OperationalError), write_transaction(Invoice):
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
