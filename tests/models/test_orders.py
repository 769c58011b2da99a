"""An invoice's order: any row of any model, found by content type and key; None where it cannot be loaded."""

from __future__ import annotations

import uuid

import pytest
from django.contrib.auth.models import Group, User
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db import models
from django.test.utils import isolate_apps

from cryptopay_django.models import Channel, Invoice
from cryptopay_django.models.orders import order_filter, order_key, order_pointer
from cryptopay_django.testing.factories import ChannelFactory, InvoiceFactory

pytestmark = pytest.mark.django_db


def point_at(order, **changes):
    """Return an invoice for an order, as it is read anew, with its pointer changed."""
    made = InvoiceFactory(**order_pointer(order))
    Invoice.objects.filter(pk=made.pk).update(**changes)
    return Invoice.objects.get(pk=made.pk)


def test_an_order_is_loaded_and_kept():
    order = User.objects.create(username="order")
    invoice = point_at(order)

    assert invoice.order == order
    assert invoice.order is invoice.order


@pytest.mark.parametrize("key", ["abc", "", "99999999999999999999999", "-1", "1.5", "é"])
def test_a_key_that_cannot_be_one_is_no_order(key):
    invoice = point_at(User.objects.create(username="order"), order_object_id=key)

    assert invoice.order is None
    assert [found.order for found in Invoice.objects.prefetch_related("order")] == [None]


def test_a_model_that_is_gone_is_no_order():
    gone = ContentType.objects.create(app_label="shop_of_last_year", model="order")
    invoice = point_at(User.objects.create(username="order"), order_content_type=gone)

    assert invoice.order is None
    assert [found.order for found in Invoice.objects.prefetch_related("order")] == [None]


def test_a_deleted_row_is_no_order_also_where_it_was_loaded_before():
    order = User.objects.create(username="order")
    invoice = point_at(order)
    assert invoice.order

    User.objects.all().delete()

    assert Invoice.objects.get().order is None


def test_one_broken_row_does_not_keep_the_others_from_being_prefetched(django_assert_num_queries):
    first, second = User.objects.create(username="one"), Group.objects.create(name="two")
    point_at(first)
    point_at(second)
    point_at(first, order_object_id="abc")

    with django_assert_num_queries(3):
        found = {invoice.order for invoice in Invoice.objects.prefetch_related("order")}

    assert found == {first, second, None}


def test_an_order_that_was_put_in_by_hand_is_returned():
    order = User.objects.create(username="order")

    invoice = Invoice(order=order)

    assert (invoice.order, invoice.order_content_type) == (order, ContentType.objects.get_for_model(User))
    invoice.order_object_id = "0"
    assert invoice.order is None


def test_keys_of_any_case_are_different_orders():
    one, other = Session(session_key="abcd"), Session(session_key="ABCD")
    for order in (one, other):  # not every collation lets a shop have both rows in one table
        order._state.adding = False
    first, second = point_at(one), point_at(other)

    assert list(Invoice.objects.for_order(one)) == [first]
    assert list(Invoice.objects.for_order(other)) == [second]


@pytest.mark.parametrize(
    ("order", "says"),
    [
        (5, "not int"),
        ("5", "not str"),
        (User, "not ModelBase"),
        (User(username="new"), "save the order first"),
        (User(pk="x"), "not a key"),
        (Session(session_key="k" * 65), "1 to 64 characters"),
        (Session(session_key=""), "1 to 64 characters"),
    ],
    ids=["number", "text", "model", "unsaved", "odd", "long", "empty"],
)
def test_what_has_no_key_to_point_at_is_refused(order, says):
    with pytest.raises(ValueError, match=says):
        order_pointer(order)


def test_a_row_with_a_key_that_is_not_saved_is_refused():
    with pytest.raises(ValueError, match="save the order first"):
        order_pointer(Session(session_key="k"))


@isolate_apps("tests")
def test_a_composite_key_is_refused():
    class Line(models.Model):
        pk = models.CompositePrimaryKey("order", "number")
        order = models.IntegerField()
        number = models.IntegerField()

        class Meta:
            app_label = "tests"

    with pytest.raises(ValueError, match="composite primary key"):
        order_key(Line(order=1, number=2))


@isolate_apps("tests")
def test_a_uuid_has_one_spelling():
    class Order(models.Model):
        id = models.UUIDField(primary_key=True)

        class Meta:
            app_label = "tests"

    key = uuid.uuid4()

    assert {order_key(Order(id=form)) for form in (key, str(key), key.hex, str(key).upper())} == {str(key)}


@isolate_apps("tests")
def test_a_proxy_is_the_model_that_it_stands_for():
    class Customer(User):
        class Meta:
            proxy = True
            app_label = "tests"

    order = Customer.objects.create(username="order")

    assert order_pointer(order) == order_pointer(User.objects.get())
    assert point_at(order).order == User.objects.get()


@isolate_apps("tests")
def test_a_parent_and_its_children_are_one_order_and_another_tree_is_not():
    class Order(models.Model):
        class Meta:
            app_label = "tests"

    class Gift(Order):
        class Meta:
            app_label = "tests"

    class WrappedGift(Gift):
        class Meta:
            app_label = "tests"

    class Ticket(models.Model):
        order = models.OneToOneField(Order, models.CASCADE, primary_key=True)

        class Meta:
            app_label = "tests"

    found = {kind.model for kind in order_filter(Gift(pk=5))["order_content_type__in"]}

    assert found == {"order", "gift", "wrappedgift"}
    assert order_filter(Order(pk=5)) == order_filter(Gift(pk=5)) == order_filter(WrappedGift(pk=5))
    assert {kind.model for kind in order_filter(Ticket(pk=5))["order_content_type__in"]} == {"ticket"}
    assert order_filter(Ticket(pk=5))["order_object_id"] == "5"


def test_an_invoice_and_a_channel_outlive_the_content_type_of_a_model_that_is_gone():
    gone = ContentType.objects.create(app_label="shop", model="voucher")
    invoice = point_at(User.objects.create(username="order"), order_content_type=gone)
    channel = ChannelFactory(owner_content_type=gone, owner_object_id="7")

    call_command("remove_stale_contenttypes", interactive=False, verbosity=0)

    assert not ContentType.objects.filter(pk=gone.pk).exists()
    assert (Invoice.objects.get(pk=invoice.pk).order, Channel.objects.get(pk=channel.pk).owner) == (None, None)


@isolate_apps("tests", "tests.effects")
def test_two_models_of_one_name_are_different_orders():
    class Order(models.Model):
        class Meta:
            app_label = "tests"

    one = Order

    class Order(models.Model):  # the same name, in another app
        class Meta:
            app_label = "effects"

    first, second = order_filter(one(pk=5)), order_filter(Order(pk=5))

    assert first["order_object_id"] == second["order_object_id"] == "5"
    assert {kind.app_label for kind in first["order_content_type__in"]} == {"tests"}
    assert {kind.app_label for kind in second["order_content_type__in"]} == {"effects"}
