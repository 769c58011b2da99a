"""The one word for how far a payment has come, and what may be known of it."""

from __future__ import annotations

import uuid
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from cryptopay_django.models import Invoice
from cryptopay_django.services import release_invoice
from cryptopay_django.services.invoices.customer_state import FINAL, PAYABLE, State, read_progress
from cryptopay_django.testing.factories import PaymentFactory
from tests.pages.states import STATES, WHOLE, completed, invoice, paid, unresolved

pytestmark = pytest.mark.django_db


def state_of(made: Invoice) -> State:
    progress = read_progress(made.pk)
    assert progress is not None
    return progress.state


def test_each_state_is_told_by_its_word_with_one_query(django_assert_num_queries):
    for name, make in STATES.items():
        made = make()

        with django_assert_num_queries(1):
            assert state_of(made) == name.partition("-")[0]


def test_every_state_is_among_those_that_are_tested():
    assert {name.partition("-")[0] for name in STATES} == set(State)


def test_an_unknown_invoice_has_no_progress():
    assert read_progress(uuid.uuid4()) is None


def test_a_completed_invoice_that_the_shop_was_not_told_of_is_not_shown_as_paid():
    made = invoice(status="completed", settled_amount=Decimal(100), paid_amount=WHOLE)

    assert state_of(made) is State.REVIEW


def test_an_accepted_shortfall_is_paid():
    made = paid(status="completed", settled_amount=Decimal(51), is_confirmed=True)
    assert state_of(made) is State.REVIEW

    release_invoice(made, actor="stella", reason="a good customer", accept_shortfall=True)

    assert state_of(made) is State.COMPLETED


def test_a_completed_invoice_that_is_held_afterwards_is_no_longer_shown_as_paid():
    made = completed(quarantine_reason="the gateway changed its final status from completed to refunded")

    assert state_of(made) is State.REVIEW


def test_an_unknown_context_is_looked_at_by_a_person():
    assert state_of(unresolved("struck_by_lightning")) is State.REVIEW


def test_a_second_payment_that_is_not_confirmed_yet_keeps_the_whole_unconfirmed():
    made = paid(part="0.5", is_confirmed=True)
    PaymentFactory.create(invoice=made)
    Invoice.objects.filter(pk=made.pk).update(paid_amount=WHOLE)

    assert state_of(made) is State.SEEN


def test_a_payment_without_a_known_amount_is_seen_and_not_partly_paid():
    made = invoice()
    PaymentFactory.create(invoice=made)

    assert state_of(made) is State.SEEN


def test_a_part_after_the_time_is_up_asks_for_no_more():
    progress = read_progress(paid(part="0.4", expires_in=-timedelta(seconds=1)).pk)

    assert progress.state is State.UNDERPAID
    assert progress.due_amount is None


def test_the_rest_is_exact():
    made = paid(part="1", pay_amount=Decimal("79936052.000000000000000003"))
    Invoice.objects.filter(pk=made.pk).update(paid_amount=Decimal("0.000000000000000001"))

    assert read_progress(made.pk).due_amount == Decimal("79936052.000000000000000002")


def test_an_amount_is_asked_for_only_where_coins_may_be_sent():
    for make in STATES.values():
        progress = read_progress(make().pk)

        assert (progress.due_amount is not None) == (progress.state in PAYABLE)
        assert progress.is_final == (progress.state in FINAL)


def test_time_running_out_changes_the_etag_though_the_row_does_not_change():
    made = invoice()
    before = read_progress(made.pk)
    after = read_progress(made.pk, now=timezone.now() + timedelta(minutes=11))

    assert before.etag != after.etag
    assert (before.seconds_left, after.seconds_left) == (pytest.approx(580, abs=5), None)


def test_what_is_public_shows_no_risk_no_sources_and_no_reasons():
    for make in STATES.values():
        made = make()
        private = {"metadata": {"crm": "vip"}, "customer_id": "customer-7", "payer_email": "ada@b.example"}
        Invoice.objects.filter(pk=made.pk).update(**private)

        public = str(read_progress(made.pk).public)

        for word in ("risk", "high", "Source", "illicit", "crm", "customer-7", "ada@", "ordered was", made.custom_id):
            assert word not in public
