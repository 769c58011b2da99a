"""Callbacks that wait for the gateway's word: many are confirmed by a page of its list, which can lag behind a GET."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from cryptopay_django.gateway.rate_and_risk import Risk
from cryptopay_django.gateway.rate_limit import Purpose, current_purpose
from cryptopay_django.gateway.schemas import Transaction
from cryptopay_django.models import Callback, Invoice
from cryptopay_django.services import process_overdue, reconcile_invoices
from cryptopay_django.services.snapshots.compare import risk_news
from cryptopay_django.services.worker import due_work
from cryptopay_django.testing.factories import (
    CallbackFactory,
    InvoiceFactory,
    PaymentFactory,
    callback_body,
    invoice_wire,
    transaction_wire,
)
from tests.wire import UNREACHABLE, ScriptedGateway, refusal

pytestmark = pytest.mark.django_db

PAID = {"status": "completed", "paid_amount": "0.002", "transactions": [transaction_wire("a" * 64)]}
SEEN = {"paid_amount": "0.002", "transactions": [transaction_wire("a" * 64)]}


class Gateway(ScriptedGateway):
    """Answers GETs with what is so, and pages with what its list shows: the same, unless it lags."""

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.truth, self.listed, self.is_asked_for_a_page = {}, {}, lambda: None

    def say(self, invoice, *, listed=None, **values):
        self.truth[str(invoice.gateway_id)] = invoice_wire(invoice, **values)
        if listed is not False:
            self.listed[str(invoice.gateway_id)] = invoice_wire(invoice, **(values if listed is None else listed))

    def _answer(self, method, path, body):
        route, _, query = path.partition("?")
        if route == "/api/invoices":
            self.is_asked_for_a_page()
            ids = [*reversed(self.listed)]
            after = query.partition("=")[2]
            if after and after not in ids:
                return refusal(404, "not_found")
            begin = ids.index(after) + 1 if after else 0
            return 200, {"data": [self.listed[one] for one in ids[begin : begin + 50]]}
        found = self.truth.get(route.rpartition("/")[2])
        return refusal(404, "not_found") if found is None else (200, {"data": found})

    @property
    def calls(self):
        """What was asked: pages, and invoices alone."""
        pages = sum(path.partition("?")[0] == "/api/invoices" for _, path in self.asked)
        return pages, len(self.asked) - pages


@pytest.fixture(autouse=True)
def all_is_gathered(monkeypatch):
    """However busy the machine is."""
    monkeypatch.setattr(due_work, "_GATHER_SECONDS", 600.0)


@pytest.fixture
def gateway(settings):
    gateway = Gateway()
    settings.CRYPTOPAY_HTTP_ADAPTER = lambda account: gateway
    return gateway


def arrived(invoice, event="status_changed", **values):
    return CallbackFactory(body=callback_body(invoice_wire(invoice, **values), event))


def paid(gateway, count, **values):
    """So many invoices that were paid, with the callback that says so."""
    invoices = [InvoiceFactory() for _ in range(count)]
    for invoice in invoices:
        gateway.say(invoice, **PAID, **values)
        arrived(invoice, **PAID)
    return invoices


def outcomes():
    return list(Callback.objects.order_by("pk").values_list("outcome", flat=True))


def statuses(invoices):
    return list(Invoice.objects.filter(pk__in=[row.pk for row in invoices]).values_list("status", flat=True))


def test_many_waiting_callbacks_cost_one_call(gateway):
    invoices = paid(gateway, 40)

    process_overdue()

    assert gateway.calls == (1, 0)
    assert (statuses(invoices), outcomes()) == (["completed"] * 40, ["applied"] * 40)
    for invoice in Invoice.objects.all():
        assert invoice.settled_amount == 100
        assert invoice.events.get(kind="invoice_completed").delivered_at is not None


def test_few_waiting_callbacks_are_asked_for_alone(gateway):
    invoices = paid(gateway, 2)

    process_overdue()

    assert (gateway.calls, statuses(invoices)) == ((0, 2), ["completed"] * 2)


def test_all_waiting_callbacks_of_an_invoice_end_with_one_call(gateway):
    invoices = paid(gateway, 5)
    for invoice in invoices:
        arrived(invoice, "transaction_created", **SEEN)
        arrived(invoice, "transaction_confirmed", **SEEN)

    process_overdue()

    assert gateway.calls == (1, 0)
    assert (statuses(invoices), set(outcomes())) == (["completed"] * 5, {"applied", "stale"})


def test_a_score_that_the_list_rounds_is_no_news(gateway):
    """Callbacks have all digits of a score, the gateway's answers one decimal."""
    scored, rounded = (
        {**PAID, "transactions": [{"txid": "a" * 64, "risk": {"score": score, "level": "low"}}]}
        for score in (2.202650848862504, 2.2)
    )
    invoices = [InvoiceFactory() for _ in range(5)]
    for invoice in invoices:
        gateway.say(invoice, **rounded)
        arrived(invoice, "transaction_confirmed", **{**scored, "status": "new"})
        arrived(invoice, **scored)

    process_overdue()

    assert (gateway.calls, statuses(invoices)) == ((1, 0), ["completed"] * 5)


