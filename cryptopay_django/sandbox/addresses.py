"""Addresses that a wallet of each test network accepts, derived from a seed, and their payment links.

The encodings come from the libraries of the `[sandbox]` extra; what they lack (CashAddr, StrKey and
the TON envelope) is a checksum each, written out here.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable
from decimal import Decimal

from .amounts import EXACT, spell, spell_scientific
from .coins import COINS, NETWORKS, chain_decimals

try:
    import base58
    import bech32
except ImportError as error:  # pragma: no cover - depends on what is installed
    raise ImportError(
        "the sandbox needs address encodings that are not installed: pip install cryptopay-django[sandbox]"
    ) from error

_SCRIPT_HASH = {"bitcoin": 0xC4, "litecoin": 0x3A}
_KEY_HASH = {"dogecoin": 0x71, "tron": 0x41}
_EVM = frozenset({"ethereum", "bnb_smart_chain", "polygon", "arbitrum"})
_CASHADDR_GENERATORS = (0x98F2BC8E61, 0x79B76D99E2, 0xF33E5FB3C4, 0xAE2EABE2A8, 0x1E4F43E470)


def derive(seed: str, *labels: str | int, size: int = 32) -> bytes:
    """Return bytes that look random and are the same for the same seed and labels."""
    text = "\x1f".join((seed, *map(str, labels)))
    return hashlib.shake_256(text.encode()).digest(size)


def make_address(network: str, *, seed: str, index: int | str) -> tuple[str, int | None]:
    """Return the address of the account's index-th invoice on a network, and its tag where it has one."""
    if NETWORKS[network].tag_name:
        tag = int.from_bytes(derive(seed, network, "tag", size=3)) + index if isinstance(index, int) else 1
        return encode(network, derive(seed, network, "wallet")), tag
    return encode(network, derive(seed, network, index)), None


def encode(network: str, key: bytes) -> str:
    """Spell 32 bytes of key material as an address of this network."""
    if network in _EVM:
        return "0x" + key[:20].hex()
    if network in _SCRIPT_HASH:
        return base58.b58encode_check(bytes([_SCRIPT_HASH[network]]) + key[:20]).decode()
    if network in _KEY_HASH:
        return base58.b58encode_check(bytes([_KEY_HASH[network]]) + key[:20]).decode()
    return _ENCODERS[network](key)


def _encode_ripple(key: bytes) -> str:
    return base58.b58encode_check(b"\x00" + key[:20], alphabet=base58.RIPPLE_ALPHABET).decode()


def _encode_stellar(key: bytes) -> str:
    payload = bytes([6 << 3]) + key
    return base64.b32encode(payload + binascii.crc_hqx(payload, 0).to_bytes(2, "little")).decode()


def _encode_solana(key: bytes) -> str:
    return base58.b58encode(key).decode()


def _encode_cardano(key: bytes) -> str:
    # An enterprise address of a test network: header 0x60 and the hash of a payment key, 28 bytes.
    return bech32.bech32_encode("addr_test", _to_words(b"\x60" + key[:28]))


def _encode_ton(key: bytes) -> str:
    # Not bounceable, test network only, work chain 0.
    payload = b"\xd1\x00" + key
    return base64.urlsafe_b64encode(payload + binascii.crc_hqx(payload, 0).to_bytes(2, "big")).decode()


def _encode_bitcoin_cash(key: bytes) -> str:
    prefix = "bchtest"
    words = _to_words(b"\x00" + key[:20])
    known = [ord(letter) & 31 for letter in prefix] + [0]
    checksum = _cashaddr_polymod([*known, *words, *[0] * 8])
    tail = [(checksum >> 5 * (7 - place)) & 31 for place in range(8)]
    return prefix + ":" + "".join(bech32.CHARSET[word] for word in (*words, *tail))


def _to_words(payload: bytes) -> list[int]:
    return bech32.convertbits(payload, 8, 5) or []


def _cashaddr_polymod(words: list[int]) -> int:
    state = 1
    for word in words:
        top = state >> 35
        state = ((state & 0x07FFFFFFFF) << 5) ^ word
        for bit, generator in enumerate(_CASHADDR_GENERATORS):
            if top >> bit & 1:
                state ^= generator
    return state ^ 1


_ENCODERS = {
    "bitcoin_cash": _encode_bitcoin_cash,
    "ripple": _encode_ripple,
    "stellar": _encode_stellar,
    "solana": _encode_solana,
    "cardano": _encode_cardano,
    "ton": _encode_ton,
}


