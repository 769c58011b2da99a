"""Addresses of every network: published ones are taken, a slip in any of them is found."""

from __future__ import annotations

import base64
import binascii
import hashlib

import base58
import bech32
import pytest

from cryptopay_django.exceptions import AddressError
from cryptopay_django.gateway.addresses import check_address
from cryptopay_django.gateway.coins import COINS
from cryptopay_django.gateway.keccak import keccak_256, sponge
from cryptopay_django.sandbox.addresses import make_address

# Published: BIP 173 and 350, the CashAddr and EIP-55 specifications, CIP 19, the networks' own documentation.
MAIN = [
    ("bitcoin", "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2"),
    ("bitcoin", "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy"),
    ("bitcoin", "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4"),
    ("bitcoin", "bc1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3qccfmv3"),
    ("bitcoin", "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0"),
    ("bitcoin_cash", "bitcoincash:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a"),
    ("bitcoin_cash", "qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a"),
    ("bitcoin_cash", "BITCOINCASH:QPM2QSZNHKS23Z7629MMS6S4CWEF74VCWVY22GDX6A"),
    ("bitcoin_cash", "bitcoincash:ppm2qsznhks23z7629mms6s4cwef74vcwvn0h829pq"),
    ("bitcoin_cash", "1BpEi6DfDAUFd7GtittLSdBeYJvcoaVggu"),
    ("litecoin", "LM2WMpR1Rp6j3Sa59cMXMs1SPzj9eXpGc1"),
    ("litecoin", "ltc1qw508d6qejxtdg4y5r3zarvary0c5xw7kgmn4n9"),
    ("dogecoin", "DH5yaieqoZN36fDVciNyRueRGvGLR3mr7L"),
    ("cardano", "addr1vx2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzers66hrl8"),
    (
        "cardano",
        "addr1qx2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzer3n0d3vllmyqwsx5wktcd8cc3sq835lu7drv2xwl2wywfgse35a3x",
    ),
]
TEST = [
    ("bitcoin", "mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn"),
    ("bitcoin", "2MzQwSSnBHWHqSAqtTVQ6v47XtaisrJa1Vc"),
    ("bitcoin", "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx"),
    ("bitcoin", "tb1pqqqqp399et2xygdj5xreqhjjvcmzhxw4aywxecjdzew6hylgvsesf3hn0c"),
    ("bitcoin_cash", "bchtest:pr6m7j9njldwwzlg9v7v53unlr4jkmx6eyvwc0uz5t"),
    ("cardano", "addr_test1vz2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzerspjrlsz"),
]
EITHER = [
    ("ethereum", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"),
    ("ethereum", "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359"),
    ("polygon", "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB"),
    ("arbitrum", "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb"),
    ("bnb_smart_chain", "0x52908400098527886E0F7030069857D2E4169EE7"),
    ("ethereum", "0xde709f2102306220921060314715629080e2fb77"),
    ("tron", "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t"),
    ("ripple", "rN7n7otQDd6FczFgLdSqtcsAUxDkw6fzRH"),
    ("ripple", "rN7n7otQDd6FczFgLdSqtcsAUxDkw6fzRH?dt=4294967295"),
    ("stellar", "GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVSGZ"),
    ("stellar", "GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVSGZ?memo_id=18446744073709551615"),
    ("solana", "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"),
    ("ton", "EQDKbjIcfM6ezt8KjKJJLshZJJSqX7XOA4ff-W72r5gqPrHF"),
    ("cardano", "Ae2tdPwUPEZFRbyhz3cpfC2CumGzNkFBN2L42rcUc2yjQpEkxDbkPodpMAi"),
]


def crc16(raw, order):
    return binascii.crc_hqx(raw, 0).to_bytes(2, order)


NETWORKS = sorted({network for networks in COINS.values() for network in networks})


@pytest.mark.parametrize(("network", "address"), [*MAIN, *TEST, *EITHER])
def test_a_published_address_is_taken(network, address):
    check_address(address, network)


def test_there_is_one_of_every_network():
    assert {network for network, _ in [*MAIN, *TEST, *EITHER]} == set(NETWORKS)


@pytest.mark.parametrize("network", NETWORKS)
def test_what_the_sandbox_makes_is_taken_by_its_network(network):
    for index in range(20):
        address, tag = make_address(network, seed="seed", index=index)
        check_address(address if tag is None else f"{address}?dt={tag}", network, testnet=True)


@pytest.mark.parametrize(("network", "address"), MAIN)
def test_an_address_of_the_main_network_is_refused_where_a_test_one_is_meant(network, address):
    check_address(address, network, testnet=False)
    with pytest.raises(AddressError, match="main network"):
        check_address(address, network, testnet=True)


@pytest.mark.parametrize(("network", "address"), TEST)
def test_an_address_of_a_test_network_is_refused_in_production(network, address):
    check_address(address, network, testnet=True)
    with pytest.raises(AddressError, match="would be lost"):
        check_address(address, network, testnet=False)


@pytest.mark.parametrize(("network", "address"), EITHER)
def test_where_the_spelling_does_not_tell_either_is_taken(network, address):
    check_address(address, network, testnet=True)
    check_address(address, network, testnet=False)


def has_checksum(network, address):
    is_hex_in_one_case = address.startswith("0x") and address[2:] in (address[2:].upper(), address[2:].lower())
    return network != "solana" and not is_hex_in_one_case


def other_than(character):
    """Return a wrong character that the same alphabet has; of a letter in hex, the other case."""
    if character in "abcdefABCDEF":
        return character.swapcase()
    return {"q": "p", "Q": "P", "2": "3"}.get(character, "2" if character.isdigit() else "qQ"[character.isupper()])


@pytest.mark.parametrize(("network", "address"), [pair for pair in [*MAIN, *TEST, *EITHER] if has_checksum(*pair)])
def test_any_one_wrong_character_is_found(network, address):
    plain = address.partition("?")[0]
    start = plain.find(":") + 1 or (2 if plain.startswith("0x") else 0)

    for place in range(start, len(plain)):
        slip = plain[:place] + other_than(plain[place]) + plain[place + 1 :]
        with pytest.raises(AddressError):
            check_address(slip, network)


@pytest.mark.parametrize(
    "text", ["", " ", "nonsense", "é", "0x12", "0x" + "0" * 40, "bitcoincash:", ":", "1", "q" * 300]
)
@pytest.mark.parametrize("network", NETWORKS)
def test_nonsense_is_no_address(network, text):
    with pytest.raises(AddressError):
        check_address(text, network)


@pytest.mark.parametrize(
    ("network", "address"),
    [
        ("bitcoin", "LM2WMpR1Rp6j3Sa59cMXMs1SPzj9eXpGc1"),
        ("bitcoin", "ltc1qw508d6qejxtdg4y5r3zarvary0c5xw7kgmn4n9"),
        ("litecoin", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"),
        ("dogecoin", "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2"),
        ("tron", "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2"),
        ("bitcoin_cash", "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx"),
        ("ethereum", "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t"),
        ("cardano", "stake1uyehkck0lajq8gr28t9uxnuvgcqrc6070x3k9r8048z8y5gh6ffgw"),
        # BIP 350: a wrong checksum for its version, a program too long, an unknown version.
        ("bitcoin", "bc1p38j9r5y49hruaue7wxjce0updqjuyyx0kh56v8s25huc6995vvpql3jow4"),
        ("bitcoin", "tb1q0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vq24jc47"),
        ("bitcoin", "BC130XLXVLHEMJA6C4DQV22UAPCTQUPFHLXM9H8Z3K2E72Q4K9HCZ7VQ7ZWS8R"),
        ("bitcoin", "bc1pw5dgrnzv"),
        ("bitcoin", "bc1gmk9yu"),
        ("bitcoin", "bc1qW508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"),
        ("ripple", "rN7n7otQDd6FczFgLdSqtcsAUxDkw6fzRH?dt=4294967296"),
        ("ripple", "rN7n7otQDd6FczFgLdSqtcsAUxDkw6fzRH?dt=one"),
        ("ethereum", "5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"),
    ],
)
def test_what_looks_like_an_address_but_is_not_one_of_this_network_is_refused(network, address):
    with pytest.raises(AddressError):
        check_address(address, network)


def in_bech32(prefix, content, *, first=(), spoil=0):
    words = [*first, *bech32.convertbits(content, 8, 5)]
    words[-1] |= spoil
    return bech32.bech32_encode(prefix, words)


@pytest.mark.parametrize(
    ("network", "address"),
    [
        ("bitcoin", base58.b58encode_check(bytes(20)).decode()),
        ("bitcoin", base58.b58encode_check(bytes(22)).decode()),
        ("ripple", base58.b58encode_check(bytes(20), alphabet=base58.RIPPLE_ALPHABET).decode()),
        ("ripple", base58.b58encode_check(b"\x01" + bytes(20), alphabet=base58.RIPPLE_ALPHABET).decode()),
        ("stellar", base64.b32encode(b"\x90" + bytes(32) + crc16(b"\x90" + bytes(32), "little")).decode()),
        ("ton", base64.b64encode(b"\x12" + bytes(33) + crc16(b"\x12" + bytes(33), "big")).decode()),
        ("solana", base58.b58encode(b"\x01" * 31).decode()),
        ("bitcoin", in_bech32("bc", bytes(32), first=[0], spoil=1)),
        ("cardano", in_bech32("addr", b"\x01" + bytes(55))),
        ("cardano", in_bech32("addr_test", b"\x01" + bytes(56))),
        ("cardano", in_bech32("addr", b"\xe1" + bytes(28))),
    ],
)
def test_what_has_a_right_checksum_but_not_what_belongs_in_it_is_refused(network, address):
    with pytest.raises(AddressError):
        check_address(address, network)


def test_of_a_network_that_is_not_known_only_visible_characters_are_asked_for():
    check_address("any-thing_1", "network_of_tomorrow")
    with pytest.raises(AddressError):
        check_address("two words", "network_of_tomorrow")


def test_the_message_shows_what_was_given_and_no_more_of_it_than_fits():
    with pytest.raises(AddressError, match="not an address on bitcoin") as caught:
        check_address("x" * 200, "bitcoin")

    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("length", [0, 1, 135, 136, 137, 272, 500])
def test_the_permutation_is_that_of_sha3(length):
    message = bytes(number % 251 for number in range(length))

    assert sponge(message, padding=0x06) == hashlib.sha3_256(message).digest()


def test_keccak_is_the_one_that_ethereum_uses():
    assert keccak_256(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    assert keccak_256(b"abc").hex() == "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"


def base58_of(version, key, alphabet=base58.BITCOIN_ALPHABET):
    return base58.b58encode_check(bytes([version]) + key, alphabet=alphabet).decode()


def nobodys(network, last):
    """Return an address of a network whose key is all zeros but for its last two bytes."""
    digest, key = last.rjust(20, b"\0"), last.rjust(32, b"\0")
    if network in ("ethereum", "bnb_smart_chain", "polygon", "arbitrum"):
        return f"0x{digest.hex()}"
    if network == "ripple":
        return base58_of(0, digest, base58.RIPPLE_ALPHABET)
    if network == "stellar":
        raw = bytes([6 << 3]) + key
        return base64.b32encode(raw + crc16(raw, "little")).decode()
    if network == "ton":
        raw = b"\x11\x00" + key
        return base64.urlsafe_b64encode(raw + crc16(raw, "big")).decode()
    if network == "solana":
        return base58.b58encode(key).decode()
    if network == "cardano":
        words = bech32.convertbits(b"\x61" + last.rjust(28, b"\0"), 8, 5)
        return bech32.bech32_encode("addr", words)
    versions = {"litecoin": 0x30, "dogecoin": 0x1E, "tron": 0x41}
    return base58_of(versions.get(network, 0), digest)


@pytest.mark.parametrize("last", [b"\0\0", b"\xde\xad"])
@pytest.mark.parametrize("network", NETWORKS)
def test_an_address_that_nobody_has_the_key_of_is_refused(network, last):
    with pytest.raises(AddressError, match="nobody has the key"):
        check_address(nobodys(network, last), network)


@pytest.mark.parametrize(
    ("network", "address"),
    [
        ("ethereum", "0x000000000000000000000000000000000000dEaD"),
        ("bnb_smart_chain", "0xdEAD000000000000000042069420694206942069"),
        ("bitcoin", "1BitcoinEaterAddressDontSendf59kuE"),
        ("bitcoin", bech32.encode("bc", 0, bytes(20))),
        ("bitcoin", bech32.encode("tb", 0, bytes(20)).upper()),
        ("bitcoin_cash", "bitcoincash:qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqfnhks603"),
        ("tron", "T9yD14Nj9j7xAB4dbGeiX9h8unkKHxuWwb"),
        ("ripple", "rrrrrrrrrrrrrrrrrrrrrhoLvTp?dt=7"),
        ("solana", "1nc1nerator11111111111111111111111111111111"),
    ],
)
def test_a_known_address_for_burning_coins_is_refused(network, address):
    with pytest.raises(AddressError, match="nobody has the key"):
        check_address(address, network)
