"""The customer says where coins go back: by a link, once, checked, on record, and nothing is sent."""

from __future__ import annotations

import hashlib
import logging
import threading
from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.utils import timezone

from cryptopay_django.exceptions import (
    AddressError,
    LinkObstacle,
    NotPermittedError,
    RefundLinkError,
    TagError,
)
from cryptopay_django.models import Invoice, RefundLink, Resolution
from cryptopay_django.services import (
    erase_customer,
    make_refund_link,
    name_refund_address,
    named_refund_address,
    refund_invoice,
)
from cryptopay_django.services.resolution.refund_links import coins_to_return, find_refund_link
from cryptopay_django.testing.factories import InvoiceFactory

from .desk import ADDRESS, unresolved

pytestmark = pytest.mark.django_db

RIPPLE = "rN7n7otQDd6FczFgLdSqtcsAUxDkw6fzRH"
PAID_TO = "2N44BYHaFmyYAaHfwYmKsPeqvErua4tmznT"
OTHER = "2MzQwSSnBHWHqSAqtTVQ6v47XtaisrJa1Vc"


def underpaid(**changes) -> Invoice:
    usual = {"status": "unresolved", "status_context": "underpaid", "paid_amount": Decimal("0.001")}
    return InvoiceFactory(**{**usual, "address": PAID_TO, "network": "bitcoin", **changes})


def refused(**answer) -> LinkObstacle:
    with pytest.raises(RefundLinkError) as caught:
        name_refund_address(**{"address": ADDRESS, **answer})
    return caught.value.obstacle


def test_an_answer_is_on_record_and_nothing_is_sent():
    invoice = underpaid()
    made = make_refund_link(invoice, actor="ada")

    link = name_refund_address(made.token, address=f" {ADDRESS} ")

    assert (link.address, link.network, link.actor) == (ADDRESS, "bitcoin", "ada")
    assert named_refund_address(invoice) == link
    assert made.path == f"/cryptopay/refund/{made.token}/"
    assert list(invoice.events.order_by("pk").values_list("kind", "actor")) == [
        ("refund_link_made", "ada"),
        ("refund_address_named", ""),
    ]
    assert invoice.events.get(kind="refund_address_named").detail["address"] == ADDRESS
    assert not Resolution.objects.exists()


def test_the_token_is_not_kept_and_not_shown(caplog):
    caplog.set_level(logging.DEBUG)
    invoice = underpaid()

    made = make_refund_link(invoice, actor="ada")
    name_refund_address(made.token, address=ADDRESS)

    stored = RefundLink.objects.values().get()
    assert stored["token_digest"] == hashlib.sha256(made.token.encode()).hexdigest()
    everything = [repr(made), str(made.link), str(stored), caplog.text, str(list(invoice.events.values()))]
    assert not [text for text in everything if made.token in text]
    assert len(made.token) >= 43


def test_an_answer_counts_once():
    made = make_refund_link(underpaid(), actor="ada")
    name_refund_address(made.token, address=ADDRESS)

    assert refused(token=made.token, address=OTHER) is LinkObstacle.USED
    assert RefundLink.objects.get().address == ADDRESS


@pytest.mark.parametrize("token", ["", "a", "é", "\x00", "../", "x" * 5000, "\udc80"])
def test_a_guess_finds_nothing(token):
    make_refund_link(underpaid(), actor="ada")

    assert refused(token=token) is LinkObstacle.UNKNOWN


def test_the_digest_itself_is_no_token():
    make_refund_link(underpaid(), actor="ada")

    assert refused(token=RefundLink.objects.get().token_digest) is LinkObstacle.UNKNOWN


def test_a_link_names_an_address_for_its_own_invoice_only():
    one, other = underpaid(), underpaid()
    made = make_refund_link(one, actor="ada")

    name_refund_address(made.token, address=ADDRESS)

    assert named_refund_address(one)
    assert named_refund_address(other) is None


