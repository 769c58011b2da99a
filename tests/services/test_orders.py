"""One invoice for an order at a time: found, renewed, never doubled, whoever asks and however often at once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection, transaction
from django.test import RequestFactory
from django.utils import timezone
from rest_framework.permissions import AllowAny
from rest_framework.test import APIRequestFactory

from cryptopay_django.exceptions import (
    CreationUnknownError,
    CustomIdError,
    GatewayUnreachableError,
    InvoiceRequestError,
    TransactionOpenError,
)
from cryptopay_django.models import Invoice
from cryptopay_django.services import create_invoice
from cryptopay_django.services.invoices.current_invoice import payment_under_way
from cryptopay_django.testing.factories import InvoiceFactory, PaymentFactory
from tests.api.urls import PayGroup as PayByApi
from tests.pages.urls import PayGroup as PayOnPage
from tests.wire import TIMED_OUT, UNREACHABLE, ScriptedGateway

pytestmark = pytest.mark.django_db

PRICE = {"price_amount": "49.90", "price_currency": "EUR", "pay_currency": "BTC"}
BTC = {"currency": "BTC", "network": "bitcoin"}


@pytest.fixture
def order():
    return Group.objects.create(name="49.90")


def by_service(order):
    return create_invoice(order, **PRICE)


def on_page(order, view=PayOnPage):
    answer = view.as_view()(RequestFactory().post("/", {"coin": "BTC/bitcoin"}), pk=order.pk)
    return Invoice.objects.get(pk=answer["Location"].split("/")[-2])


def by_api(order, view=PayByApi):
    class Anyone(view):
        permission_classes = [AllowAny]
        throttle_classes = []

        def get_order(self):
            return Group.objects.get(pk=self.kwargs["pk"])

    answer = Anyone.as_view()(APIRequestFactory().post("/", BTC, format="json"), pk=order.pk)
    assert answer.status_code in (200, 201), answer.data
    return Invoice.objects.get(pk=answer.data["id"])


DOORS = pytest.mark.parametrize("door", [by_service, on_page, by_api])


def expire(sandbox, *, minutes=11):
    """Let the time run out at both ends."""
    sandbox.advance(minutes=minutes)
    Invoice.objects.update(expires_at=timezone.now() - timezone.timedelta(minutes=1))


@DOORS
@pytest.mark.parametrize("other", [by_service, on_page, by_api])
def test_every_door_finds_the_invoice_that_waits(door, other, order, cryptopay_sandbox):
    first = door(order)

    assert other(order) == first
    assert Invoice.objects.count() == len(cryptopay_sandbox.invoices()) == 1
    assert first.custom_id == str(first.pk)


@DOORS
def test_an_order_whose_invoice_has_expired_gets_a_new_one_and_keeps_that(door, order, cryptopay_sandbox):
    first = door(order)
    expire(cryptopay_sandbox)

    again = door(order)

    assert again != first
    assert door(order) == again
    assert sorted(Invoice.objects.values_list("attempt", flat=True)) == [1, 2]


@DOORS
@pytest.mark.parametrize(
    "changes",
    [
        {"paid_amount": "0.001"},
        {"status": "unresolved", "status_context": "underpaid"},
        {"status": "completed"},
        {"quarantine_reason": "odd", "paid_amount": "0.001"},
    ],
    ids=["amount seen", "unresolved", "completed", "held"],
)
def test_while_money_is_under_way_there_is_no_second_invoice(door, changes, order, cryptopay_sandbox):
    first = door(order)
    expire(cryptopay_sandbox)
    Invoice.objects.update(**changes)

    assert door(order) == first
    assert Invoice.objects.count() == 1


@DOORS
def test_a_payment_whose_callback_is_late_is_found_before_another_invoice_is_made(door, order, cryptopay_sandbox):
    first = door(order)
    cryptopay_sandbox.pay(first)
    expire(cryptopay_sandbox)

    assert door(order) == first
    assert first.payments.exists()


@pytest.mark.parametrize("status", ["refunded", "cancelled"])
def test_what_was_refunded_or_never_confirmed_keeps_nobody_from_paying(status, order, cryptopay_sandbox):
    first = by_service(order)
    PaymentFactory(invoice=first)
    Invoice.objects.update(status=status)

    assert payment_under_way(order) is None
    assert by_service(order) != first


def test_with_a_custom_id_the_same_name_is_the_same_invoice_for_ever(order, cryptopay_sandbox):
    first = create_invoice(order, custom_id="a", **PRICE)
    expire(cryptopay_sandbox)

    assert create_invoice(order, custom_id="a", **PRICE) == first
    assert create_invoice(order, custom_id="b", **PRICE) != first


def test_the_same_custom_id_for_an_order_of_another_model_is_refused(cryptopay_sandbox):
    create_invoice(User.objects.create(pk=1, username="order"), custom_id="order-1", **PRICE)

    with pytest.raises(CustomIdError, match="used before"):
        create_invoice(Group.objects.create(pk=1, name="order"), custom_id="order-1", **PRICE)


def test_orders_of_two_models_with_one_key_have_two_invoices(cryptopay_sandbox):
    made = [by_service(User.objects.create(pk=1, username="o")), by_service(Group.objects.create(pk=1, name="o"))]

    assert made[0] != made[1]


@DOORS
def test_a_hook_names_the_invoice_on_every_door_with_the_number_of_the_renewal(door, order, cryptopay_sandbox):
    class Named:
        def get_custom_id(self, order, offer, number):
            return f"goods-{order.pk}-{offer.currency}-{number}"

    if door is by_service:
        pytest.skip("the hook is one of views")
    base = PayOnPage if door is on_page else PayByApi
    view = type("View", (Named, base), {})
    first = door(order, view)
    expire(cryptopay_sandbox)

    assert [first.custom_id, door(order, view).custom_id] == [f"goods-{order.pk}-BTC-{n}" for n in (1, 2)]


@pytest.mark.parametrize("order", [5, "5", Group, object()], ids=["number", "text", "model", "object"])
def test_what_is_no_order_is_refused(order, cryptopay_sandbox):
    with pytest.raises(InvoiceRequestError, match="model instance"):
        create_invoice(order, **PRICE)


@pytest.mark.parametrize("custom_id", [None, "order-1"])
def test_an_order_whose_row_is_gone_is_refused_before_any_call(custom_id, order, settings):
    gateway = ScriptedGateway(lambda *_: TIMED_OUT)
    settings.CRYPTOPAY_HTTP_ADAPTER = lambda account: gateway
    Group.objects.filter(pk=order.pk).delete()

    with pytest.raises(InvoiceRequestError, match="rolled back"):
        create_invoice(order, custom_id=custom_id, **PRICE)

    assert not Invoice.objects.exists()
    assert gateway.asked == []


@pytest.mark.django_db(transaction=True)
def test_an_order_that_was_rolled_back_is_refused(cryptopay_sandbox):
    with transaction.atomic():
        order = Group.objects.create(name="49.90")
        transaction.set_rollback(True)

    with pytest.raises(InvoiceRequestError, match="rolled back"):
        by_service(order)


@pytest.mark.django_db(transaction=True)
def test_a_transaction_is_refused_also_where_an_invoice_waits(order, cryptopay_sandbox):
    by_service(order)

    with pytest.raises(TransactionOpenError), transaction.atomic():
        by_service(order)


def test_our_name_in_the_metadata_is_ours(order, cryptopay_sandbox):
    with pytest.raises(InvoiceRequestError, match="cryptopay_django"):
        create_invoice(order, metadata={"cryptopay_django": "x"}, **PRICE)


def test_a_creation_without_an_answer_is_taken_up_by_the_next_call(order, cryptopay_sandbox, settings):
    sandbox = settings.CRYPTOPAY_HTTP_ADAPTER

    class Gateway(ScriptedGateway):
        def send(self, request, **options):
            if request.method == "POST":
                sandbox("default").send(request, **options)
            raise TIMED_OUT

    settings.CRYPTOPAY_TOTAL_TIMEOUT = 0.5
    settings.CRYPTOPAY_HTTP_ADAPTER = lambda account: Gateway(lambda *_: TIMED_OUT)
    with pytest.raises(CreationUnknownError):
        by_service(order)
    settings.CRYPTOPAY_HTTP_ADAPTER = sandbox

    assert by_service(order).gateway_id
    assert Invoice.objects.count() == len(cryptopay_sandbox.invoices()) == 1


def at_once(*acts):
    """Let all acts go at the same moment, each on a connection of its own; return what each gave or raised."""
    start = threading.Barrier(len(acts))

    def run(act):
        start.wait()
        try:
            return act()
        except Exception as error:  # noqa: BLE001  whatever it is, the test must see it
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("custom_id", [None, "order-1"])
def test_requests_at_once_make_one_invoice(custom_id, order, cryptopay_sandbox):
    found = at_once(*[lambda: create_invoice(order, custom_id=custom_id, **PRICE)] * 6)

    assert found == [Invoice.objects.get()] * 6
    assert len(cryptopay_sandbox.invoices()) == 1


@pytest.mark.django_db(transaction=True)
def test_without_a_number_of_the_attempt_the_same_requests_make_several(order):
    """The control: what the constraint keeps apart."""
    pointer = {name: getattr(by_hand(order), name) for name in ("order_content_type", "order_object_id")}
    Invoice.objects.all().delete()

    at_once(*[lambda: InvoiceFactory(**pointer, attempt=None)] * 6)
    assert Invoice.objects.count() == 6

    at_once(*[lambda: InvoiceFactory(**pointer, attempt=1)] * 6)
    assert Invoice.objects.filter(attempt=1).count() == 1


def by_hand(order):
    return InvoiceFactory(order=order, order_object_id=str(order.pk))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("custom_id", [None, "order-1"])
def test_a_request_that_fails_to_connect_takes_no_row_from_the_one_that_came_second(
    custom_id, order, cryptopay_sandbox, settings
):
    """The first has written its row and cannot connect; the second has found that row before it is deleted."""
    second_has_the_row, first_has_failed = threading.Event(), threading.Event()
    sandbox = settings.CRYPTOPAY_HTTP_ADAPTER

    class Gateway(ScriptedGateway):
        def send(self, request, **options):
            if threading.current_thread().name.endswith("_0"):
                second_has_the_row.wait(10)
                raise UNREACHABLE
            second_has_the_row.set()
            first_has_failed.wait(10)
            return sandbox("default").send(request, **options)

    gateway = Gateway(lambda *_: TIMED_OUT)
    settings.CRYPTOPAY_HTTP_ADAPTER = lambda account: gateway

    def create():
        try:
            return create_invoice(order, custom_id=custom_id, **PRICE)
        finally:
            if threading.current_thread().name.endswith("_0"):
                first_has_failed.set()
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(create)
        while not Invoice.objects.exists():
            pass
        second = pool.submit(create)

        with pytest.raises(GatewayUnreachableError):
            first.result()
        assert second.result().gateway_id == Invoice.objects.get().gateway_id is not None


@pytest.mark.django_db(transaction=True)
def test_a_row_that_is_deleted_while_the_gateway_answers_is_never_returned(order, cryptopay_sandbox, settings):
    sandbox = settings.CRYPTOPAY_HTTP_ADAPTER

    class Gateway(ScriptedGateway):
        def send(self, request, **options):
            Invoice.objects.all().delete()
            return sandbox("default").send(request, **options)

    settings.CRYPTOPAY_HTTP_ADAPTER = lambda account: Gateway(lambda *_: TIMED_OUT)

    with pytest.raises(CreationUnknownError, match="was deleted"):
        by_service(order)


@pytest.mark.django_db(transaction=True)
def test_requests_at_once_of_which_some_fail_to_connect_return_rows_that_are_there(cryptopay_sandbox, settings):
    sandbox, calls = settings.CRYPTOPAY_HTTP_ADAPTER, iter(range(1_000_000))

    class Gateway(ScriptedGateway):
        def send(self, request, **options):
            if next(calls) % 3 == 0:
                raise UNREACHABLE
            return sandbox("default").send(request, **options)

    settings.CRYPTOPAY_HTTP_ADAPTER = lambda account: Gateway(lambda *_: TIMED_OUT)
    for number in range(20):
        order = Group.objects.create(name=f"{number}")

        found = at_once(*[lambda order=order: by_service(order)] * 4)

        made = [one for one in found if isinstance(one, Invoice)]
        there = set(Invoice.objects.for_order(order).filter(gateway_id__isnull=False))
        assert set(made) == there or not made
        assert len(there) <= 1
