"""Several people, processes and the account itself at once: real threads on real connections, one effect."""

from __future__ import annotations

import threading
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction

from cryptopay_django.exceptions import CryptopayError
from cryptopay_django.models import Refund, Resolution
from cryptopay_django.models.locking import LockingManager
from cryptopay_django.services import (
    approve_resolution,
    refund_invoice,
    resolve_pending_resolutions,
    resolve_unknown,
    settle_invoice,
)
from cryptopay_django.testing.factories import InvoiceFactory

from .desk import COMMIT, MONEY, REFUNDS, kinds, money_moved, resolve_by_setting, unresolved
from .returning import committed, completed, quoted

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*acts):
    """Run all at the same time; return what each returned or raised."""
    start, results = threading.Barrier(len(acts)), [None] * len(acts)

    def run(place, act):
        start.wait()
        try:
            results[place] = act()
        except CryptopayError as error:
            results[place] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def begun(results):
    return [result for result in results if isinstance(result, Resolution)]


def test_a_double_click_and_a_second_person_make_one_refund(wire, cryptopay_sandbox):
    invoice = unresolved(cryptopay_sandbox)

    def click(actor):
        return lambda: refund_invoice(invoice, actor=actor, reason="asked", expected_version=invoice.version)

    results = at_once(*[click(actor) for actor in ("ada", "ada", "bob", "bob", "cy", "cy")])

    assert [resolution.status for resolution in begun(results)] == ["succeeded"], results
    assert all(isinstance(result, Resolution | CryptopayError) for result in results), results
    assert (wire.count(MONEY), money_moved(cryptopay_sandbox, invoice)) == (1, 1)
    assert Resolution.objects.count() == 1


def test_one_settles_while_the_other_refunds_and_one_of_both_happens(wire, cryptopay_sandbox):
    invoice = unresolved(cryptopay_sandbox)

    results = at_once(
        lambda: settle_invoice(invoice, actor="ada", reason="credit it"),
        lambda: refund_invoice(invoice, actor="bob", reason="send it back"),
    )

    assert len(begun(results)) == 1, results
    assert (wire.count(MONEY), money_moved(cryptopay_sandbox, invoice)) == (1, 1)


def test_six_who_refund_a_completed_order_send_it_back_once(wire, cryptopay_sandbox):
    invoice = completed(cryptopay_sandbox)
    quotes = [quoted(invoice, None) for _ in range(6)]

    def click(quote):
        return lambda: refund_invoice(invoice, actor="ada", reason="asked", quote=quote)

    results = at_once(*map(click, quotes))

    assert [resolution.status for resolution in begun(results)] == ["succeeded"], results
    assert (wire.count(COMMIT), len(committed(cryptopay_sandbox))) == (1, 1)
    assert Refund.objects.count() == 1


def test_six_who_refund_the_same_part_send_it_back_once(wire, cryptopay_sandbox):
    invoice = completed(cryptopay_sandbox)
    quotes = [quoted(invoice, "15") for _ in range(6)]

    results = at_once(
        *[lambda quote=quote: refund_invoice(invoice, actor="ada", reason="asked", quote=quote) for quote in quotes]
    )

    assert [resolution.status for resolution in begun(results)] == ["succeeded"], results
    assert (wire.count(COMMIT), len(committed(cryptopay_sandbox)), Refund.objects.count()) == (1, 1, 1)


def test_a_double_click_on_one_quote_makes_one_refund(wire, cryptopay_sandbox):
    invoice = completed(cryptopay_sandbox)
    quote = quoted(invoice, "20")

    results = at_once(
        *[lambda actor=actor: refund_invoice(invoice, actor=actor, reason="asked", quote=quote) for actor in "aabb"]
    )

    assert len(begun(results)) == 1, results
    assert (wire.count(COMMIT), Refund.objects.count(), Resolution.objects.count()) == (1, 1, 1)


def test_the_database_itself_refuses_a_second_active_one():
    invoice = InvoiceFactory()
    values = {"invoice": invoice, "kind": "refund", "actor": "ada", "reason": "asked"}
    Resolution.objects.create(**values, active=None)
    Resolution.objects.create(**values, active=None)
    Resolution.objects.create(**values)

    with pytest.raises(IntegrityError), transaction.atomic():
        Resolution.objects.create(**values)


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has no row locks to take out")
def test_without_the_lock_the_database_still_lets_one_through(wire, cryptopay_sandbox, monkeypatch):
    """The lock tells the second in time; what makes it one is the constraint."""
    invoice = unresolved(cryptopay_sandbox)
    meeting = threading.Barrier(2, timeout=20)
    wire.after_each(REFUNDS, meeting.wait)
    monkeypatch.setattr(
        LockingManager, "lock", lambda self, narrow=None, skip_locked=False, related=(), **lookup: self.get(**lookup)
    )

    results = at_once(
        *[lambda actor=actor: refund_invoice(invoice, actor=actor, reason="asked") for actor in ("ada", "bob")]
    )

    assert len(begun(results)) == 1, results
    assert (wire.count(MONEY), money_moved(cryptopay_sandbox, invoice)) == (1, 1)


def test_staff_against_the_accounts_own_setting_make_one_refund(wire, cryptopay_sandbox):
    invoice = unresolved(cryptopay_sandbox)

    at_once(
        lambda: refund_invoice(invoice, actor="ada", reason="asked", expected_version=invoice.version),
        lambda: resolve_by_setting(cryptopay_sandbox, invoice),
    )

    assert money_moved(cryptopay_sandbox, invoice) == 1
    assert not Resolution.objects.filter(active=True).exists()


def test_two_who_confirm_at_once_send_it_once(wire, cryptopay_sandbox, settings):
    settings.CRYPTOPAY_FOUR_EYES_ABOVE = {"EUR": Decimal(1)}
    invoice = unresolved(cryptopay_sandbox)
    planned = refund_invoice(invoice, actor="ada", reason="asked")

    results = at_once(*[lambda actor=actor: approve_resolution(planned, actor=actor) for actor in ("bob", "cy", "di")])

    assert len(begun(results)) == 1, results
    assert (wire.count(MONEY), money_moved(cryptopay_sandbox, invoice)) == (1, 1)


def test_many_resolvers_at_once_end_each_resolution_once(wire, cryptopay_sandbox):
    invoices = [unresolved(cryptopay_sandbox) for _ in range(3)]
    wire.fail(MONEY, "timeout", after_effect=True)
    unknown = [refund_invoice(invoice, actor="ada", reason="asked") for invoice in invoices]

    at_once(
        *[resolve_pending_resolutions] * 3,
        *[lambda resolution=resolution: resolve_unknown(resolution) for resolution in unknown],
    )

    assert set(Resolution.objects.values_list("status", "active")) == {("succeeded", None)}
    assert [kinds(invoice).count("succeeded") for invoice in invoices] == [1, 1, 1]
    assert wire.count(MONEY) == 3