def test_a_link_expires(settings):
    settings.CRYPTOPAY_REFUND_LINK_LIFETIME = 60
    made = make_refund_link(underpaid(), actor="ada")
    assert made.link.expires_at - made.link.created_at == timedelta(minutes=1)
    RefundLink.objects.update(expires_at=timezone.now())

    assert refused(token=made.token) is LinkObstacle.EXPIRED


def test_a_newer_link_of_staff_takes_the_place_of_earlier_ones_and_an_answer_of_all():
    invoice = underpaid()
    customers = make_refund_link(invoice)
    first = make_refund_link(invoice, actor="ada")
    assert refused(token=customers.token) is LinkObstacle.REVOKED
    second = make_refund_link(invoice, actor="ada")
    assert refused(token=first.token) is LinkObstacle.REVOKED
    again = make_refund_link(invoice)

    name_refund_address(second.token, address=ADDRESS)

    assert refused(token=again.token) is LinkObstacle.REVOKED


def test_staff_can_ask_again_and_both_answers_stay_on_record():
    invoice = underpaid()
    for address in (ADDRESS, OTHER):
        name_refund_address(make_refund_link(invoice, actor="ada").token, address=address)

    named = named_refund_address(invoice)
    assert named
    assert named.address == OTHER
    details = (
        invoice.events.filter(kind="refund_address_named").order_by("pk").values_list("detail__address", flat=True)
    )
    assert list(details) == [ADDRESS, OTHER]


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "refunded"},
        {"status": "cancelled"},
        {"status": "new", "status_context": ""},
        {"status_context": "illicit_resource"},
        {"quarantine_reason": "another price"},
        {"environment": "elsewhere.example"},
        {"network": ""},
    ],
)
def test_no_link_and_no_answer_where_nothing_can_be_refunded_here(changes):
    made = make_refund_link(underpaid(), actor="ada")
    Invoice.objects.update(**changes)

    assert refused(token=made.token) is LinkObstacle.CLOSED
    with pytest.raises(RefundLinkError):
        make_refund_link(made.link.invoice, actor="ada")
    assert named_refund_address(made.link.invoice) is None


def test_nothing_changes_while_a_refund_is_under_way():
    made = make_refund_link(underpaid(), actor="ada")
    Resolution.objects.create(invoice=made.link.invoice, kind="refund", actor="ada", reason="x")

    assert refused(token=made.token) is LinkObstacle.CLOSED


def test_a_form_that_was_opened_before_the_answer_is_out_of_date(cryptopay_sandbox):
    invoice = unresolved(cryptopay_sandbox)
    before = invoice.version

    name_refund_address(make_refund_link(invoice, actor="ada").token, address=ADDRESS)

    assert Invoice.objects.get(pk=invoice.pk).version == before + 1


@pytest.mark.parametrize(
    "address",
    ["", "nonsense", "0x" + "1" * 40, PAID_TO, "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4x", "a" * 4000, "<script>"],
)
def test_an_address_that_coins_cannot_go_to_is_refused_and_the_link_stays(address):
    made = make_refund_link(underpaid(), actor="ada")

    with pytest.raises(AddressError):
        name_refund_address(made.token, address=address)

    assert find_refund_link(made.token).is_open(timezone.now())


def test_an_address_of_the_other_chain_is_refused_in_production(settings):
    account = settings.CRYPTOPAY_ACCOUNTS["default"]
    settings.CRYPTOPAY_ACCOUNTS = {"default": {**account, "BASE_URL": "production"}}
    made = make_refund_link(underpaid(environment="production"), actor="ada")

    with pytest.raises(AddressError, match="test network"):
        name_refund_address(made.token, address=ADDRESS)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"address": RIPPLE, "tag": "077"}, (RIPPLE, "77", False)),
        ({"address": f"{RIPPLE}?dt=77"}, (RIPPLE, "77", False)),
        ({"address": RIPPLE, "without_tag": True}, (RIPPLE, "", True)),
    ],
)
def test_a_tag_is_named_or_that_none_is_needed(given, kept):
    made = make_refund_link(underpaid(pay_currency="XRP", network="ripple"), actor="ada")

    link = name_refund_address(made.token, **given)

    assert (link.address, link.destination_tag, link.without_tag) == kept


