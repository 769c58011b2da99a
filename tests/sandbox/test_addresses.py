"""Addresses: published vectors of each encoding, checksums, links, and one address an invoice."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest

from cryptopay_django.gateway.coins import COINS as KNOWN_COINS
from cryptopay_django.gateway.networks import required_confirmations
from cryptopay_django.sandbox.addresses import encode, is_address, make_address, make_uri
from cryptopay_django.sandbox.simulated_coins import COINS, NETWORKS

SHAPES = {
    "bitcoin": r"2[1-9A-HJ-NP-Za-km-z]{33,34}",
    "bitcoin_cash": r"bchtest:q[02-9ac-hj-np-z]{41}",
    "litecoin": r"Q[1-9A-HJ-NP-Za-km-z]{33}",
    "dogecoin": r"n[1-9A-HJ-NP-Za-km-z]{33}",
    "ethereum": r"0x[0-9a-f]{40}",
    "bnb_smart_chain": r"0x[0-9a-fA-F]{40}",
    "polygon": r"0x[0-9a-f]{40}",
    "arbitrum": r"0x[0-9a-f]{40}",
    "tron": r"T[1-9A-HJ-NP-Za-km-z]{33}",
    "ripple": r"r[1-9A-HJ-NP-Za-km-z]{24,34}",
    "stellar": r"G[A-Z2-7]{55}",
    "solana": r"[1-9A-HJ-NP-Za-km-z]{32,44}",
    "cardano": r"addr_test1v[02-9ac-hj-np-z]{52}",
    "ton": r"0Q[A-Za-z0-9_-]{46}",
}


@pytest.mark.parametrize("network", sorted(NETWORKS))
def test_an_address_has_the_shape_of_its_test_network_and_a_valid_checksum(network: str) -> None:
    addresses = [make_address(network, seed="seed", index=index) for index in range(50)]

    assert len(set(addresses)) == 50
    for address, _ in addresses:
        assert re.fullmatch(SHAPES[network], address)
        assert is_address(network, address)


@pytest.mark.parametrize(
    "network", sorted(set(NETWORKS) - {"ethereum", "bnb_smart_chain", "polygon", "arbitrum", "solana"})
)
def test_an_address_with_a_wrong_letter_is_refused(network: str) -> None:
    address, _ = make_address(network, seed="seed", index=1)
    letter = "q" if address[-6] != "q" else "p"

    assert not is_address(network, address[:-6] + letter + address[-5:])


@pytest.mark.parametrize(
    ("network", "address"),
    [
        ("bitcoin_cash", "bitcoincash:qr6m7j9njldwwzlg9v7v53unlr4jkmx6eylep8ekg2"),
        ("bitcoin_cash", "bchtest:pr6m7j9njldwwzlg9v7v53unlr4jkmx6eyvwc0uz5t"),
        ("bitcoin", "2My4QKKqgNcnR3Ts5gGVYmDks1nXPmBQoBX"),
        ("bitcoin", "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx"),
        ("tron", "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t"),
        ("ripple", "rN7n7otQDd6FczFgLdSqtcsAUxDkw6fzRH"),
        ("ripple", "rN7n7otQDd6FczFgLdSqtcsAUxDkw6fzRH?dt=7"),
        ("stellar", "GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVSGZ"),
        ("cardano", "addr_test1vz2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzerspjrlsz"),
        ("solana", "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"),
        ("ton", "EQDKbjIcfM6ezt8KjKJJLshZJJSqX7XOA4ff-W72r5gqPrHF"),
    ],
)  # fmt: skip
def test_published_addresses_are_accepted(network: str, address: str) -> None:
    assert is_address(network, address)


def test_cash_addresses_are_encoded_as_published() -> None:
    key = bytes.fromhex("f5bf48b397dae70be82b3cca4793f8eb2b6cdac9")

    assert encode("bitcoin_cash", key).partition(":")[2].startswith("qr6m7j9njldwwzlg9v7v53unlr4jkmx6ey")
    assert is_address("bitcoin_cash", encode("bitcoin_cash", key))


@pytest.mark.parametrize("text", ["", "nonsense", "é", "0x12", "bitcoincash:", ":", "1"])
@pytest.mark.parametrize("network", sorted(NETWORKS))
def test_nonsense_is_no_address(network: str, text: str) -> None:
    assert not is_address(network, text)


@pytest.mark.parametrize("network", ["ripple", "stellar"])
def test_tagged_networks_share_one_address(network: str) -> None:
    first, second = (make_address(network, seed="seed", index=index) for index in (1, 2))

    assert first[0] == second[0]
    assert first[1] != second[1]


@pytest.mark.parametrize(
    ("coin", "network", "uri"),
    [
        ("BTC", "bitcoin", "bitcoin:ADDRESS?amount=0.28"),
        ("LTC", "litecoin", "litecoin:ADDRESS?amount=0.28"),
        ("DOGE", "dogecoin", "dogecoin:ADDRESS?amount=0.28"),
        ("ETH", "ethereum", "ethereum:ADDRESS@5?value=0.28e18"),
        ("POL", "polygon", "ethereum:ADDRESS@80002?value=0.28e18"),
        ("XRP", "ripple", "ripple:ADDRESS?amount=0.28&dt=7"),
        ("XLM", "stellar", "web+stellar:pay?destination=ADDRESS&memo=7&memo_type=MEMO_ID&amount=0.28"),
        ("SOL", "solana", "solana:ADDRESS?amount=0.28"),
        ("ADA", "cardano", "web+cardano:ADDRESS?amount=0.28"),
        ("TON", "ton", "ton://transfer/ADDRESS?amount=280000000"),
        ("TRX", "tron", "ADDRESS"),
        ("BNB", "bnb_smart_chain", "ADDRESS"),
    ],
)
def test_a_payment_link_carries_address_tag_and_amount(coin: str, network: str, uri: str) -> None:
    assert make_uri(coin, network, address="ADDRESS", tag=7, amount=Decimal("0.28")) == uri


def test_a_token_link_calls_its_contract() -> None:
    uri = make_uri("USDT", "ethereum", address="ADDRESS", tag=None, amount=Decimal("112.815885"))

    assert re.fullmatch(r"ethereum:0x[0-9a-f]{40}@5/transfer\?address=ADDRESS&uint256=0\.112815885e9", uri)


def test_the_sandbox_has_every_coin_that_the_client_knows() -> None:
    assert {code: dict.fromkeys(coin.networks, coin.precision) for code, coin in COINS.items()} == {
        code: dict(networks) for code, networks in KNOWN_COINS.items()
    }


@pytest.mark.parametrize(
    ("coin", "network", "amount", "blocks"),
    [
        ("BTC", "bitcoin", "1", 1),
        ("BTC", "bitcoin", "1.00000001", 3),
        ("BCH", "bitcoin_cash", "10.5", 6),
        ("LTC", "litecoin", "100", 1),
        ("DOGE", "dogecoin", "1000", 1),
        ("DOGE", "dogecoin", "10000", 3),
        ("DOGE", "dogecoin", "10000.1", 6),
        ("ETH", "ethereum", "0.3", 2),
        ("ETH", "ethereum", "3", 3),
        ("ETH", "ethereum", "3.1", 6),
        ("USDT", "ethereum", "1000", 3),
        ("USDT", "ethereum", "5000", 5),
        ("USDT", "ethereum", "5001", 6),
        ("USDC", "ethereum", "1", 12),
        ("USDT", "bnb_smart_chain", "1", 15),
        ("USDT", "tron", "1", 1),
        ("XRP", "ripple", "1", 1),
        ("ADA", "cardano", "1", 30),
        ("POL", "polygon", "1", 127),
        ("ARB", "arbitrum", "1", 30),
    ],
)
def test_the_blocks_needed_follow_coin_network_and_amount(coin: str, network: str, amount: str, blocks: int) -> None:
    assert required_confirmations(coin, network, Decimal(amount)) == blocks
