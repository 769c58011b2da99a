"""People are told apart by user id; names can change, be shared, be numbers, and be very long."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.contrib.auth.models import AnonymousUser, Permission, User
from django.utils.functional import SimpleLazyObject

from cryptopay_django.exceptions import NotPermittedError, NotResolvableError, SamePersonError
from cryptopay_django.models import InvoiceEvent, Resolution
from cryptopay_django.services import (
    approve_resolution,
    end_resolution,
    refund_invoice,
    settle_invoice,
    withdraw_resolution,
)
from cryptopay_django.services.resolution.end_by_hand import ENDABLE_AFTER
from cryptopay_django.services.resolution.people import Person, person_of
from cryptopay_django.services.resolution.rules import needs_second_person
from cryptopay_django.testing.factories import InvoiceFactory

from .desk import ADDRESS, MONEY, READING, REFUND, unresolved

pytestmark = pytest.mark.django_db

MAY = ["view_invoice", "settle_invoice", "refund_invoice", "refund_invoice_to_address"]


@pytest.fixture
def four_eyes(settings):
    settings.CRYPTOPAY_FOUR_EYES_ABOVE = {"EUR": Decimal(99)}


def staff(name, may=MAY):
    user = User.objects.create(username=name)
    user.user_permissions.set(Permission.objects.filter(codename__in=may))
    return user


def test_two_users_of_one_name_are_two_people(wire, cryptopay_sandbox, four_eyes):
    planned = refund_invoice(unresolved(cryptopay_sandbox), actor=staff("ada"), reason="asked")
    User.objects.filter(username="ada").update(username="ada of before")

    approved = approve_resolution(planned, actor=staff("ada"))

    assert (approved.status, approved.actor, approved.approver) == ("succeeded", "ada", "ada")
    assert approved.actor_user_id != approved.approver_user_id


def test_a_renamed_user_is_still_the_same_person(wire, cryptopay_sandbox, four_eyes):
    ada = staff("ada")
    planned = refund_invoice(unresolved(cryptopay_sandbox), actor=ada, reason="asked")
    ada.username = "bob"
    ada.save()

    with pytest.raises(SamePersonError):
        approve_resolution(planned, actor=ada)

    assert wire.count(MONEY) == 0


@pytest.mark.parametrize("name", ["ada", "ADA", "ａｄａ"])
def test_where_a_script_gave_a_name_the_names_are_compared(wire, cryptopay_sandbox, four_eyes, name):
    planned = refund_invoice(unresolved(cryptopay_sandbox), actor=name, reason="asked")

    with pytest.raises(SamePersonError):
        approve_resolution(planned, actor=staff("ada"))


def test_a_long_name_is_cut_on_record_and_a_lazy_user_is_a_user(wire, cryptopay_sandbox):
    user = staff("a" * 150)
    user.get_username = lambda: f"{'a' * 300}@mail.example"

    done = refund_invoice(unresolved(cryptopay_sandbox), actor=SimpleLazyObject(lambda: user), reason="asked")

    assert (done.status, len(done.actor), done.actor_user_id) == ("succeeded", 255, str(user.pk))
    assert InvoiceEvent.objects.get(kind="resolution_planned").actor == done.actor


def test_a_number_is_a_name_too():
    class Numbered:
        pk = 7

        def get_username(self):
            return 4711

    assert person_of(Numbered()) == Person("4711", "7")


@pytest.mark.parametrize("actor", [AnonymousUser(), None, 17, "", " "])
def test_somebody_without_a_name_is_nobody(wire, actor):
    with pytest.raises(NotResolvableError, match="must be named"):
        refund_invoice(InvoiceFactory(status="unresolved"), actor=actor, reason="asked")


@pytest.mark.parametrize(
    ("act", "lacking"),
    [
        (lambda invoice, user: settle_invoice(invoice, actor=user, reason="x"), "settle_invoice"),
        (lambda invoice, user: refund_invoice(invoice, actor=user, reason="x"), "refund_invoice"),
        (
            lambda invoice, user: refund_invoice(invoice, actor=user, reason="x", address=ADDRESS),
            "refund_invoice_to_address",
        ),
        (lambda invoice, user: settle_invoice(invoice, actor=user, reason="x"), "view_invoice"),
    ],
)
def test_a_user_who_lacks_the_permission_is_refused_before_anything_is_asked(wire, cryptopay_sandbox, act, lacking):
    invoice = unresolved(cryptopay_sandbox)
    wire.asked.clear()

    with pytest.raises(NotPermittedError, match="may not"):
        act(invoice, staff("ada", [name for name in MAY if name != lacking]))

    assert (wire.asked, Resolution.objects.count()) == ([], 0)


@pytest.mark.parametrize(
    "take_away",
    [
        lambda user: user.user_permissions.clear(),
        lambda user: User.objects.filter(pk=user.pk).update(is_active=False),
        lambda user: User.objects.filter(pk=user.pk).delete(),
    ],
)
def test_a_permission_that_is_taken_away_meanwhile_counts(wire, cryptopay_sandbox, take_away):
    """The user's object has its permissions in a cache; what counts is the database, under the lock."""
    invoice, user = unresolved(cryptopay_sandbox), staff("ada")
    assert user.has_perm("cryptopay_django.refund_invoice")
    wire.just_before(READING, lambda: take_away(user))

    with pytest.raises(NotPermittedError):
        refund_invoice(invoice, actor=user, reason="asked")

    assert (wire.count(MONEY), Resolution.objects.count()) == (0, 0)


def test_who_confirms_withdraws_or_ends_needs_the_permissions_of_what_it_does(
    wire, cryptopay_sandbox, four_eyes, settings
):
    invoice, bystander = unresolved(cryptopay_sandbox), staff("bob", ["view_invoice", "settle_invoice"])
    planned = refund_invoice(invoice, actor="ada", reason="asked", address=ADDRESS)

    with pytest.raises(NotPermittedError):
        approve_resolution(planned, actor=bystander)
    with pytest.raises(NotPermittedError):
        withdraw_resolution(planned, actor=bystander, reason="no")
    wire.fail(REFUND, "timeout")
    sent = approve_resolution(planned, actor=staff("cy"))
    Resolution.objects.update(sent_at=sent.sent_at - ENDABLE_AFTER)
    wire.heal()
    with pytest.raises(NotPermittedError):
        end_resolution(sent, actor=bystander, reason="no")
    assert end_resolution(sent, actor=staff("di"), reason="nothing there").status == "failed"


@pytest.mark.parametrize(
    ("values", "needed"),
    [
        ({"exchange_rate": None}, True),
        ({"exchange_rate": Decimal(0)}, True),
        ({"exchange_rate": Decimal(50000)}, False),
        ({"paid_amount": Decimal(0)}, True),
        ({"price_currency": "USD", "exchange_rate": None}, False),
    ],
)
def test_where_the_worth_is_not_known_two_people_are_asked(four_eyes, values, needed):
    asked = {
        "status": "unresolved", "status_context": "overpaid", "price_amount": Decimal(10), "price_currency": "EUR",
        "paid_amount": Decimal("0.001"),
    }  # fmt: skip

    assert needs_second_person(InvoiceFactory.build(**asked | values)) is needed
