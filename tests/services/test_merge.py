"""Which snapshot means what: how it stands to our row, what contradicts the order, what pays for it."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

import pytest

from cryptopay_django.services.snapshots.compare import (
    Relation,
    brings_news,
    contradictions,
    differences,
    is_forward,
    is_recalculated,
    needs_confirmation,
    rank_of,
    relation,
)
from cryptopay_django.services.snapshots.merge import is_covered, status_event
from cryptopay_django.testing.factories import PaymentFactory, transaction_wire

from .merging import NOT_YET, NOW, RECALCULATED, A, B, row, said


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        (("new", ""), ("new", None), Relation.SAME),
        (("new", ""), ("unresolved", "underpaid"), Relation.AHEAD),
        (("new", ""), ("completed", None), Relation.AHEAD),
        (("new", ""), ("refunded", None), Relation.AHEAD),
        (("new", ""), ("cancelled", None), Relation.AHEAD),
        (("unresolved", "underpaid"), ("new", None), Relation.BEHIND),
        (("unresolved", "underpaid"), ("unresolved", "underpaid"), Relation.SAME),
        (("unresolved", "underpaid"), ("unresolved", "paid_late"), Relation.CONFLICT),
        (("unresolved", "underpaid"), ("unresolved", None), Relation.CONFLICT),
        (("unresolved", ""), ("unresolved", None), Relation.SAME),
        (("unresolved", "underpaid"), ("completed", None), Relation.AHEAD),
        (("completed", ""), ("unresolved", "underpaid"), Relation.BEHIND),
        (("completed", ""), ("new", None), Relation.BEHIND),
        (("completed", ""), ("completed", None), Relation.SAME),
        (("completed", ""), ("completed", "overpaid"), Relation.SAME),
        (("completed", ""), ("refunded", None), Relation.CONFLICT),
        (("refunded", ""), ("cancelled", None), Relation.CONFLICT),
        (("cancelled", ""), ("completed", None), Relation.CONFLICT),
        (("new", ""), ("blessed", None), Relation.UNKNOWN),
        (("completed", ""), ("blessed", None), Relation.UNKNOWN),
    ],
)
def test_statuses_are_compared_along_the_graph(ours, theirs, expected):
    invoice = row(status=ours[0], status_context=ours[1])

    assert relation(invoice, said(invoice, status=theirs[0], status_context=theirs[1])) is expected


def test_an_unknown_status_is_as_far_as_an_unresolved_one():
    ranks = [rank_of(status) for status in ("new", "unresolved", "blessed", "cancelled")]

    assert ranks == [0, 1, 1, 2]


@pytest.mark.parametrize(
    ("ours", "changes", "believing", "checking"),
    [
        ("new", {}, False, False),
        ("new", {"paid_amount": "0.001"}, False, False),
        ("new", {"status": "unresolved", "status_context": "underpaid"}, False, True),
        ("new", {"status": "completed"}, False, True),
        ("new", {"status": "cancelled"}, False, True),
        ("new", {"status": "completed", "paid_amount": "0"}, True, True),
        ("completed", {"status": "completed"}, False, False),
        ("completed", {"status": "cancelled"}, True, True),
        ("completed", {"status": "unresolved"}, True, True),
        ("completed", {"status": "new"}, False, False),
        ("new", {"status": "blessed"}, True, True),
        ("new", {"price_amount": "1"}, True, True),
        ("new", {"address": "thief"}, True, True),
    ],
)
def test_the_gateway_is_asked_about_what_moves_a_status_and_about_what_only_it_can_decide(
    settings, ours, changes, believing, checking
):
    invoice = row(status=ours)
    asked = []

    for settings.CRYPTOPAY_CONFIRM_WITH_API in (False, True):
        asked.append(needs_confirmation(invoice, said(invoice, **changes)))

    assert asked == [believing, checking]


def test_the_gateway_is_asked_about_an_invoice_whose_id_is_not_known(settings):
    settings.CRYPTOPAY_CONFIRM_WITH_API = False

    assert needs_confirmation(row(custom_id="order-5", **NOT_YET), said(row(custom_id="order-5")))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, False),
        ({"paid_amount": "0.001"}, False),
        ({"paid_amount": "0.0005"}, False),
        ({"paid_amount": "0.0011"}, True),
        ({"transactions": [transaction_wire(A, level=None)]}, False),
        ({"transactions": [transaction_wire(A)]}, False),
        ({"transactions": [transaction_wire(A, level="high")]}, True),
        ({"transactions": [transaction_wire(A), transaction_wire(B)]}, True),
        ({"transactions": [{"txid": A, "risk": None, "source_addresses": ["one"]}]}, True),
        ({"fee": "7"}, False),
    ],
)
def test_money_and_risk_that_are_not_known_are_news(changes, expected):
    invoice = row(paid_amount=Decimal("0.001"))
    risk = {"risk_score": Decimal("3.27"), "risk_level": "low", "risk_resource_name": "default"}
    known = PaymentFactory.build(pk=1, txid=A, risk_resource_category="unknown", **risk)

    assert brings_news(invoice, {A: known}, said(invoice, **{"paid_amount": "0.001", **changes})) is expected


def test_a_fee_that_was_not_known_is_news():
    assert brings_news(row(fee_amount=None), {}, said(row(), fee="1"))


@pytest.mark.parametrize(
    ("ours", "changes", "expected"),
    [
        ("new", {}, True),
        ("new", {"status": "completed"}, True),
        ("new", {"status": "completed", "paid_amount": "0"}, False),
        ("new", {"paid_amount": "0.0005"}, False),
        ("new", {"price_amount": "1"}, False),
        ("completed", {"status": "new"}, False),
        ("completed", {"status": "refunded"}, False),
        ("new", {"status": "blessed"}, False),
    ],
)
def test_a_list_that_lags_never_takes_a_row_back(ours, changes, expected):
    invoice = row(status=ours, paid_amount=Decimal("0.001"))

    assert is_forward(invoice, said(invoice, **{"paid_amount": "0.001", **changes})) is expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"status": "completed", **RECALCULATED}, True),
        ({"status": "unresolved", **RECALCULATED}, True),
        ({"status": "new", **RECALCULATED}, False),
        ({"status": "cancelled", **RECALCULATED}, False),
        ({"status": "completed", **RECALCULATED, "paid_amount": "0.0011"}, False),
        ({"status": "completed", **RECALCULATED, "price_currency": "BTC"}, False),
        ({"status": "completed", **RECALCULATED, "price_currency": "BTC", "price_amount": "0.001"}, True),
    ],
)
def test_only_a_paid_invoice_on_its_way_to_completed_can_be_recalculated(changes, expected):
    invoice = row()

    assert is_recalculated(invoice, said(invoice, **changes)) is expected


def test_an_invoice_that_was_never_asked_for_an_amount_cannot_be_recalculated():
    assert not is_recalculated(row(pay_amount=None), said(row(), status="completed", **RECALCULATED))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, []),
        ({"id": str(UUID(int=7))}, [f"id is {UUID(int=7)}, ordered was {UUID(int=5)}"]),
        ({"price_amount": "99"}, ["price_amount is 99, ordered was 100"]),
        ({"price_amount": "100.00"}, []),
        ({"price_currency": "USD"}, ["price_currency is USD, ordered was EUR"]),
        ({"pay_amount": "0.0020000001"}, ["pay_amount is 0.0020000001, ordered was 0.002"]),
        ({"pay_amount": "0.0000001"}, ["pay_amount is 0.0000001, ordered was 0.002"]),
        ({"pay_currency": "LTC"}, ["pay_currency is LTC, ordered was BTC"]),
        ({"custom_id": "another"}, ["custom_id is another, ordered was order-5"]),
        ({"network": "tron"}, ["network is tron, ordered was bitcoin"]),
        ({"address": "elsewhere?dt=77"}, ["address is elsewhere, ordered was here"]),
        ({"address": "here?dt=78"}, ["destination_tag is 78, ordered was 77"]),
        ({"custom_id": None, "network": None, "address": None}, []),
        ({"custom_id": "x" * 101}, [f"custom_id is {'x' * 100}, ordered was order-5"]),
        ({"status": "completed", **RECALCULATED}, []),
        ({"status": "completed", **RECALCULATED, "network": "tron"}, ["network is tron, ordered was bitcoin"]),
        (
            {"price_amount": "99", "pay_amount": "1"},
            ["price_amount is 99, ordered was 100", "pay_amount is 1, ordered was 0.002"],
        ),
    ],
)
def test_what_breaks_the_price_seal_is_said_in_words(changes, told):
    invoice = row(gateway_id=UUID(int=5), custom_id="order-5", address="here", destination_tag="77")

    assert contradictions(invoice, said(invoice, **changes)) == told


@pytest.mark.parametrize(
    ("name", "value", "is_followed"),
    [
        ("pay_amount", "1", True),
        ("pay_currency", "LTC", True),
        ("network", "tron", True),
        ("address", "elsewhere", True),
        ("address", "here?dt=78", True),
        ("price_amount", "1", False),
        ("custom_id", "another", False),
    ],
)
def test_another_link_to_pay_with_differs_where_it_leads_elsewhere(name, value, is_followed):
    invoice = row(address="here", uri="ours")
    invoice.destination_tag = "77" if "?" in value else ""

    found = differences(invoice, said(invoice, uri="theirs", **{name: value}))

    assert found.get("uri") == ("theirs" if is_followed else None)


def test_what_is_not_known_yet_contradicts_nothing():
    told = said(row(destination_tag="77", custom_id="order-5"))

    assert contradictions(row(custom_id="order-5", **NOT_YET), told) == []


@pytest.mark.parametrize(
    ("settled", "tolerance", "fulfil", "covered"),
    [
        ("100", "0", False, True),
        ("99.99", "0", False, False),
        ("99", "0.01", False, True),
        ("98.99", "0.01", False, False),
        ("1", "0", True, True),
        (None, "0", False, False),
    ],
)
def test_what_covers_an_order_is_for_the_shop_to_say(settings, settled, tolerance, fulfil, covered):
    settings.CRYPTOPAY_SHORTFALL_TOLERANCE = Decimal(tolerance)
    settings.CRYPTOPAY_FULFIL_SHORT_SETTLEMENTS = fulfil

    assert is_covered(row(settled_amount=settled and Decimal(settled))) is covered


def test_a_shortfall_that_a_person_accepted_completes_the_order():
    invoice = row(status="completed", settled_amount=Decimal("51.5"))

    assert status_event(invoice, at=NOW).kind == "invoice_settled_short"
    assert status_event(invoice, at=NOW, is_shortfall_accepted=True).kind == "invoice_completed"


def test_what_covers_an_order_is_for_its_account_to_say(settings):
    own = settings.CRYPTOPAY_ACCOUNTS["second"] | {"OPTIONS": {"SHORTFALL_TOLERANCE": Decimal("0.05")}}
    settings.CRYPTOPAY_ACCOUNTS = settings.CRYPTOPAY_ACCOUNTS | {"second": own}
    short = {"settled_amount": Decimal(96)}

    assert (is_covered(row(account="second", **short)), is_covered(row(**short))) == (True, False)
