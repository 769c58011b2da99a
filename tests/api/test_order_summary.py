"""The sums of an order over the API: those of `payment_summary`, for who may view invoices."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.contrib.auth.models import Group, User
from django.contrib.contenttypes.models import ContentType

from cryptopay_django.services import payment_summary
from cryptopay_django.testing.factories import ChannelFactory, InvoiceFactory
from tests.api.conftest import EVERYTHING, problem_of
from tests.services.returning import completed, send_back

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def clerk(staff):
    return staff("view")


@pytest.fixture
def order(settings):
    """Any model can be an order. This one is named by the settings, so that an order without invoices is found."""
    settings.CRYPTOPAY_ORDER_SEARCH = {"auth.User": "username"}
    return User.objects.create(username="an order")


def ask(staff, order, **more):
    return staff.get("summary", order_type="auth.user", order_id=order.pk, **more)


def test_a_returned_part_is_in_the_sums(clerk, cryptopay_sandbox, order):
    send_back(completed(cryptopay_sandbox, order=order), "40")

    answer = ask(clerk, order, due_amount="60.00", currency="EUR")

    body = answer.json()
    assert answer.status_code == 200
    assert body["order"] == {"type": "auth.user", "id": str(order.pk)}
    assert {name: body[name] for name in ("paid_amount", "returned_amount", "kept_amount", "remaining_amount")} == {
        "paid_amount": "100",
        "returned_amount": "40",
        "kept_amount": "60",
        "remaining_amount": "0",
    }
    assert (body["currency"], body["is_paid"], body["is_paid_twice"], body["completed_count"]) == (
        "EUR",
        True,
        False,
        1,
    )
    found = payment_summary(order, due_amount=Decimal(60))
    assert {name: body[name] for name in body if name.endswith("_amount")} == {
        name: f"{getattr(found, name):f}" for name in body if name.endswith("_amount")
    }


def test_without_a_price_nothing_is_missing_or_too_much(clerk, cryptopay_sandbox, order):
    completed(cryptopay_sandbox, order=order)

    body = ask(clerk, order).json()

    assert (body["due_amount"], body["remaining_amount"], body["overpaid_amount"]) == (None, None, None)
    assert body["is_paid"] is False


def test_what_is_in_another_currency_is_named(clerk, cryptopay_sandbox, order):
    completed(cryptopay_sandbox, order=order)

    body = ask(clerk, order, due_amount="110", currency="USD").json()

    assert body["unknown"] == [{"part": "paid", "amount": "100", "currency": "EUR"}]
    assert (body["remaining_amount"], body["is_certain"]) == (None, False)


def test_an_order_without_payments_has_sums_of_zero(clerk, order):
    body = ask(clerk, order, due_amount="5", currency="EUR").json()

    assert (body["paid_amount"], body["remaining_amount"], body["completed_count"]) == ("0", "5", 0)


def test_nobody_learns_which_rows_of_other_models_exist(clerk):
    group = Group.objects.create(name="not an order")

    for key in (group.pk, group.pk + 1):
        assert problem_of(clerk.get("summary", order_type="auth.group", order_id=key)) == (404, "no_order_model")


def test_a_model_that_has_an_invoice_or_a_channel_needs_no_setting(clerk):
    paid, other = (Group.objects.create(name=name) for name in ("paid", "not paid"))
    InvoiceFactory(order=paid)
    kind = ContentType.objects.get_for_model(ContentType)
    ChannelFactory(owner_content_type=kind, owner_object_id=str(kind.pk))

    for label, key in (("auth.group", paid.pk), ("auth.group", other.pk), ("contenttypes.contenttype", kind.pk)):
        assert clerk.get("summary", order_type=label, order_id=key).status_code == 200
    assert problem_of(clerk.get("summary", order_type="auth.group", order_id=other.pk + 1)) == (404, "not_found")


@pytest.mark.parametrize("key", ["0", "-1", "x", "99999999999999999999", "1; drop", "\x00"])
def test_an_order_that_is_not_there_is_not_found(clerk, order, key):
    answer = clerk.get("summary", order_type="auth.user", order_id=key)

    assert answer.status_code in (400, 404)
    assert problem_of(answer)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"order_id": "1"}, "order_type"),
        ({"order_type": "auth.user"}, "order_id"),
        ({"order_type": "shop.nothing", "order_id": "1"}, "order_type"),
        ({"order_type": "auth.user", "order_id": "1", "due_amount": "1e999999999"}, "due_amount"),
        ({"order_type": "auth.user", "order_id": "1", "due_amount": "-1"}, "due_amount"),
        ({"order_type": "auth.user", "order_id": "1", "due_amount": "NaN"}, "due_amount"),
        ({"order_type": "auth.user", "order_id": "1", "due": "1"}, "due"),
        ({"order_type": "auth.user", "order_id": "1", "currency": "EURO"}, "currency"),
        ({"order_type": "auth.user", "order_id": "1", "currency": "eur"}, "currency"),
    ],
)
def test_what_is_wrong_is_named_by_field(clerk, query, field):
    answer = clerk.get("summary", **query)

    assert problem_of(answer) == (400, "invalid")
    assert [one["field"] for one in answer.json()["errors"]] == [field]


def test_several_currencies_need_one_that_is_named(clerk, cryptopay_sandbox, order):
    completed(cryptopay_sandbox, order=order)
    InvoiceFactory(order=order, price_currency="USD")

    answer = ask(clerk, order)

    assert problem_of(answer) == (400, "invalid")
    assert [one["field"] for one in answer.json()["errors"]] == ["currency"]
    assert ask(clerk, order, currency="EUR").json()["paid_amount"] == "100"


def test_it_takes_the_permission_to_view_invoices(staff, order):
    others = staff(*[name for name in EVERYTHING if name != "view"])

    assert problem_of(ask(others, order)) == (403, "permission_denied")
