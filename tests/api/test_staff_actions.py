"""The back office acts: quote, settle, refund, release; who may, on which state, and what is answered."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from cryptopay_django.models import Invoice, Resolution
from cryptopay_django.testing.factories import InvoiceEventFactory, InvoiceFactory
from tests.api.conftest import EVERYTHING, problem_of
from tests.services.desk import ADDRESS, COMMIT, REFUND, Wire, money_moved, unresolved

pytestmark = pytest.mark.django_db

WHY = "ticket 4711"


@pytest.fixture
def boss(staff):
    return staff(*EVERYTHING)


@pytest.fixture
def wire(cryptopay_sandbox, settings):
    settings.CRYPTOPAY_TOTAL_TIMEOUT = 1
    wire = Wire(cryptopay_sandbox)
    settings.CRYPTOPAY_HTTP_ADAPTER = wire.adapter_for
    return wire


def asked(invoice: Invoice, **more):
    return {"expected_version": invoice.version, "reason": WHY, **more}


def test_a_quote_is_settled_for_its_figures(boss, cryptopay_sandbox):
    made = unresolved(cryptopay_sandbox)
    quote = boss.post("quote", made).json()

    answer = boss.post("settle", made, **asked(made, quote=quote["quote"]))

    made.refresh_from_db()
    assert (answer.status_code, answer.json()["status"], answer.json()["actor"]) == (
        200,
        "succeeded",
        boss.user.username,
    )
    assert (made.status, f"{made.settled_amount:f}") == ("completed", quote["credited_amount"])
    assert (answer.json()["invoice_status"], answer.json()["invoice_version"]) == ("completed", made.version)
    assert isinstance(quote["shortfall_amount"], str)
    assert boss.get("invoice", made.pk).json()["resolutions"][0]["reason"] == WHY


def test_the_overage_can_be_refunded_instead(boss, cryptopay_sandbox):
    made = unresolved(cryptopay_sandbox, "overpaid")

    answer = boss.post("settle", made, **asked(made, refund_overage=True))

    made.refresh_from_db()
    assert (answer.status_code, made.status, f"{made.settled_amount:f}") == (200, "completed", "100")


def test_a_refund_goes_where_it_was_said_to(boss, cryptopay_sandbox):
    made, other = unresolved(cryptopay_sandbox), unresolved(cryptopay_sandbox)

    to_customer = boss.post("refund", made, **asked(made, destination="address", address=ADDRESS))
    to_us = boss.post("refund", other, **asked(other, destination="own_account"))

    assert (to_customer.status_code, to_us.status_code) == (200, 200)
    assert cryptopay_sandbox.invoice(made).refunds[0].address == ADDRESS
    assert cryptopay_sandbox.invoice(other).refunds[0].address is None


def test_a_quarantine_is_ended(boss):
    made = InvoiceFactory(quarantine_reason="odd")

    answer = boss.post("release", made, **asked(made))

    assert (answer.status_code, answer.json()["quarantine_reason"]) == (200, "")
    assert problem_of(boss.post("release", made, **asked(made)))[0] == 409


def test_a_shortfall_is_accepted(boss):
    made = InvoiceFactory(status="completed", settled_amount="51")
    InvoiceEventFactory(invoice=made, kind="invoice_settled_short", once="invoice_settled_short")

    refused = boss.post("release", made, **asked(made))
    accepted = boss.post("release", made, **asked(made, accept_shortfall=True))

    assert problem_of(refused) == (409, "nothing_to_release")
    assert accepted.status_code == 200
    assert made.events.filter(kind="invoice_completed").exists()


# act, body, what it takes besides `view`
NEEDS = [
    ("quote", {}, {"settle"}),
    ("settle", {"quote": "x"}, {"settle"}),
    ("settle", {"refund_overage": True}, {"settle", "refund"}),
    ("refund", {"destination": "own_account"}, {"refund"}),
    ("refund", {"destination": "address", "address": ADDRESS}, {"refund_to_address"}),
    ("release", {}, {"release"}),
]


@pytest.mark.parametrize(("act", "body", "needs"), NEEDS)
def test_without_one_of_the_permissions_nothing_happens(act, body, needs, staff):
    made = InvoiceFactory(quarantine_reason="odd")
    body = body if act == "quote" else asked(made, **body)

    for missing in ("view", *needs):
        somebody = staff(*(name for name in EVERYTHING if name != missing))
        assert problem_of(somebody.post(act, made, **body)) == (403, "permission_denied"), missing
    assert not Resolution.objects.exists()
    assert Invoice.objects.get().quarantine_reason == "odd"


@pytest.mark.parametrize(("act", "body", "needs"), NEEDS)
def test_with_just_the_permission_it_is_looked_at(act, body, needs, staff):
    made = InvoiceFactory()
    body = body if act == "quote" else asked(made, **body)

    assert problem_of(staff("view", *needs).post(act, made, **body))[0] == 409


@pytest.mark.parametrize(
    ("act", "body", "field"),
    [
        ("settle", {}, "quote"),
        ("settle", {"quote": "x", "refund_overage": True}, "quote"),
        ("settle", {"refund_overage": "yes"}, "refund_overage"),
        ("refund", {}, "destination"),
        ("refund", {"destination": "customer"}, "destination"),
        ("refund", {"destination": "address"}, "address"),
        ("refund", {"destination": "own_account", "address": ADDRESS}, "address"),
        ("refund", {"destination": "own_account", "adress": ADDRESS}, "adress"),
        ("release", {"reason": "  "}, "reason"),
        ("release", {"reason": 5}, "reason"),
        ("release", {"expected_version": "0"}, "expected_version"),
        ("release", {"expected_version": True}, "expected_version"),
        ("release", {"expected_version": None}, "expected_version"),
    ],
)
def test_what_is_not_said_clearly_is_not_done(act, body, field, boss, cryptopay_sandbox):
    made = unresolved(cryptopay_sandbox)

    answer = boss.post(act, made, **{**asked(made), **body})

    assert problem_of(answer) == (400, "invalid")
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert not Resolution.objects.exists()


@pytest.mark.parametrize(
    ("act", "body"),
    [
        ("settle", {"refund_overage": True}),
        ("refund", {"destination": "own_account"}),
        ("release", {}),
    ],
)
def test_an_invoice_that_has_changed_is_left_alone(act, body, boss, cryptopay_sandbox):
    made = unresolved(cryptopay_sandbox, "overpaid")

    answer = boss.post(act, made, **{**asked(made), "expected_version": made.version - 1, **body})

    assert problem_of(answer) == (409, "invoice_changed")
    assert money_moved(cryptopay_sandbox, made) == 0


def test_the_same_request_twice_moves_money_once(boss, cryptopay_sandbox):
    made = unresolved(cryptopay_sandbox)
    body = asked(made, destination="own_account")

    first, again = boss.post("refund", made, **body), boss.post("refund", made, **body)

    assert (first.status_code, problem_of(again)) == (200, (409, "invoice_changed"))
    assert money_moved(cryptopay_sandbox, made) == 1


@pytest.mark.parametrize("quote", ["made up", "eyJhIjoxfQ:1vMabc:x"])
def test_a_quote_that_was_made_up_is_none(quote, boss, cryptopay_sandbox):
    made = unresolved(cryptopay_sandbox)

    assert problem_of(boss.post("settle", made, **asked(made, quote=quote))) == (409, "quote_expired")


def test_a_quote_is_good_for_its_own_invoice_only(boss, cryptopay_sandbox):
    made, other = unresolved(cryptopay_sandbox), unresolved(cryptopay_sandbox)
    quote = boss.post("quote", other).json()["quote"]

    assert problem_of(boss.post("settle", made, **asked(made, quote=quote))) == (409, "quote_expired")


@pytest.mark.parametrize(
    ("context", "obstacle"), [("illicit_resource", "held"), ("underpaid", "quarantined")], ids=["held", "quarantined"]
)
def test_what_staff_may_not_resolve_says_why(context, obstacle, boss, cryptopay_sandbox):
    made = unresolved(cryptopay_sandbox, context)
    if obstacle == "quarantined":
        Invoice.objects.filter(pk=made.pk).update(quarantine_reason="odd")

    for answer in (boss.post("quote", made), boss.post("refund", made, **asked(made, destination="own_account"))):
        assert problem_of(answer) == (409, "not_resolvable")
        assert answer.json()["obstacle"] == obstacle


def test_an_address_that_its_network_would_not_take_is_a_problem_of_its_field(boss, cryptopay_sandbox):
    made = unresolved(cryptopay_sandbox)

    answer = boss.post("refund", made, **asked(made, destination="address", address=f"{ADDRESS}x"))

    assert problem_of(answer) == (422, "address_invalid")
    assert answer.json()["errors"][0]["field"] == "address"


def test_what_waits_for_a_second_person_is_202(boss, cryptopay_sandbox, settings):
    settings.CRYPTOPAY_FOUR_EYES_ABOVE = {"EUR": 1}
    made = unresolved(cryptopay_sandbox)

    answer = boss.post("refund", made, **asked(made, destination="own_account"))
    again = boss.post("refund", made, **asked(made, destination="own_account"))

    assert (answer.status_code, answer.json()["awaits_approval"]) == (202, True)
    assert problem_of(again) == (409, "resolution_active")
    assert money_moved(cryptopay_sandbox, made) == 0


def test_an_outcome_that_nobody_knows_is_202_and_not_sent_again(boss, wire):
    made = unresolved(wire.sandbox)
    wire.just_before(REFUND, lambda: wire.fail(r".*", "timeout", after_effect=True))

    answer = boss.post("refund", made, **asked(made, destination="own_account"))
    wire.heal()
    again = boss.post("refund", made, **asked(made, destination="own_account"))

    assert (answer.status_code, answer.json()["status"]) == (202, "unknown")
    assert problem_of(again) == (409, "resolution_active")
    assert money_moved(wire.sandbox, made) == 1


def test_a_refusal_of_the_gateway_is_a_problem_with_the_resolution(boss, cryptopay_sandbox):
    made = unresolved(cryptopay_sandbox)
    quote = boss.post("quote", made).json()["quote"]
    cryptopay_sandbox.settings(denied=["recalculations"])

    answer = boss.post("settle", made, **asked(made, quote=quote))

    assert problem_of(answer) == (422, "resolution_failed")
    assert answer.json()["resolution"]["status"] == "failed"
    assert money_moved(cryptopay_sandbox, made) == 0


def test_a_gateway_that_cannot_be_read_is_a_problem_and_nothing_is_sent(boss, wire):
    made = unresolved(wire.sandbox)
    wire.fail(r"GET .*|POST .*/recalculations", "5xx")

    assert problem_of(boss.post("quote", made))[0] == 502
    assert problem_of(boss.post("refund", made, **asked(made, destination="own_account"))) == (502, "gateway_fault")
    assert wire.count(f"{REFUND}|{COMMIT}") == 0


def test_money_is_throttled_by_itself(boss, settings):
    settings.REST_FRAMEWORK = {"DEFAULT_THROTTLE_RATES": {"cryptopay_money": "1/min"}}
    made = InvoiceFactory()
    boss.post("release", made, **asked(made))

    assert problem_of(boss.post("release", made, **asked(made))) == (429, "throttled")
    assert boss.get("invoice", made.pk).status_code == 200


def test_a_refund_of_xrp_asks_for_its_tag_and_sends_it(boss, wire, cryptopay_sandbox):
    made, address = unresolved(cryptopay_sandbox, pay_currency="XRP"), "rN7n7otQDd6FczFgLdSqtcsAUxDkw6fzRH"
    body = asked(made, destination="address", address=address)

    missing = boss.post("refund", made, **body)
    too_much = boss.post("refund", made, **asked(made, destination="own_account", tag="77"))
    done = boss.post("refund", made, **body, tag="77")

    assert (problem_of(missing), missing.json()["errors"][0]["field"]) == ((422, "address_invalid"), "tag")
    assert (problem_of(too_much), too_much.json()["errors"][0]["field"]) == ((400, "invalid"), "tag")
    assert (done.status_code, done.json()["result"]["address"]) == (200, f"{address}?dt=77")


def test_a_refund_without_a_tag_is_sent_where_a_person_says_that_none_is_needed(boss, wire, cryptopay_sandbox):
    made, address = unresolved(cryptopay_sandbox, pay_currency="XRP"), "rN7n7otQDd6FczFgLdSqtcsAUxDkw6fzRH"

    done = boss.post("refund", made, **asked(made, destination="address", address=address, without_tag=True))

    assert (done.status_code, done.json()["result"]["address"]) == (200, address)


def test_what_was_done_otherwise_than_asked_is_no_success(boss, wire, cryptopay_sandbox):
    made = unresolved(cryptopay_sandbox)
    wire.change(REFUND, lambda data: data.update(address=None))

    answer = boss.post("refund", made, **asked(made, destination="address", address=ADDRESS))

    assert problem_of(answer) == (409, "resolution_not_as_asked")
    assert "own account" in answer.json()["detail"]
    assert answer.json()["resolution"]["status"] == "succeeded"


def test_the_reasons_of_a_refusal_are_listed_for_staff(boss, wire, cryptopay_sandbox):
    made = unresolved(cryptopay_sandbox)
    wire.fail(".*/recalculations", "refused")

    answer = boss.post("quote", made)

    assert problem_of(answer) == (422, "gateway_invalid")
    assert answer.json()["errors"] == [{"field": "amount", "code": "minimum", "detail": "is below 0.0002 BTC"}]


def test_a_person_ends_what_the_gateway_shows_nothing_of(boss, staff, wire, cryptopay_sandbox):
    made = unresolved(cryptopay_sandbox)
    wire.fail(REFUND, "timeout")
    lost = boss.post("refund", made, **asked(made, destination="own_account")).json()["id"]
    wire.heal()
    body = asked(made, resolution=lost, checked=True)
    bystander = staff("view", "settle")

    assert problem_of(boss.post("end", made, **body | {"checked": False}))[0] == 400
    assert problem_of(boss.post("end", made, **body)) == (409, "not_endable")
    Resolution.objects.update(sent_at=timezone.now() - timedelta(minutes=21))
    assert problem_of(bystander.post("end", made, **body)) == (403, "not_permitted")
    assert problem_of(boss.post("end", made, **body | {"expected_version": 99})) == (409, "invoice_changed")
    other = unresolved(cryptopay_sandbox)
    assert problem_of(boss.post("end", other, **body))[0] == 404
    ended = boss.post("end", made, **body)

    assert (ended.status_code, ended.json()["status"]) == (200, "failed")
    assert made.events.get(kind="resolution_ended").actor == boss.user.username
