"""Where many people share one address, a refund says which of them it is for, or that nobody shares it."""

from __future__ import annotations

import base58
import pytest

from cryptopay_django.exceptions import AddressError, TagError
from cryptopay_django.gateway.tags import is_same_place, with_tag
from cryptopay_django.models import Resolution
from cryptopay_django.services import check_refund_address, refund_invoice

from .desk import ADDRESS, MONEY, unresolved

pytestmark = pytest.mark.django_db

BY_ADA = {"actor": "ada", "reason": "customer called"}
RIPPLE = "rN7n7otQDd6FczFgLdSqtcsAUxDkw6fzRH"
STELLAR = "GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVSGZ"
MUXED = "MA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJUAAAAAAAAAAAACJUQ"
X_ADDRESS = base58.b58encode_check(b"\x05\x44" + bytes(range(20)) + b"\x01" + (77).to_bytes(8, "little"),
                                   alphabet=base58.RIPPLE_ALPHABET).decode()  # fmt: skip
COINS = {"XRP": RIPPLE, "XLM": STELLAR}


def test_an_address_is_checked_before_anything_is_asked_for(wire, cryptopay_sandbox):
    bitcoin, ripple = unresolved(cryptopay_sandbox), unresolved(cryptopay_sandbox, pay_currency="XRP")

    check_refund_address(bitcoin, ADDRESS)
    check_refund_address(ripple, RIPPLE, tag="77")
    check_refund_address(ripple, RIPPLE, without_tag=True)
    with pytest.raises(AddressError):
        check_refund_address(bitcoin, RIPPLE)
    with pytest.raises(TagError):
        check_refund_address(ripple, RIPPLE)

    assert wire.count(MONEY) == 0


@pytest.mark.parametrize("coin", COINS)
def test_without_its_tag_nothing_is_sent(wire, cryptopay_sandbox, coin):
    invoice = unresolved(cryptopay_sandbox, pay_currency=coin)

    with pytest.raises(TagError, match="exchange"):
        refund_invoice(invoice, address=COINS[coin], **BY_ADA)

    assert (wire.count(MONEY), Resolution.objects.count()) == (0, 0)


@pytest.mark.parametrize("coin", COINS)
@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({"tag": "77"}, "?dt=77"),
        ({"tag": " 077 "}, "?dt=77"),
        ({"tag": 77}, "?dt=77"),
        ({"tag": "0"}, "?dt=0"),
        ({"without_tag": True}, ""),
    ],
)
def test_the_tag_goes_out_as_the_gateway_spells_it(wire, cryptopay_sandbox, coin, given, sent):
    invoice = unresolved(cryptopay_sandbox, pay_currency=coin)

    done = refund_invoice(invoice, address=COINS[coin], **given, **BY_ADA)

    (refund,) = cryptopay_sandbox.invoice(invoice).refunds
    assert (done.status, done.error, refund.address) == ("succeeded", "", COINS[coin] + sent)
    assert done.parameters["without_tag"] is (not sent)


def test_a_tag_in_the_address_is_enough(wire, cryptopay_sandbox):
    invoice = unresolved(cryptopay_sandbox, pay_currency="XRP")

    assert refund_invoice(invoice, address=f"{RIPPLE}?dt=77", **BY_ADA).parameters["address"] == f"{RIPPLE}?dt=77"


@pytest.mark.parametrize(
    ("address", "more", "why"),
    [
        (RIPPLE, {"tag": "4294967296"}, "whole number"),
        (RIPPLE, {"tag": "-1"}, "whole number"),
        (RIPPLE, {"tag": "1e3"}, "whole number"),
        (RIPPLE, {"tag": "٧"}, "whole number"),
        (RIPPLE, {"tag": "9" * 5000}, "whole number"),
        (RIPPLE, {"tag": "77", "without_tag": True}, "which one is right"),
        (f"{RIPPLE}?dt=77", {"tag": "78"}, "which one is it"),
        (f"{RIPPLE}?dt=77", {"without_tag": True}, "which one is right"),
        (RIPPLE, {"tag": "  "}, "exchange"),
    ],
)
def test_a_tag_that_is_wrong_or_said_twice_is_refused(wire, cryptopay_sandbox, address, more, why):
    invoice = unresolved(cryptopay_sandbox, pay_currency="XRP")

    with pytest.raises(TagError, match=why) as raised:
        refund_invoice(invoice, address=address, **more, **BY_ADA)

    assert (raised.value.field, wire.count(MONEY)) == ("tag", 0)


@pytest.mark.parametrize("more", [{"tag": "77"}, {"without_tag": True}])
@pytest.mark.parametrize("address", [ADDRESS, None])
def test_where_there_are_no_tags_none_is_taken(wire, cryptopay_sandbox, address, more):
    with pytest.raises(TagError):
        refund_invoice(unresolved(cryptopay_sandbox), address=address, **more, **BY_ADA)


@pytest.mark.parametrize(
    ("coin", "address", "name"),
    [("XRP", X_ADDRESS, "X-address"), ("XRP", f"T{X_ADDRESS[1:]}", "X-address"), ("XLM", MUXED, "muxed account")],
)
def test_a_form_that_has_the_tag_packed_into_it_is_refused_by_name(wire, cryptopay_sandbox, coin, address, name):
    invoice = unresolved(cryptopay_sandbox, pay_currency=coin)

    with pytest.raises(AddressError, match=name):
        refund_invoice(invoice, address=address, **BY_ADA)


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        (None, None, True),
        (None, "there", False),
        ("there", "THERE", True),
        ("bitcoincash:qq", "qq", True),
        ("there?dt=7", "there?memo_id=07", True),
        ("there?dt=7", "there?memoId=7", True),
        ("there?dt=7", "there", False),
        ("there?dt=7", "there?dt=8", False),
    ],
)
def test_one_place_may_be_spelt_in_several_ways(one, other, is_same):
    assert is_same_place(one, other) is is_same_place(other, one) is is_same


def test_places_can_be_compared_without_their_tags():
    assert is_same_place("there?dt=7", "there", with_tags=False)


def test_an_address_of_any_other_network_is_left_as_it_is():
    assert with_tag("there?dt=7", "bitcoin") == "there?dt=7"
