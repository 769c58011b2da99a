"""The whole transition table, pinned: a new edge has to be written down here."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db.models import Model
from django_fsm import TransitionNotAllowed
from django_fsm.signals import post_transition, pre_transition

from cryptopay_django.models import Invoice, Payment, Resolution

NOW = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)

INVOICE = {
    ("new", "mark_unresolved"): "unresolved",
    ("unresolved", "mark_unresolved"): "unresolved",
    ("new", "complete"): "completed",
    ("unresolved", "complete"): "completed",
    ("new", "refund"): "refunded",
    ("unresolved", "refund"): "refunded",
    ("new", "cancel"): "cancelled",
    ("unresolved", "cancel"): "cancelled",
    ("unresolved", "overrule"): "refunded",
    ("completed", "overrule"): "refunded",
    ("refunded", "overrule"): "refunded",
    ("cancelled", "overrule"): "refunded",
}
PAYMENT = {("detected", "confirm"): "confirmed"}
RESOLUTION = {
    ("planned", "send"): "sent",
    ("planned", "fail"): "failed",
    ("sent", "succeed"): "succeeded",
    ("sent", "fail"): "failed",
    ("sent", "lose_track"): "unknown",
    ("unknown", "succeed"): "succeeded",
    ("unknown", "fail"): "failed",
    ("failed", "resume"): "unknown",
}
ARGUMENTS = {
    "mark_unresolved": {"context": "underpaid"},
    "complete": {"settled_amount": Decimal(100), "at": NOW},
    "overrule": {"status": "refunded", "context": "", "settled_amount": None, "at": NOW},
    "fail": {"error": "refused", "at": NOW},
    "lose_track": {"error": "timed out"},
    "resume": {},
}
TABLES = [(Invoice, INVOICE), (Payment, PAYMENT), (Resolution, RESOLUTION)]


def every_cell() -> list[tuple[type[Model], str, str, str | None]]:
    cells = []
    for model, table in TABLES:
        states = [value for value, _ in model._meta.get_field("status").choices]
        methods = sorted({method for _, method in table})
        cells += [(model, state, method, table.get((state, method))) for state in states for method in methods]
    return cells


@pytest.mark.parametrize(("model", "state", "method", "target"), every_cell())
def test_a_transition_leads_where_the_table_says_or_is_refused(model, state, method, target):
    row = model(status=state)
    call = getattr(row, method)
    arguments = ARGUMENTS.get(method, {"at": NOW})

    if target is None:
        with pytest.raises(TransitionNotAllowed):
            call(**arguments)
        assert row.status == state
    else:
        call(**arguments)
        assert row.status == target


@pytest.mark.parametrize(("model", "table"), TABLES)
def test_the_table_names_every_edge_that_the_model_has(model, table):
    edges = {(transition.source, transition.name) for transition in model().get_all_status_transitions()}

    assert edges == set(table)


def test_no_transition_starts_from_any_state_whatever():
    sources = {t.source for model, _ in TABLES for t in model().get_all_status_transitions()}

    assert not sources & {"*", "+"}


def test_a_final_invoice_forgets_its_context_and_keeps_the_time():
    invoice = Invoice(status="unresolved", status_context="underpaid")

    invoice.complete(settled_amount=Decimal("89.21"), at=NOW)

    assert (invoice.status_context, invoice.finished_at, invoice.settled_amount) == ("", NOW, Decimal("89.21"))


def test_an_invoice_whose_end_was_taken_back_keeps_the_time_of_that_end():
    invoice = Invoice(status="completed", settled_amount=Decimal(1), finished_at=NOW)

    invoice.overrule("unresolved", context="paid_late", settled_amount=None, at=NOW + timedelta(days=1))

    assert (invoice.status, invoice.status_context, invoice.settled_amount) == ("unresolved", "paid_late", None)
    assert invoice.finished_at == NOW


def test_an_overruled_invoice_has_a_status_that_is_known():
    invoice = Invoice(status="completed")

    with pytest.raises(Exception, match="not in list of allowed states"):
        invoice.overrule("blessed", context="", settled_amount=None, at=NOW)


def test_other_apps_are_not_called_within_a_transition():
    called = []
    receiver = lambda **kwargs: called.append(kwargs)  # noqa: E731  the same object twice
    for signal in (pre_transition, post_transition):
        signal.connect(receiver)
    try:
        Invoice(status="new").cancel(at=NOW)
        Payment(status="detected").confirm(at=NOW)
        Resolution(status="sent").succeed(at=NOW)
    finally:
        for signal in (pre_transition, post_transition):
            signal.disconnect(receiver)

    assert called == []


def test_an_ended_resolution_makes_room_for_the_next_and_an_unknown_one_does_not():
    ended, unknown = Resolution(status="sent"), Resolution(status="sent")

    ended.succeed(at=NOW)
    unknown.lose_track(error="timed out")

    assert (ended.active, unknown.active) == (None, True)