@pytest.mark.parametrize(
    ("known", "said", "is_same"),
    [
        ("2.2", "2.2026", True),
        ("2.2026", "2.2", True),
        ("2.2", "2.3", False),
        ("2", "2.4", False),
        ("2.2", "2.26", False),
    ],
)
def test_scores_are_the_same_up_to_rounding(known, said, is_same):
    payment = PaymentFactory.build(invoice=None, risk_score=Decimal(known))
    entry = Transaction(txid="a" * 64, risk=Risk(score=Decimal(said)))

    assert ("risk_score" not in risk_news(payment, entry)) is is_same


def test_each_account_has_pages_of_its_own(gateway, settings):
    paid(gateway, 3)
    for _ in range(3):
        invoice = InvoiceFactory(account="second")
        gateway.say(invoice, **PAID)
        CallbackFactory(account="second", body=callback_body(invoice_wire(invoice, **PAID), "status_changed"))

    process_overdue()

    assert (gateway.calls, outcomes()) == ((2, 0), ["applied"] * 6)


def test_pages_begin_at_what_waits_and_not_at_the_newest_invoice(gateway):
    """Two clusters far apart, and between them and above them hundreds that nobody asks about."""
    invoices = []
    for number in range(300):
        invoice = InvoiceFactory()
        Invoice.objects.filter(pk=invoice.pk).update(created_at=timezone.now() - timedelta(seconds=300 - number))
        is_paid = number in range(5, 10) or number in range(200, 204)
        gateway.say(invoice, **(PAID if is_paid else {}))
        invoices += [invoice] if is_paid else []
    for invoice in invoices:
        arrived(invoice, **PAID)

    process_overdue()

    assert (gateway.calls, outcomes()) == ((2, 0), ["applied"] * 9)


def test_what_is_not_on_the_page_is_asked_for_alone(gateway):
    paid(gateway, 3)
    [other] = paid(gateway, 1, listed=False)

    process_overdue()

    assert (gateway.calls, statuses([other]), outcomes()) == ((1, 1), ["completed"], ["applied"] * 4)


def test_a_list_of_others_is_not_read_to_its_end(gateway):
    """Another shop on the same account has pushed our invoices off the page."""
    invoices = paid(gateway, 100)
    gateway.listed = {}

    process_overdue()

    assert (gateway.calls, statuses(invoices)) == ((1, 100), ["completed"] * 100)


def test_a_page_that_lags_refuses_nothing(gateway):
    invoices = paid(gateway, 4, listed={})

    process_overdue()

    assert (gateway.calls, statuses(invoices)) == ((1, 4), ["completed"] * 4)
    assert set(Callback.objects.values_list("outcome", "attempts")) == {("applied", 0)}


def test_news_that_a_page_does_not_show_yet_are_asked_for_alone(gateway):
    invoices = [InvoiceFactory() for _ in range(3)]
    for invoice in invoices:
        gateway.say(invoice, **SEEN, listed={})
        arrived(invoice, "transaction_created", **SEEN)

    process_overdue()

    assert gateway.calls == (1, 3)
    assert [invoice.payments.count() for invoice in invoices] == [1, 1, 1]


def test_a_page_that_still_shows_an_end_does_not_refuse_that_it_was_taken_back(gateway):
    invoices = [InvoiceFactory(status="completed", settled_amount=100, paid_amount="0.002") for _ in range(3)]
    for invoice in invoices:
        taken_back = {**SEEN, "status": "unresolved", "status_context": "illicit_resource"}
        gateway.say(invoice, **taken_back, listed=PAID)
        arrived(invoice, **taken_back)

    process_overdue()

    assert statuses(invoices) == ["unresolved"] * 3
    assert all(row.quarantine_reason for row in Invoice.objects.all())


def test_a_page_that_contradicts_an_order_is_not_taken_at_its_word(gateway):
    invoices = paid(gateway, 3, listed={**PAID, "address": "2N1FWhmzcMBCFTBcQAhtSvpt5cjKcRh36pV"})

    process_overdue()

    assert (gateway.calls, statuses(invoices)) == ((1, 3), ["completed"] * 3)
    assert [row.quarantine_reason for row in Invoice.objects.all()] == [""] * 3


def test_a_forged_completion_is_refused_by_gets_and_never_by_a_page(gateway):
    invoices = [InvoiceFactory() for _ in range(3)]
    for invoice in invoices:
        gateway.say(invoice)
        arrived(invoice, **PAID)

    process_overdue()

    assert (gateway.calls, statuses(invoices)) == ((1, 3), ["new"] * 3)
    assert set(Callback.objects.values_list("outcome", "attempts")) == {("pending", 1)}


