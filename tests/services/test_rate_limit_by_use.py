"""What customers' buttons and lookers-on may spend of an account's calls."""

import threading
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone

from cryptopay_django.exceptions import GatewayRateLimitError
from cryptopay_django.models import Invoice, Schedule
from cryptopay_django.services.rate_limit_by_use import Use, may_call, spend, spend_creation
from cryptopay_django.testing.factories import InvoiceFactory
from tests.rate_limits import use_up

pytestmark = pytest.mark.django_db(transaction=True)


def calls_within(seconds: int, use: Use) -> int:
    """Ask ten times a second; return how often it was allowed."""
    now = timezone.now()
    return sum(may_call("default", use, now=now + timedelta(seconds=tenth / 10)) for tenth in range(seconds * 10))


@pytest.mark.parametrize(
    ("use", "most"), [(Use.CUSTOMER_REFRESHES, 60), (Use.CREATIONS, 120), (Use.DOCTOR, 5), (Use.LEDGER, 28)]
)
def test_in_a_minute_no_more_than_this_is_called_however_often_it_is_asked_for(use, most):
    assert most - 2 <= calls_within(60, use) <= most


def test_it_comes_back_with_time():
    now = timezone.now()
    while may_call("default", Use.CUSTOMER_REFRESHES, now=now):
        pass

    assert may_call("default", Use.CUSTOMER_REFRESHES, now=now + timedelta(seconds=2))
    assert not may_call("default", Use.CUSTOMER_REFRESHES, now=now + timedelta(seconds=2))


def test_each_account_has_its_own_however_long_its_name():
    now = timezone.now()
    while may_call("default", Use.CREATIONS, now=now):
        pass

    assert may_call("a" * 32, Use.CREATIONS, now=now)
    assert Schedule.objects.filter(name="creations " + "a" * 32).exists()


def test_what_is_used_up_is_an_error_that_says_that_nothing_was_sent():
    use_up(Use.CUSTOMER_REFRESHES)

    with pytest.raises(
        GatewayRateLimitError, match=r"nothing was sent: too many calls for customer refreshes of account default"
    ):
        spend("default", Use.CUSTOMER_REFRESHES)


def test_an_order_has_a_dozen_invoices_in_ten_minutes():
    order = User.objects.create()
    for _ in range(12):
        spend_creation("default", order)
        InvoiceFactory(order=order)

    with pytest.raises(GatewayRateLimitError, match=r"auth\.User \d+ had 12 invoices made in 10 minutes"):
        spend_creation("default", order)

    Invoice.objects.update(created_at=timezone.now() - timedelta(minutes=11))
    spend_creation("default", order)


def test_those_who_ask_at_once_get_all_that_is_left_and_no_more():
    now, start, allowed = timezone.now(), threading.Barrier(12), []
    use = Use.CUSTOMER_REFRESHES

    def ask():
        start.wait(20)
        allowed.extend(may_call("default", use, now=now) for _ in range(4))
        connection.close()

    threads = [threading.Thread(target=ask) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    (row,) = Schedule.objects.all()
    assert (len(allowed), sum(allowed)) == (48, use.value.burst)
    assert row.due_at == now + use.value.interval * use.value.burst, "none is taken twice, none for nothing"


def test_who_is_overtaken_by_others_each_time_still_gets_one():
    now, is_overtaking = timezone.now(), []
    may_call("default", Use.CREATIONS, now=now)

    def overtake(execute, sql, params, many, context):
        if sql.startswith("UPDATE") and not is_overtaking:
            is_overtaking.append(True)
            assert may_call("default", Use.CREATIONS, now=now)
            is_overtaking.clear()
        return execute(sql, params, many, context)

    with connection.execute_wrapper(overtake):
        assert may_call("default", Use.CREATIONS, now=now)
