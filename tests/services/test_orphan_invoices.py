"""Invoices of the account that the shop never made: shown as what they are, and no order's, whatever their name is."""

from __future__ import annotations

import uuid
from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from cryptopay_django.conf import client_for
from cryptopay_django.exceptions import CustomIdError
from cryptopay_django.models import Callback, Invoice, InvoiceEvent
from cryptopay_django.services import create_invoice, process_overdue, reconcile_invoices
from cryptopay_django.services.callbacks.process import process_and_deliver
from cryptopay_django.services.diagnosis import Level, backlog
from cryptopay_django.services.snapshots.orphan_invoices import find_orphan_invoices
from cryptopay_django.testing.factories import CallbackFactory, InvoiceFactory, callback_body, invoice_wire
from tests.wire import ScriptedGateway, refusal

pytestmark = pytest.mark.django_db


def made_elsewhere(custom_id=None, **more):
    """An invoice that another client of the same account has made: a payment link, the account's pages."""
    client = client_for("default")
    return client.create_invoice(
        price_amount=Decimal(40), price_currency="EUR", pay_currency="BTC", **({"custom_id": custom_id} if custom_id else {}),
        **more,
    )  # fmt: skip


def paid(sandbox, snapshot):
    sandbox.pay(str(snapshot.id))
    sandbox.confirm(str(snapshot.id))
    sandbox.deliver()


def result():
    return next(
        result for result in backlog.check_callbacks(timezone.now()) if result.subject == "invoices that are not ours"
    )


def test_a_paid_invoice_of_another_client_is_shown_with_its_money_and_nobody_is_alarmed(cryptopay_sandbox):
    theirs = made_elsewhere("link-7")
    paid(cryptopay_sandbox, theirs)

    ((shown,), is_cut) = find_orphan_invoices()

    assert (shown.gateway_id, shown.account, is_cut) == (theirs.id, "default", False)
    assert (shown.snapshot.status, shown.snapshot.custom_id) == ("completed", "link-7")
    assert (shown.snapshot.price_amount, shown.is_paid, shown.named_like, shown.is_marked) == (40, True, None, False)
    assert shown.callbacks == Callback.objects.count() > 1
    assert set(Callback.objects.values_list("outcome", "invoice")) == {("orphan", None)}
    assert (Invoice.objects.count(), InvoiceEvent.objects.count()) == (0, 0)
    assert (result().level, result().found) == (Level.OK, "1 in the last seven days, 1 of them paid")


def test_the_furthest_callback_is_shown_whatever_came_last(cryptopay_sandbox):
    invoice = InvoiceFactory.build()
    for status in ("new", "completed", "new"):
        body = callback_body(invoice_wire(invoice, status=status), f"x{Callback.objects.count()}")
        process_and_deliver(CallbackFactory(body=body))

    ((shown,), _) = find_orphan_invoices()

    assert (shown.snapshot.status, shown.callbacks) == ("completed", 3)


@pytest.mark.parametrize("custom_id", ["order-1", "ce92da7c-c453-4fe5-8b40-097d965a2896"])
def test_an_equal_custom_id_links_nothing(custom_id, cryptopay_sandbox):
    """Two families, or two times, of one account can have the same name; only the gateway's id counts."""
    ours = InvoiceFactory(custom_id=custom_id)
    theirs = invoice_wire(ours, id=str(uuid.uuid4()), status="completed", metadata={})

    callback = CallbackFactory(body=callback_body(theirs))
    process_and_deliver(callback)
    process_overdue()

    ours.refresh_from_db()
    assert (callback.outcome, ours.status, ours.paid_amount, ours.events.count()) == ("orphan", "new", 0, 0)
    ((shown,), _) = find_orphan_invoices()
    assert shown.named_like == ours
    assert result().level is Level.WARNING


def test_a_payer_who_takes_our_name_on_a_link_first_gets_no_order_paid(cryptopay_sandbox):
    theirs = made_elsewhere("order-1")
    paid(cryptopay_sandbox, theirs)

    with pytest.raises(CustomIdError, match="Use another custom_id"):
        create_invoice(price_amount=Decimal(40), price_currency="EUR", pay_currency="BTC", custom_id="order-1")
    again = create_invoice(price_amount=Decimal(40), price_currency="EUR", pay_currency="BTC")
    cryptopay_sandbox.deliver()
    reconcile_invoices(min_age=timedelta(0))
    process_overdue()

    assert Invoice.objects.get() == again
    again.refresh_from_db()
    assert (again.status, again.paid_amount, again.quarantine_reason) == ("new", 0, "")
    assert set(Callback.objects.filter(invoice=None).values_list("outcome", flat=True)) == {"orphan"}