def test_a_row_that_moves_while_a_page_is_read_is_asked_about_alone(gateway):
    """Meanwhile another process takes in that the first was cancelled, and the page knows nothing of it."""
    first, *_ = paid(gateway, 3)
    gateway.say(first, **{**PAID, "status": "cancelled"}, listed=PAID)

    def move():
        Invoice.objects.filter(pk=first.pk).update(paid_amount="0.001", version=2)

    gateway.is_asked_for_a_page = move

    process_overdue()

    assert (gateway.calls, statuses([first])) == ((1, 1), ["cancelled"])


def test_a_callback_that_comes_while_a_page_is_read_is_not_taken_for_old(gateway):
    """The page does not show yet what it says: a second transaction."""
    more = {"paid_amount": "0.003", "transactions": [*SEEN["transactions"], transaction_wire("b" * 64)]}
    invoices = [InvoiceFactory() for _ in range(3)]
    for invoice in invoices:
        gateway.say(invoice, **more, listed=SEEN)
        arrived(invoice, "transaction_created", **SEEN)
    late = arrived(invoices[0], "transaction_created", **more)
    Callback.objects.filter(pk=late.pk).update(next_attempt_at=timezone.now() + timedelta(minutes=1))

    process_overdue()
    Callback.objects.filter(pk=late.pk).update(next_attempt_at=timezone.now())
    process_overdue()

    assert (gateway.calls, invoices[0].payments.count()) == ((1, 1), 2)


def test_without_room_for_a_page_nothing_else_is_asked_and_all_wait_without_a_refusal_against_them(gateway):
    invoices = paid(gateway, 5)
    gateway.answer = lambda method, path, body: refusal(429)
    begun = timezone.now()

    process_overdue()

    assert gateway.calls[1] == 0
    assert set(Callback.objects.values_list("outcome", "attempts")) == {("pending", 0)}
    assert not Callback.objects.filter(next_attempt_at__lte=begun + timedelta(seconds=1)).exists()
    assert statuses(invoices) == ["new"] * 5


def test_when_a_get_finds_no_room_the_others_do_not_wait_for_one_either(gateway):
    paid(gateway, 5, listed=False)
    by_itself = gateway.answer
    gateway.answer = lambda method, path, body: (
        by_itself(method, path, body) if path == "/api/invoices" else refusal(429)
    )

    process_overdue()

    assert len({path for _, path in gateway.asked}) == 2, "the list, and the first invoice"
    assert set(Callback.objects.values_list("outcome", "attempts")) == {("pending", 0)}


@pytest.mark.parametrize("answer", [UNREACHABLE, (200, {"data": "nonsense"})], ids=str)
def test_without_a_list_each_is_asked_for_alone(gateway, answer):
    invoices = paid(gateway, 3)
    by_itself = gateway.answer
    gateway.answer = lambda method, path, body: (
        answer if path.startswith(("/api/invoices?",)) or path == "/api/invoices" else by_itself(method, path, body)
    )

    process_overdue()

    assert statuses(invoices) == ["completed"] * 3


def test_calls_are_made_for_what_they_are_needed_for(gateway):
    purposes = []
    gateway.is_asked_for_a_page = lambda: purposes.append(current_purpose())
    paid(gateway, 3)
    process_overdue()
    InvoiceFactory.create_batch(20)

    reconcile_invoices(min_age=timedelta(0))

    assert purposes[0] is Purpose.CONFIRMATION
    assert set(purposes[1:]) == {Purpose.RECONCILIATION}


def test_an_invoice_without_an_id_is_asked_for_by_its_name(gateway):
    """Its id is learned from a GET alone: a page could show another invoice under this custom_id."""
    paid(gateway, 3)
    nameless = InvoiceFactory(gateway_id=None)
    made = invoice_wire(nameless, **PAID, metadata={"cryptopay_django": str(nameless.pk)})
    gateway.truth[nameless.custom_id] = made
    CallbackFactory(body=callback_body(made, "status_changed"))

    process_overdue()

    assert (gateway.calls, statuses([nameless])) == ((1, 1), ["completed"])


def test_what_was_put_aside_is_given_back_when_the_process_fails(gateway, monkeypatch):
    paid(gateway, 6)
    claim, claims = due_work._claim_due, []

    def fail_at_second(count):
        claims.append(count)
        if len(claims) > 1:
            raise RuntimeError
        return claim(count)

    monkeypatch.setattr(due_work, "_claim_due", fail_at_second)

    with pytest.raises(RuntimeError):
        process_overdue()

    assert Callback.objects.filter(outcome="pending", next_attempt_at__lte=timezone.now()).count() == 6
