"""Derives addresses from a seed that a wallet of each test network accepts, and their payment URIs.

The encodings are from libraries; what they lack (CashAddr, StrKey and the TON envelope) is a checksum each, written
out here. Addresses are checked as the app checks them.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from decimal import Decimal

import base58
import bech32

from ..exceptions import AddressError
from ..gateway.addresses import check_address, spell_checksum
from .amounts import EXACT, spell, spell_scientific
from .simulated_coins import COINS, NETWORKS, chain_decimals

_SCRIPT_HASH = {"bitcoin": 0xC4, "litecoin": 0x3A}
_KEY_HASH = {"dogecoin": 0x71, "tron": 0x41}
_EVM = frozenset({"ethereum", "bnb_smart_chain", "polygon", "arbitrum"})
_FIELD = 2**255 - 19
_CURVE = -121665 * pow(121666, -1, _FIELD) % _FIELD
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
        # The service spells those of this one chain with their checksum, and Ethereum's in lower case.
        digits = key[:20].hex()
        return "0x" + (spell_checksum(digits) if network == "bnb_smart_chain" else digits)
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
    # Wallets make no token account for a key that is no point of the curve.
    while not _is_on_curve(key):
        key = hashlib.sha256(key).digest()
    return base58.b58encode(key).decode()


def _is_on_curve(key: bytes) -> bool:
    """Return whether 32 bytes are a public key of Ed25519 (RFC 8032, 5.1.3): whether y has an x."""
    y = int.from_bytes(key, "little") & ~(1 << 255)
    above, below = (y * y - 1) % _FIELD, (_CURVE * y * y + 1) % _FIELD
    square = above * pow(below, -1, _FIELD) % _FIELD
    return y < _FIELD and pow(square, (_FIELD - 1) // 2, _FIELD) in (0, 1)


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


def spell_address(address: str, tag: int | None) -> str:
    """Return an address as the API shows it, with its tag where the network has one."""
    return address if tag is None else f"{address}?dt={tag}"


def make_uri(coin: str, network: str, *, address: str, tag: int | None, amount: Decimal | None) -> str:
    """Return what a QR code encodes, so that a wallet opens filled in. That of a channel has no amount."""
    if network in {"tron", "bnb_smart_chain"}:
        return address
    units = None if amount is None else EXACT.scaleb(amount, Decimal(chain_decimals(coin, network)))
    if network in _EVM:
        return _make_evm_uri(coin, network, address=address, units=units)
    spelt = None if amount is None else spell(amount)
    start, fields = f"{network}:{address}", {"amount": spelt}
    if network == "bitcoin_cash":
        start = address
    elif network == "cardano":
        start = f"web+{start}"
    elif network == "ripple":
        fields["dt"] = str(tag)
    elif network == "stellar":
        start = "web+stellar:pay"
        fields = {"destination": address, "memo": str(tag), "memo_type": "MEMO_ID", "amount": spelt}
    elif network == "ton":
        start, fields = f"ton://transfer/{address}", {"amount": None if units is None else str(int(units))}
    elif network == "solana" and coin != "SOL":
        fields["spl-token"] = _contract(network, coin)
    return start + _query(fields)


def _make_evm_uri(coin: str, network: str, *, address: str, units: Decimal | None) -> str:
    spelt = None if units is None else spell_scientific(units)
    chain = NETWORKS[network].chain_id
    at = f"@{chain}" if chain else ""
    if COINS[coin].is_token_on(network):
        fields = {"address": address, "uint256": spelt}
        return f"ethereum:{_contract(network, coin)}{at}/transfer" + _query(fields)
    return f"ethereum:{address}{at}" + _query({"value": spelt})


def _query(fields: dict[str, str | None]) -> str:
    pairs = [f"{name}={value}" for name, value in fields.items() if value is not None]
    return "?" + "&".join(pairs) if pairs else ""


def _contract(network: str, coin: str) -> str:
    return encode(network, derive("token contract", network, coin))


def is_address(network: str, text: str) -> bool:
    """Return whether coins can be sent to this address on this network, main or test."""
    try:
        check_address(text, network)
    except AddressError:
        return False
    return True