@pytest.mark.parametrize("given", [{}, {"tag": "x"}, {"tag": "77", "without_tag": True}, {"tag": str(2**32)}], ids=str)
def test_without_a_word_about_the_tag_nothing_is_taken(given):
    made = make_refund_link(underpaid(pay_currency="XRP", network="ripple"), actor="ada")

    with pytest.raises(TagError):
        name_refund_address(made.token, address=RIPPLE, **given)


def test_a_customer_gets_no_link_of_a_completed_order_and_staff_do():
    invoice = underpaid(status="completed", status_context="", settled_amount=Decimal(100))

    with pytest.raises(RefundLinkError):
        make_refund_link(invoice)
    made = make_refund_link(invoice, actor="ada")

    assert name_refund_address(made.token, address=ADDRESS).address == ADDRESS


def test_a_customer_gets_no_link_once_an_address_is_named():
    invoice = underpaid()
    name_refund_address(make_refund_link(invoice).token, address=ADDRESS)

    with pytest.raises(RefundLinkError) as caught:
        make_refund_link(invoice)
    assert caught.value.obstacle is LinkObstacle.USED


def test_a_customer_gets_so_many_links_an_hour():
    invoice = underpaid()
    for _ in range(5):
        make_refund_link(invoice)

    with pytest.raises(RefundLinkError) as caught:
        make_refund_link(invoice)
    assert caught.value.obstacle is LinkObstacle.TOO_MANY
    assert make_refund_link(invoice, actor="ada")
    RefundLink.objects.update(created_at=timezone.now() - timedelta(hours=2))
    assert make_refund_link(invoice)


def test_it_takes_the_permission_to_refund_to_an_address():
    user = User.objects.create(username="ada")

    with pytest.raises(NotPermittedError):
        make_refund_link(underpaid(), actor=user)
    wanted = ["view_invoice", "refund_invoice_to_address"]
    user.user_permissions.set(Permission.objects.filter(codename__in=wanted))
    assert make_refund_link(underpaid(), actor=user).link.actor == "ada"
    with pytest.raises(RefundLinkError):
        make_refund_link(underpaid(), actor=" ")


@pytest.mark.parametrize(
    ("changes", "coins"),
    [
        ({}, Decimal("0.001")),
        ({"status_context": "overpaid", "paid_amount": Decimal("0.003")}, Decimal("0.001")),
        ({"status_context": "overpaid", "pay_amount": None}, None),
        ({"status": "completed"}, None),
        ({"paid_amount": Decimal(0)}, None),
    ],
)
def test_what_goes_back_is_said_if_it_is_known(changes, coins):
    assert coins_to_return(underpaid(**changes)) == coins


def test_erasing_a_customer_erases_the_named_address(cryptopay_sandbox):
    invoice = unresolved(cryptopay_sandbox, customer_id="c-1")
    name_refund_address(make_refund_link(invoice, actor="ada").token, address=OTHER)
    refund_invoice(Invoice.objects.get(pk=invoice.pk), actor="ada", reason="x", address=ADDRESS)
    cryptopay_sandbox.deliver()

    assert erase_customer(customer_id="c-1").erased == 1

    assert OTHER not in str([list(RefundLink.objects.values()), list(invoice.events.values())])


@pytest.mark.django_db(transaction=True)
def test_of_two_answers_at_once_one_counts():
    made, barrier, ended = make_refund_link(underpaid(), actor="ada"), threading.Barrier(2), []

    def answer(address):
        barrier.wait()
        try:
            ended.append(name_refund_address(made.token, address=address).address)
        except RefundLinkError as error:
            ended.append(error.obstacle)
        finally:
            connection.close()

    threads = [threading.Thread(target=answer, args=[address]) for address in (ADDRESS, OTHER)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    (named,) = {ADDRESS, OTHER} & set(ended)
    assert LinkObstacle.USED in ended
    assert RefundLink.objects.get().address == named