def test_a_name_taken_while_our_creation_has_no_answer_makes_an_orphan_and_not_a_callback_that_waits_for_ever(
    settings,
):
    """The row has no gateway id yet; what the gateway has under its name is not proven to be ours."""
    ours = InvoiceFactory(gateway_id=None, custom_id="order-1")
    theirs = invoice_wire(ours, id=str(uuid.uuid4()), status="completed", metadata={})
    scripted = ScriptedGateway(lambda *_: (200, {"data": theirs}))
    settings.CRYPTOPAY_HTTP_ADAPTER = lambda account: scripted

    callback = CallbackFactory(body=callback_body(theirs))
    process_and_deliver(callback)

    ours.refresh_from_db()
    assert (callback.outcome, callback.next_attempt_at) == ("orphan", None)
    assert (ours.gateway_id, ours.status, ours.events.count()) == (None, "new", 0)


def test_an_orphan_that_is_ours_after_all_is_still_linked(settings):
    ours = InvoiceFactory(gateway_id=None, custom_id="order-1")
    known = uuid.uuid4()
    theirs = invoice_wire(ours, id=str(known), custom_id="another")
    scripted = ScriptedGateway(lambda *_: refusal(404))
    settings.CRYPTOPAY_HTTP_ADAPTER = lambda account: scripted
    callback = CallbackFactory(body=callback_body(theirs))
    process_and_deliver(callback)

    assert callback.outcome == "orphan"
    assert find_orphan_invoices()[0][0].is_marked, "its mark names our row"


def test_what_was_seen_longer_than_a_week_ago_is_no_warning(cryptopay_sandbox):
    ours = InvoiceFactory(custom_id="order-1")
    theirs = invoice_wire(ours, id=str(uuid.uuid4()), metadata={})
    process_and_deliver(CallbackFactory(body=callback_body(theirs)))
    assert result().level is Level.WARNING

    Callback.objects.update(received_at=timezone.now() - timedelta(days=8))

    assert (result().level, result().found) == (Level.OK, "none in the last seven days")
    assert len(find_orphan_invoices()[0]) == 1, "staff still see it"


def test_the_number_of_queries_does_not_grow(cryptopay_sandbox, django_assert_num_queries):
    for number in range(4):
        process_and_deliver(
            CallbackFactory(body=callback_body(invoice_wire(InvoiceFactory.build(), custom_id=f"link-{number}")))
        )

    with django_assert_num_queries(3):
        found, is_cut = find_orphan_invoices(most=3)

    assert (len(found), is_cut) == (3, True)


@pytest.fixture
def desk(client):
    client.force_login(User.objects.create_superuser("ada"))
    return client


def test_staff_see_them_apart_and_find_one_by_the_services_id(cryptopay_sandbox, desk):
    ours = InvoiceFactory(custom_id="order-1")
    alike = invoice_wire(ours, id=str(uuid.uuid4()), metadata={})
    process_and_deliver(CallbackFactory(body=callback_body(alike)))
    theirs = made_elsewhere("<b>link</b>")
    paid(cryptopay_sandbox, theirs)

    page = desk.get("/admin/cryptopay_django/callback/not-ours/").text
    only_paid = desk.get("/admin/cryptopay_django/callback/not-ours/?paid=1").text
    found = desk.get(f"/admin/cryptopay_django/callback/?q={theirs.id}").text

    assert str(theirs.id) in page
    assert alike["id"] in page
    assert "&lt;b&gt;link&lt;/b&gt;" in page
    assert "<b>link</b>" not in page
    assert "Not our invoice of this name" in page
    assert str(theirs.id) in only_paid
    assert alike["id"] not in only_paid
    assert "Invoice " in found
    callback = Callback.objects.filter(gateway_id=theirs.id).latest("pk")
    assert "was not made by this shop" in desk.get(f"/admin/cryptopay_django/callback/{callback.pk}/change/").text