def make_txid(network: str, *, seed: str, index: int) -> str:
    """Return a transaction id in the spelling of this network."""
    if network == "solana":
        return base58.b58encode(derive(seed, "tx", index, size=64)).decode()
    text = derive(seed, "tx", index).hex()
    if network in _EVM:
        return "0x" + text
    return text.upper() if network == "ripple" else text


def make_uri(coin: str, network: str, *, address: str, tag: int | None, amount: Decimal) -> str:
    """Return what a QR code encodes, so that a wallet opens with everything filled in."""
    if network in {"tron", "bnb_smart_chain"}:
        return address
    if network in _EVM:
        return _make_evm_uri(coin, network, address=address, amount=amount)
    units = int(EXACT.scaleb(amount, Decimal(chain_decimals(coin, network))))
    scheme = {"cardano": "web+cardano"}.get(network, network)
    shape = _URIS.get(network, "{scheme}:{address}?amount={amount}")
    uri = shape.format(scheme=scheme, address=address, tag=tag, amount=spell(amount), units=units)
    if network == "solana" and coin != "SOL":
        uri += "&spl-token=" + encode(network, derive("token contract", network, coin))
    return uri


_URIS = {
    "bitcoin_cash": "{address}?amount={amount}",
    "ripple": "ripple:{address}?amount={amount}&dt={tag}",
    "stellar": "web+stellar:pay?destination={address}&amount={amount}&memo={tag}&memo_type=MEMO_ID",
    "ton": "ton://transfer/{address}?amount={units}",
}


def _make_evm_uri(coin: str, network: str, *, address: str, amount: Decimal) -> str:
    units = spell_scientific(EXACT.scaleb(amount, Decimal(chain_decimals(coin, network))))
    chain = NETWORKS[network].chain_id
    at = f"@{chain}" if chain else ""
    if COINS[coin].is_token_on(network):
        contract = encode(network, derive("token contract", network, coin))
        return f"ethereum:{contract}{at}/transfer?address={address}&uint256={units}"
    return f"ethereum:{address}{at}?value={units}"


def is_address(network: str, text: str) -> bool:
    """Tell whether a wallet of this network, main or test, would send to this address."""
    try:
        return _check(network, text)
    except (ValueError, binascii.Error):
        return False


def _check(network: str, text: str) -> bool:
    if not text.isascii():
        return False
    if network in _EVM:
        return len(text) == 42 and text[:2] == "0x" and len(bytes.fromhex(text[2:])) == 20
    return _CHECKS.get(network, _check_base58)(text)


def _check_base58(text: str) -> bool:
    prefix = text.partition("1")[0]
    if prefix in {"tb", "bc", "ltc", "tltc"}:
        return bech32.decode(prefix, text)[0] is not None
    return len(base58.b58decode_check(text)) == 21


def _check_ripple(text: str) -> bool:
    return len(base58.b58decode_check(text.partition("?")[0], alphabet=base58.RIPPLE_ALPHABET)) == 21


def _check_stellar(text: str) -> bool:
    raw = base64.b32decode(text.partition("?")[0])
    return len(raw) == 35 and binascii.crc_hqx(raw[:-2], 0).to_bytes(2, "little") == raw[-2:]


def _check_ton(text: str) -> bool:
    raw = base64.urlsafe_b64decode(text)
    return len(raw) == 36 and binascii.crc_hqx(raw[:-2], 0).to_bytes(2, "big") == raw[-2:]


def _check_cardano(text: str) -> bool:
    prefix, words = _decode_long_bech32(text)
    return prefix in {"addr", "addr_test"} and len(words) > 40


def _check_bitcoin_cash(text: str) -> bool:
    prefix, colon, tail = text.partition(":")
    if not colon:
        return _check_base58(text)
    words = [bech32.CHARSET.index(letter) for letter in tail]
    return _cashaddr_polymod([*(ord(letter) & 31 for letter in prefix), 0, *words]) == 0


_CHECKS: dict[str, Callable[[str], bool]] = {
    "bitcoin_cash": _check_bitcoin_cash,
    "ripple": _check_ripple,
    "stellar": _check_stellar,
    "solana": lambda text: len(base58.b58decode(text)) == 32,
    "cardano": _check_cardano,
    "ton": _check_ton,
}


def _decode_long_bech32(text: str) -> tuple[str, list[int]]:
    # Cardano's addresses pass the 90 characters at which the library's own decoder stops.
    prefix, _, tail = text.rpartition("1")
    words = [bech32.CHARSET.index(letter) for letter in tail]
    valid = bech32.bech32_verify_checksum(prefix, words)
    return (prefix, words) if valid else ("", [])
