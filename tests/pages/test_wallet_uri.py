"""What wallets open and scan: the gateway's links, the same for a rest, and nothing that is not a wallet's."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest

from cryptopay_django.gateway.networks import WALLET_SCHEMES
from cryptopay_django.models import Invoice
from cryptopay_django.pages.wallet_uri import pay_link
from cryptopay_django.qr import qr_svg
from cryptopay_django.sandbox.addresses import make_address, make_uri
from cryptopay_django.sandbox.simulated_coins import COINS

WHOLE, REST = Decimal("1.5"), Decimal("0.25")
EVERYWHERE = [(coin.code, network) for coin in COINS.values() for network in coin.networks]


def invoice_in(coin: str, network: str, whole: Decimal = WHOLE) -> Invoice:
    address, tag = make_address(network, seed="links", index=7)
    uri = make_uri(coin, network, address=address, tag=tag, amount=whole)
    return Invoice(pay_amount=whole, pay_currency=coin, network=network, address=address,
                   destination_tag=str(tag or ""), uri=uri)  # fmt: skip


def amount_in(uri: str) -> Decimal:
    written = [part.partition("=")[2] for part in uri.partition("?")[2].split("&")
               if part.partition("=")[0] in ("amount", "value", "uint256")]  # fmt: skip
    (amount,) = written
    return Decimal(amount)


@pytest.mark.parametrize(("coin", "network"), EVERYWHERE)
def test_the_whole_is_paid_by_the_gateways_own_link(coin, network):
    invoice = invoice_in(coin, network)

    assert pay_link(invoice, WHOLE).text == invoice.uri


@pytest.mark.parametrize(("coin", "network"), EVERYWHERE)
def test_a_rest_is_written_as_the_whole_was_or_not_at_all(coin, network):
    whole, rest = (Decimal(150), Decimal(25)) if coin == "SHIB" else (WHOLE, REST)
    invoice = invoice_in(coin, network, whole)
    link = pay_link(invoice, rest)

    if not link.has_amount:
        assert link.text == invoice.address == invoice.uri
        return
    expected = invoice_in(coin, network, rest).uri
    assert amount_in(link.text) == amount_in(expected)
    assert link.text.partition("?")[0] == expected.partition("?")[0]
    assert re.search(r"[?&](amount|value|uint256)=[0-9.]+(&|$)", link.text)
    assert link.href == link.text
    assert link.has_tag == bool(invoice.destination_tag)


@pytest.mark.parametrize(
    "uri",
    [
        "bitcoin:ADDRESS?amount=2",  # not what is due
        "bitcoin:ADDRESS?amount=1.5&amount=1.5",
        "bitcoin:ADDRESS?amount=NaN",
        "bitcoin:ADDRESS?amount=1.5.0",
        "bitcoin:ELSEWHERE?amount=1.5",
        "javascript:alert('ADDRESS')?amount=1.5",
        "https://evil.example/ADDRESS?amount=1.5",
        "data:text/html,ADDRESS?amount=1.5",
        "bitcoin:ADDRESS?amount=1.5\n&label=x",
        "bitcoin:ADDRESS?amount=1.5&label=ü",
        "ADDRESS",
        "",
    ],
)
def test_what_is_not_understood_becomes_the_bare_address(uri):
    invoice = Invoice(pay_amount=WHOLE, address="ADDRESS", uri=uri)

    link = pay_link(invoice, WHOLE)

    assert (link.text, link.href, link.has_amount) == ("ADDRESS", "", False)


def test_a_rest_that_is_less_than_the_smallest_unit_is_not_written():
    invoice = Invoice(pay_amount=Decimal("1.5"), address="AD", uri="ethereum:AD?value=15e5")

    assert pay_link(invoice, Decimal("0.25")).text == "ethereum:AD?value=250000"
    assert pay_link(invoice, Decimal("0.00000025")).text == "AD"


def test_a_link_without_an_amount_serves_the_whole_only_unless_it_is_nothing_but_the_address():
    plain = Invoice(pay_amount=WHOLE, address="AD", uri="bitcoin:AD")
    other = Invoice(pay_amount=WHOLE, address="AD", destination_tag="7", uri="ripple:AD?dt=7&sum=1.5")

    assert pay_link(plain, REST).href == "bitcoin:AD"
    assert (pay_link(other, WHOLE).has_tag, pay_link(other, WHOLE).has_amount) == (True, False)
    assert pay_link(other, REST).text == "AD"


def test_no_scheme_that_runs_or_opens_a_page_is_safe():
    assert not WALLET_SCHEMES & {"javascript", "data", "http", "https", "file", "vbscript", "blob", "intent", "mailto"}


def test_a_qr_code_is_an_svg_with_a_name_and_without_style_or_script():
    svg = qr_svg("bitcoin:AD?amount=1.5", "A <code> & a name")

    assert svg.startswith('<svg role="img" ')
    assert "A &lt;code&gt; &amp; a name" in svg
    assert "style" not in svg
    assert "<script" not in svg
