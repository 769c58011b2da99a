"""A database that fails at any point of the road of a callback: a 200 means stored, and in the end it is merged once.

The points are every statement and every COMMIT, one failure each: the statement fails, or takes effect and its answer is
lost with the connection. By default every ninth point is tried, with PROVE_EVERY=1 all of them.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from socket import SHUT_RDWR, socket
from typing import Any

import pytest
from django.db import OperationalError, connection

from cryptopay_django.models import Callback
from cryptopay_django.services import process_overdue, receive_callback
from cryptopay_django.testing.factories import InvoiceFactory, callback_body, callback_headers, invoice_wire
from tests.proofs.report import tried
from tests.proofs.test_crashes import EVERY, PAID, assert_paid_once, gateway, send, shop, work_off

__all__ = ["gateway", "shop"]  # fixtures

pytestmark = pytest.mark.django_db(transaction=True)

on_a_server = pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has no connection to lose")
either_way = pytest.mark.parametrize(
    "is_lost", [pytest.param(False, id="an error"), pytest.param(True, id="a lost connection", marks=on_a_server)]
)


class Failure:
    """Counts the points that are passed, and fails at one of them; `is_lost` loses the connection with it."""

    def __init__(self, fail_at: int, *, is_lost: bool) -> None:
        self.fail_at, self.is_lost, self.passed = fail_at, is_lost, 0

    def pass_point(self, act: Callable[[], Any]) -> Any:
        """Do something, or fail instead; with a lost connection, after its effect."""
        self.passed += 1
        if self.passed != self.fail_at:
            return act()
        if self.is_lost:
            act()
            with socket(fileno=os.dup(connection.connection.fileno())) as wire:
                wire.shutdown(SHUT_RDWR)
        raise OperationalError("the database fails here")

    def __call__(self, execute: Callable[..., Any], *arguments: Any) -> Any:
        """Stand around every statement, as an execute wrapper."""
        return self.pass_point(lambda: execute(*arguments))

    def happens_during(self, act: Callable[[], Any]) -> Any:
        """Do something with the failure on its way; return None if the failure was not caught there."""
        commit = connection._commit
        connection._commit = lambda: self.pass_point(commit)
        try:
            with suppress(OperationalError), connection.execute_wrapper(self):
                return act()
        finally:
            del connection._commit
            if self.is_lost:
                connection.close()
            connection.close_if_unusable_or_obsolete()
        return None


def fail_at_every_point(road: Callable[[Failure], None], *, is_lost: bool) -> int:
    """Play a road with a failure at every point in turn, or at every n-th; return how many points it has."""
    point = 1
    while True:
        failure = Failure(point, is_lost=is_lost)
        road(failure)
        if failure.passed < point:
            tried("failures of the database, one at each point of the road", point // EVERY)
            return point
        point += EVERY
        assert point < 500, "the road does not end"


@either_way
def test_a_callback_that_is_answered_is_stored_and_is_merged_once(gateway, is_lost):
    def road(failure: Failure) -> None:
        invoice = InvoiceFactory()
        gateway.truth = invoice_wire(invoice, **PAID)
        body = callback_body(gateway.truth)
        status = failure.happens_during(lambda: send(body))
        assert status in {200, 503, None}
        if status != 200:
            assert send(body) == 200
        assert Callback.objects.filter(body=body).exists()
        work_off()
        assert_paid_once(invoice)

    assert fail_at_every_point(road, is_lost=is_lost) > 15


@either_way
def test_a_worker_goes_on_where_the_database_failed(gateway, settings, is_lost):
    settings.CRYPTOPAY_PROCESSING = "worker"

    def road(failure: Failure) -> None:
        invoice = InvoiceFactory()
        gateway.truth = invoice_wire(invoice, **PAID)
        body = callback_body(gateway.truth)
        receive_callback(body, callback_headers(body)["X-Cryptopay-Signature"])
        failure.happens_during(process_overdue)
        work_off()
        assert_paid_once(invoice)

    assert fail_at_every_point(road, is_lost=is_lost) > 15
