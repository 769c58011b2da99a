"""What a snapshot makes of a row: identity, seal, status and amounts, and what the shop is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from cryptopay_django.models import Payment
from cryptopay_django.services.snapshots.merge import Merge, Source, merge_snapshot
from cryptopay_django.testing.factories import PaymentFactory, transaction_wire

from .merging import NOT_YET, NOW, RECALCULATED, A, kinds, row, said, take


def test_no_news_changes_nothing():
    merge = take(row())

    assert merge == Merge()
    assert not merge


@pytest.mark.parametrize(
    "change",
    [
        {"changed": {"status"}},
        {"new_payments": [Payment()]},
        {"changed_payments": {PaymentFactory.build(pk=1): {"amount"}}},
        {"events": [None]},
    ],
)
def test_whatever_a_merge_did_is_news(change):
    assert Merge(**change)


@pytest.mark.parametrize("source", [Source.ANSWER, Source.GET])
def test_the_gateways_answer_fills_in_what_was_not_known_and_writes_an_event(source):
    invoice = row(custom_id="order-5", **NOT_YET)
    made = row(id=invoice.pk, custom_id="order-5", destination_tag="77")

    merge = merge_snapshot(
        invoice, {}, said(made, uri="bitcoin:x", hosted_page_url="https://pay.example/1"), source=source, at=NOW
    )

    assert merge.changed == set(NOT_YET)
    assert (invoice.gateway_id, invoice.address, invoice.destination_tag) == (made.gateway_id, made.address, "77")
    assert (invoice.network, invoice.uri, invoice.hosted_page_url) == ("bitcoin", "bitcoin:x", "https://pay.example/1")
    assert invoice.expires_at == said(made).expires_at
    assert (invoice.pay_amount, invoice.exchange_rate) == (Decimal("0.002"), Decimal(50000))
    (event,) = merge.events
    assert (event.kind, event.once, event.created_at) == ("invoice_created", "invoice_created", NOW)


def test_an_answer_without_a_rate_gives_none():
    invoice = row(**NOT_YET)
    made = row(id=invoice.pk)

    merge_snapshot(invoice, {}, said(made, exchange=None), source=Source.ANSWER, at=NOW)

    assert (invoice.gateway_id, invoice.exchange_rate) == (made.gateway_id, None)


def test_a_callback_names_neither_id_nor_address_nor_amount():
    invoice = row(custom_id="order-5", **NOT_YET)

    merge = take(invoice, status="new", id=str(UUID(int=7)), network="bitcoin")

    assert not merge
    assert (invoice.gateway_id, invoice.address, invoice.pay_amount) == (None, "", None)


@pytest.mark.parametrize(
    ("metadata", "custom_id", "price"),
    [
        (None, "order-5", "100"),
        ({"cryptopay_django": str(UUID(int=7))}, "order-5", "100"),
        ("ours", "order-6", "100"),
        ("ours", None, "100"),
        ("ours", "order-5", "99"),
    ],
)
def test_what_the_gateway_has_under_our_custom_id_is_adopted_only_if_it_was_made_for_our_row(
    metadata, custom_id, price
):
    invoice = row(custom_id="order-5", **NOT_YET)
    metadata = {"cryptopay_django": str(invoice.pk)} if metadata == "ours" else metadata
    found = {
        "id": str(UUID(int=7)),
        "network": "bitcoin",
        "metadata": metadata,
        "custom_id": custom_id,
        "price_amount": price,
    }

    merge = take(invoice, source=Source.GET, address="theirs", uri="", status="completed", **found)

    assert (invoice.gateway_id, invoice.address, invoice.status) == (None, "", "new")
    assert ("nothing proves that" in invoice.quarantine_reason) is (price == "100")
    told = {"gateway_id", "address", "network", "expires_at", "pay_amount", "exchange_rate"}
    told |= {"custom_id"} if custom_id == "order-6" else set()
    told |= {"price_amount"} if price != "100" else set()
    assert invoice.contradicted.keys() == told, "nothing of it that is empty"
    assert invoice.contradicted["gateway_id"] == str(UUID(int=7))
    assert kinds(merge) == ["invoice_quarantined"]


def test_a_custom_id_that_is_our_key_proves_the_invoice_by_itself():
    invoice = row(**NOT_YET)
    invoice.custom_id = str(invoice.pk)

    take(invoice, source=Source.GET, id=str(UUID(int=7)), network="bitcoin", metadata=None)

    assert (invoice.gateway_id, invoice.quarantine_reason) == (UUID(int=7), "")


def test_what_is_known_of_the_creation_is_not_replaced():
    invoice = row(uri="bitcoin:ours", exchange_rate=Decimal(1), hosted_page_url="https://ours.example")
    before = invoice.expires_at

    merge = take(
        invoice,
        source=Source.GET,
        uri="bitcoin:theirs",
        hosted_page_url="https://theirs.example",
        expires_at="2030-01-01T00:00:00Z",
    )

    assert not merge
    assert (invoice.uri, invoice.exchange_rate, invoice.expires_at) == ("bitcoin:ours", Decimal(1), before)


def test_without_an_exchange_there_is_no_rate():
    invoice = row(exchange_rate=None)

    assert not take(invoice, exchange=None)
    assert invoice.exchange_rate is None


@pytest.mark.parametrize("source", [Source.ANSWER, Source.GET])
@pytest.mark.parametrize("status", ["new", "completed"])
def test_a_broken_seal_holds_the_invoice_and_takes_neither_amounts_nor_completion(status, source):
    invoice = row()

    merge = take(invoice, source=source, status=status, price_amount="1", paid_amount="0.001", fee="9")

    reason = "price_amount is 1, ordered was 100"
    assert (invoice.status, invoice.quarantine_reason) == ("new", reason)
    assert (invoice.paid_amount, invoice.fee_amount, invoice.settled_amount) == (0, 1, None)
    assert invoice.contradicted == {"price_amount": "1"}
    assert merge.changed == {"quarantine_reason", "contradicted"}
    (event,) = merge.events
    assert (event.kind, event.detail, event.created_at) == ("invoice_quarantined", {"reason": reason}, NOW)
    assert event.invoice is invoice


@pytest.mark.parametrize("change", [{"price_amount": "1"}, {"address": "thief"}, {"status": "blessed"}])
def test_a_callback_alone_holds_nothing_and_a_contradiction_in_it_spoils_the_rest_of_it(change):
    invoice = row()

    merge = take(invoice, paid_amount="0.001", transactions=[transaction_wire(A)], **change)

    assert not merge
    assert (invoice.quarantine_reason, invoice.contradicted, invoice.paid_amount) == ("", {}, 0)


def test_a_broken_seal_does_not_keep_the_invoice_from_another_end():
    invoice = row()

    merge = take(invoice, source=Source.GET, status="cancelled", price_amount="1")

    assert (invoice.status, invoice.quarantine_reason != "") == ("cancelled", True)
    assert kinds(merge) == ["invoice_quarantined"], "a held invoice is told of when it is released"


def test_one_that_is_held_is_not_held_again_for_the_same():
    invoice = row()
    take(invoice, source=Source.GET, price_amount="1")

    assert not take(invoice, source=Source.GET, price_amount="1")


def test_one_that_is_held_is_held_and_reported_for_a_new_reason_too():
    invoice = row(quarantine_reason="first")

    merge = take(invoice, source=Source.GET, price_amount="1")

    assert invoice.quarantine_reason == "first; price_amount is 1, ordered was 100"
    assert [event.detail for event in merge.events] == [{"reason": "price_amount is 1, ordered was 100"}]


def test_a_reason_of_several_is_not_given_again():
    invoice = row(quarantine_reason="first; it is completed, and nothing was paid", status="unresolved")

    merge = take(invoice, source=Source.GET, status="completed", paid_amount="0")

    assert (invoice.quarantine_reason, kinds(merge)) == ("first; it is completed, and nothing was paid", [])


def test_what_the_gateway_says_otherwise_is_forgotten_when_it_does_not_say_so_any_more():
    invoice = row()
    take(invoice, source=Source.GET, price_amount="1")

    merge = take(invoice, source=Source.GET)

    assert (merge.changed, merge.events, invoice.contradicted) == ({"contradicted"}, [], {})
    assert invoice.quarantine_reason, "only a person ends a quarantine"


def test_a_link_to_pay_with_is_kept_with_the_address_that_it_leads_to():
    invoice = row(destination_tag="77", uri="ours")

    take(invoice, source=Source.GET, address="elsewhere", uri="theirs")

    assert invoice.contradicted == {"address": "elsewhere", "destination_tag": "", "uri": "theirs"}
    assert "uri" not in invoice.quarantine_reason


def test_all_reasons_are_named():
    invoice = row()

    merge = take(invoice, source=Source.GET, price_amount="1", status="blessed")

    reason = "price_amount is 1, ordered was 100; its status is unknown here: blessed"
    assert invoice.quarantine_reason == reason
    assert [event.detail for event in merge.events] == [{"reason": reason}]
    assert invoice.contradicted == {"price_amount": "1", "status": "blessed"}


def test_reasons_do_not_grow_without_end():
    invoice = row()

    for number in range(50):
        take(invoice, source=Source.GET, address=f"elsewhere-{number}")

    assert len(invoice.quarantine_reason.split("; ")) == 20
    assert "elsewhere-49" in invoice.quarantine_reason


def test_an_unknown_status_holds_the_invoice_and_brings_nothing_else():
    invoice = row()

    merge = take(invoice, source=Source.GET, status="blessed", paid_amount="0.002", transactions=[transaction_wire(A)])

    assert (invoice.status, invoice.paid_amount, merge.new_payments) == ("new", 0, [])
    assert merge.changed == {"quarantine_reason", "contradicted"}


@pytest.mark.parametrize("source", [Source.CALLBACK, Source.ANSWER])
def test_a_snapshot_from_behind_brings_nothing_not_even_amounts(source):
    invoice = row(status="completed", paid_amount=Decimal("0.001"), settled_amount=Decimal(100))

    merge = take(
        invoice, source=source, status="new", paid_amount="0.002", fee="7", transactions=[transaction_wire(A)]
    )

    assert not merge
    assert invoice.paid_amount == Decimal("0.001")


def test_a_conflict_of_a_callback_decides_nothing_not_even_what_it_contradicts():
    invoice = row(status="completed", settled_amount=Decimal(100))

    assert not take(invoice, status="cancelled", price_amount="1", transactions=[transaction_wire(A)])
    assert (invoice.status, invoice.quarantine_reason) == ("completed", "")


@pytest.mark.parametrize(
    ("ours", "theirs", "settled"),
    [("completed", "refunded", None), ("cancelled", "completed", Decimal(100)), ("refunded", "cancelled", None)],
)
def test_an_end_that_the_gateway_changes_is_taken_held_and_not_told_to_the_shop(ours, theirs, settled):
    invoice = row(status=ours, settled_amount=Decimal(100) if ours == "completed" else None)

    merge = take(invoice, source=Source.GET, status=theirs)

    reason = f"the gateway changed its final status from {ours} to {theirs}"
    assert (invoice.status, invoice.settled_amount, invoice.finished_at) == (theirs, settled, NOW)
    assert invoice.quarantine_reason == reason
    changed = {"status", "status_context", "settled_amount", "finished_at", "quarantine_reason"}
    assert merge.changed - {"paid_amount"} == changed
    overruled, held = merge.events
    assert (overruled.kind, overruled.detail) == ("status_overruled", {"from": ours, "to": theirs})
    assert (held.kind, held.detail) == ("invoice_quarantined", {"reason": reason})
    assert overruled.created_at == held.created_at == NOW
    assert overruled.invoice is held.invoice is invoice


@pytest.mark.parametrize(
    ("ours", "theirs", "after"),
    [
        (("completed", ""), ("unresolved", "illicit_resource"), "completed to unresolved illicit_resource"),
        (("completed", ""), ("new", None), "completed to new"),
        (("cancelled", ""), ("unresolved", "paid_late"), "cancelled to unresolved paid_late"),
        (("refunded", ""), ("unresolved", None), "refunded to unresolved"),
        (("unresolved", "underpaid"), ("new", None), "unresolved underpaid to new"),
    ],
)
def test_a_status_that_the_gateway_takes_back_is_taken_held_and_not_delivered(ours, theirs, after):
    before = NOW - timedelta(days=1)
    finished = None if ours[0] == "unresolved" else before
    invoice = row(
        status=ours[0], status_context=ours[1], settled_amount=Decimal(100), finished_at=finished,
        paid_amount=Decimal("0.002"),
    )  # fmt: skip

    merge = take(invoice, source=Source.GET, status=theirs[0], status_context=theirs[1], paid_amount="0.001")

    reason = f"the gateway took its status back, from {after}"
    assert (invoice.status, invoice.status_context, invoice.settled_amount) == (theirs[0], theirs[1] or "", None)
    assert (invoice.quarantine_reason, invoice.paid_amount) == (reason, Decimal("0.001"))
    assert invoice.finished_at == finished, "it has been final once, so an end that comes again is no news to a shop"
    assert kinds(merge) == ["status_overruled", "invoice_quarantined"]


def test_a_completion_without_a_payment_is_held_and_not_delivered():
    invoice = row()

    merge = take(invoice, source=Source.GET, status="completed", paid_amount="0")

    assert (invoice.status, invoice.quarantine_reason) == ("completed", "it is completed, and nothing was paid")
    assert [(event.kind, event.created_at) for event in merge.events] == [("invoice_quarantined", NOW)]


def test_a_completed_invoice_whose_payment_the_gateway_takes_away_is_held_once():
    invoice = row(status="completed", settled_amount=Decimal(100), paid_amount=Decimal("0.002"))

    take(invoice, source=Source.GET, status="completed", paid_amount="0")

    assert (invoice.paid_amount, invoice.quarantine_reason) == (0, "it is completed, and nothing was paid")
    invoice.quarantine_reason = ""
    assert not take(invoice, source=Source.GET, status="completed", paid_amount="0"), "a person has accepted that"


def test_a_completion_after_all_was_sent_back_is_held_and_not_delivered():
    invoice = row(status="unresolved", status_context="underpaid")

    merge = take(invoice, source=Source.GET, is_returned=True, status="completed", paid_amount="0.001")

    reason = "it is completed, and all that was paid was sent back"
    assert (invoice.status, invoice.quarantine_reason) == ("completed", reason)
    assert [(event.kind, event.detail) for event in merge.events] == [("invoice_quarantined", {"reason": reason})]
    assert merge.events[0].created_at == NOW


def test_what_breaks_the_seal_is_held_for_that_alone():
    invoice = row(status="unresolved", status_context="underpaid")

    take(invoice, source=Source.GET, is_returned=True, status="completed", price_currency="USD")

    assert invoice.status == "unresolved"
    assert invoice.quarantine_reason == "price_currency is USD, ordered was EUR"


def test_a_change_of_context_that_the_gateway_confirms_is_taken_and_told():
    invoice = row(status="unresolved", status_context="underpaid")

    merge = take(invoice, source=Source.GET, status="unresolved", status_context="paid_late")

    assert (invoice.status, invoice.status_context) == ("unresolved", "paid_late")
    assert [(event.kind, event.detail) for event in merge.events] == [("invoice_unresolved", {"context": "paid_late"})]


@pytest.mark.parametrize(
    ("changes", "kind", "once", "detail"),
    [
        ({"status": "unresolved", "status_context": "overpaid"}, "invoice_unresolved", None, {"context": "overpaid"}),
        ({"status": "unresolved"}, "invoice_unresolved", None, {"context": ""}),
        ({"status": "refunded"}, "invoice_refunded", "invoice_refunded", {}),
        ({"status": "cancelled"}, "invoice_cancelled", "invoice_cancelled", {}),
        (
            {"status": "completed"},
            "invoice_completed",
            "invoice_completed",
            {"settled_amount": "100.0", "ordered_amount": "100"},
        ),
        (
            {"status": "completed", **RECALCULATED},
            "invoice_settled_short",
            "invoice_settled_short",
            {"settled_amount": "51.5", "ordered_amount": "100"},
        ),
    ],
)
def test_each_move_is_told_with_what_a_shop_needs(changes, kind, once, detail):
    invoice = row()

    merge = take(invoice, **{"price_amount": "100.0", **changes})

    assert (invoice.status, invoice.status_context) == (changes["status"], changes.get("status_context", ""))
    (event,) = merge.events
    assert (event.kind, event.once, event.detail, event.created_at) == (kind, once, detail, NOW)
    assert event.invoice is invoice
    assert invoice.finished_at == (None if invoice.status == "unresolved" else NOW)
    assert {"status", "status_context", "settled_amount", "finished_at"} <= merge.changed


@pytest.mark.parametrize("status", ["refunded", "cancelled"])
def test_only_a_completed_invoice_has_been_settled(status):
    invoice = row()

    take(invoice, status=status)

    assert (invoice.settled_amount, invoice.finished_at) == (None, NOW)


def test_a_held_invoice_moves_without_a_word_to_the_shop():
    invoice = row(quarantine_reason="checked by hand")

    merge = take(invoice, status="completed")

    assert (invoice.status, invoice.quarantine_reason) == ("completed", "checked by hand")
    assert merge.events == []


@pytest.mark.parametrize(
    ("how", "paid", "fee"),
    [
        ({"paid_amount": "0.0015"}, "0.0015", "1"),
        ({"paid_amount": "0.0005"}, "0.001", "1"),
        ({"paid_amount": "0.0005", "source": Source.GET}, "0.0005", "3"),
        ({"paid_amount": "0.0005", "status": "unresolved", "status_context": "underpaid"}, "0.0005", "3"),
        ({"paid_amount": "0.0015", "outdated": True}, "0.001", "1"),
        ({"paid_amount": "0.0015", "outdated": True, "status": "unresolved"}, "0.0015", "3"),
    ],
)
def test_amounts_grow_and_are_lowered_only_by_what_is_known_to_be_later(how, paid, fee):
    invoice = row(paid_amount=Decimal("0.001"))

    take(invoice, fee="3", fee_currency="EUR", **how)

    assert (invoice.paid_amount, invoice.fee_amount) == (Decimal(paid), Decimal(fee))


def test_what_is_not_said_to_be_outdated_is_news():
    invoice = row()

    merge = merge_snapshot(invoice, {}, said(invoice, paid_amount="0.001"), source=Source.CALLBACK, at=NOW)

    assert (merge.changed, invoice.paid_amount) == ({"paid_amount"}, Decimal("0.001"))


def test_a_move_is_written_together_with_what_else_was_learned():
    merge = take(row(), status="completed", paid_amount="0.002")

    assert {"paid_amount", "status"} <= merge.changed


@pytest.mark.parametrize(("currency", "expected"), [("USD", "USD"), (None, "")])
def test_a_fee_that_was_not_known_is_taken_from_any_snapshot(currency, expected):
    invoice = row(fee_amount=None, fee_currency="")

    merge = take(invoice, fee="3", fee_currency=currency)

    assert (invoice.fee_amount, invoice.fee_currency) == (Decimal(3), expected)
    assert merge.changed >= {"fee_amount"}


def test_a_fee_is_not_lost_to_a_snapshot_without():
    invoice = row()

    assert not take(invoice, source=Source.GET, fee=None, fee_currency=None)
    assert (invoice.fee_amount, invoice.fee_currency) == (1, "EUR")


def test_a_snapshot_without_an_address_is_taken():
    invoice = row(address="", destination_tag="")

    assert not merge_snapshot(invoice, {}, replace(said(invoice), address=None), source=Source.GET, at=NOW)
