"""Checks that an address belongs to a network: its form and checksum, offline. It cannot check the owner.

Coins sent to a mistyped address are lost, so what has a checksum is checked by it. Only forms that a wallet
of the network shows for receiving are taken.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections.abc import Callable
from enum import Enum
from typing import NoReturn

import base58
import bech32

from ..exceptions import AddressError
from .field_lengths import ADDRESS_LENGTH
from .keccak import keccak_256
from .tags import LARGEST_TAG, check_unpacked, split_address


class Net(Enum):
    """The chain of a network that an address belongs to, where its spelling shows it."""

    MAIN = "main"
    TEST = "test"
    EITHER = "either"


_NOBODYS = frozenset(
    {
        "0xdead000000000000000042069420694206942069",
        "1BitcoinEaterAddressDontSendf59kuE",
        "1nc1nerator11111111111111111111111111111111",
    }
)
"""Addresses that coins are sent to in order to destroy them, where their bytes do not show it."""

_VISIBLE = re.compile(rf"[\x21-\x7e]{{1,{ADDRESS_LENGTH}}}", re.ASCII)
_HEX_ADDRESS = re.compile(r"0x([0-9a-fA-F]{40})", re.ASCII)
_BECH32M = 0x2BC830A3
_CASHADDR_GENERATORS = (0x98F2BC8E61, 0x79B76D99E2, 0xF33E5FB3C4, 0xAE2EABE2A8, 0x1E4F43E470)
_CASHADDR_PREFIXES = {"bitcoincash": Net.MAIN, "bchtest": Net.TEST, "bchreg": Net.TEST}
_SEGWIT_PREFIXES = {
    "bitcoin": {"bc": Net.MAIN, "tb": Net.TEST, "bcrt": Net.TEST},
    "litecoin": {"ltc": Net.MAIN, "tltc": Net.TEST, "rltc": Net.TEST},
}
# The first byte of a base58 address, by network.
_VERSIONS = {
    "bitcoin": {0x00: Net.MAIN, 0x05: Net.MAIN, 0x6F: Net.TEST, 0xC4: Net.TEST},
    "bitcoin_cash": {0x00: Net.MAIN, 0x05: Net.MAIN, 0x6F: Net.TEST, 0xC4: Net.TEST},
    "litecoin": {0x30: Net.MAIN, 0x32: Net.MAIN, 0x05: Net.MAIN, 0x6F: Net.TEST, 0x3A: Net.TEST, 0xC4: Net.TEST},
    "dogecoin": {0x1E: Net.MAIN, 0x16: Net.MAIN, 0x71: Net.TEST, 0xC4: Net.TEST},
    "tron": {0x41: Net.EITHER},
}


def check_address(address: str, network: str, *, testnet: bool | None = None) -> None:
    """Raise AddressError unless coins can be sent to this address on this network.

    `testnet` says whether the address must belong to a test network (True) or to the main network (False), if its
    spelling shows that; None accepts both. An address of XRP or XLM may carry its tag, as in `rn7b…?dt=2751702755`. An
    address that nobody has the key of is refused on every network that is known here. On any other network, the only
    rule is visible characters.
    """
    if not isinstance(address, str) or not _VISIBLE.fullmatch(address):
        raise AddressError(f"{_shown(address)} is not an address: it is empty, too long, or has spaces in it")
    check_unpacked(address, network)
    check = _CHECKS.get(network)
    if check is None:
        return
    if address in _NOBODYS or address.lower() in _NOBODYS:
        _refuse_nobodys(address)
    try:
        net = check(address)
    except AddressError:
        raise
    except (ValueError, binascii.Error, IndexError, KeyError) as error:
        raise AddressError(
            f"{_shown(address)} is not an address on {network}: check every character, or copy it again ({error})"
        ) from error
    if testnet is not None and net is (Net.MAIN if testnet else Net.TEST):
        raise AddressError(
            f"{_shown(address)} is an address of {network}'s {net.value} network: coins sent there would be lost"
        )


def _refuse_nobodys(address: str) -> NoReturn:
    raise AddressError(
        f"{_shown(address)} is an address that nobody has the key of: coins sent there would be lost. Ask for another"
    )


def _check_owned(address: str, key: bytes) -> None:
    """Refuse a key, or the digest of one, that is all zeros but for its last two bytes: nobody can have made it.

    Such are the null address, `0x…dEaD`, and the accounts that a network keeps for itself.
    """
    if not any(key[:-2]):
        _refuse_nobodys(address)


def _check_base58(network: str, address: str) -> Net:
    raw = base58.b58decode_check(address)
    if len(raw) != 21:
        raise ValueError("wrong length")
    _check_owned(address, raw[1:])
    return _VERSIONS[network][raw[0]]


def _check_segwit(network: str, address: str) -> Net:
    prefix, words, constant = _read_bech32(address)
    net = _SEGWIT_PREFIXES[network][prefix]
    version, program = words[0], bytes(_regroup(words[1:]))
    lengths = {0: (20, 32), 1: (32,)}.get(version, range(2, 41))
    if version > 16 or len(program) not in lengths or constant != (_BECH32M if version else 1):
        raise ValueError("not a witness program")
    _check_owned(address, program)
    return net


def _check_bitcoin_like(network: str) -> Callable[[str], Net]:
    def check(address: str) -> Net:
        if address.lower().rpartition("1")[0] in _SEGWIT_PREFIXES.get(network, {}):
            return _check_segwit(network, address)
        return _check_base58(network, address)

    return check


def _check_bitcoin_cash(address: str) -> Net:
    if address not in (address.lower(), address.upper()):
        return _check_base58("bitcoin_cash", address)
    prefix, _, tail = address.lower().rpartition(":")
    for known, net in _CASHADDR_PREFIXES.items():
        if prefix in ("", known) and _is_cash_address(known, tail):
            _check_owned(address, bytes(_regroup([bech32.CHARSET.find(letter) for letter in tail[:-8]])[1:]))
            return net
    return _check_base58("bitcoin_cash", address)


def _is_cash_address(prefix: str, tail: str) -> bool:
    words = [bech32.CHARSET.find(letter) for letter in tail]
    if len(words) < 9 or -1 in words:
        return False
    if _cash_polymod([*(ord(letter) & 31 for letter in prefix), 0, *words]):
        return False
    version, *digest = _regroup(words[:-8])
    is_key_or_script = version >> 3 in (0, 1)
    return is_key_or_script and version & 7 == 0 and len(digest) == 20


def _cash_polymod(words: list[int]) -> int:
    state = 1
    for word in words:
        top = state >> 35
        state = (state & 0x07FFFFFFFF) << 5 ^ word
        for bit, generator in enumerate(_CASHADDR_GENERATORS):
            if top >> bit & 1:
                state ^= generator
    return state ^ 1


def _check_evm(address: str) -> Net:
    """Hex in one case has no checksum; in both cases the case of each letter is one (EIP-55)."""
    match = _HEX_ADDRESS.fullmatch(address)
    if match is None:
        raise ValueError("0x and 40 hexadecimal digits")
    digits = match[1]
    _check_owned(address, bytes.fromhex(digits))
    if digits not in (digits.lower(), digits.upper(), spell_checksum(digits.lower())):
        raise ValueError("the case of its letters is a checksum, and it is wrong")
    return Net.EITHER


def spell_checksum(digits: str) -> str:
    """Spell the 40 hexadecimal digits of an address, given in lower case, with their checksum (EIP-55)."""
    marks = keccak_256(digits.encode()).hex()
    return "".join(digit.upper() if int(mark, 16) > 7 else digit for digit, mark in zip(digits, marks, strict=False))


def _check_ripple(address: str) -> Net:
    raw = base58.b58decode_check(_without_tag("ripple", address), alphabet=base58.RIPPLE_ALPHABET)
    if len(raw) != 21 or raw[0]:
        raise ValueError("not an account")
    _check_owned(address, raw[1:])
    return Net.EITHER


def _check_stellar(address: str) -> Net:
    plain = _without_tag("stellar", address)
    raw = base64.b32decode(plain)
    if len(plain) != 56 or raw[0] != 6 << 3 or _crc16(raw[:-2]) != int.from_bytes(raw[-2:], "little"):
        raise ValueError("not an account, or a wrong checksum")
    _check_owned(address, raw[1:-2])
    return Net.EITHER


def _without_tag(network: str, address: str) -> str:
    plain, tag = split_address(address)
    if tag is not None and not (tag.isdecimal() and int(tag) <= LARGEST_TAG[network]):
        raise ValueError("its tag is not a number that the network takes")
    return plain


def _check_solana(address: str) -> Net:
    """32 bytes; there is no checksum."""
    raw = base58.b58decode(address)
    if len(raw) != 32:
        raise ValueError("wrong length")
    _check_owned(address, raw)
    return Net.EITHER


def _check_cardano(address: str) -> Net:
    if not address.lower().startswith("addr"):
        return _check_byron(address)
    prefix, words, constant = _read_bech32(address)
    raw = bytes(_regroup(words))
    kind, network_id = raw[0] >> 4, raw[0] & 15
    lengths = {0: (57,), 1: (57,), 2: (57,), 3: (57,), 4: range(32, 66), 5: range(32, 66), 6: (29,), 7: (29,)}[kind]
    if constant != 1 or len(raw) not in lengths or (prefix, network_id) not in (("addr", 1), ("addr_test", 0)):
        raise ValueError("not a payment address")
    _check_owned(address, raw[1:29])
    return Net.MAIN if network_id else Net.TEST


def _check_byron(address: str) -> Net:
    """An address of Cardano's first era: CBOR of a payload of bytes, and its CRC-32."""
    raw = base58.b58decode(address)
    length = raw[4]
    payload, rest = raw[5 : 5 + length], raw[5 + length :]
    if raw[:4] != b"\x82\xd8\x18\x58" or rest != b"\x1a" + zlib.crc32(payload).to_bytes(4, "big"):
        raise ValueError("a wrong checksum")
    return Net.EITHER


def _check_ton(address: str) -> Net:
    raw = base64.b64decode(address.translate(str.maketrans("-_", "+/")), validate=True)
    if len(raw) != 36 or raw[0] & 0x7F not in (0x11, 0x51) or raw[1] not in (0x00, 0xFF):
        raise ValueError("not a wallet's address")
    if _crc16(raw[:-2]) != int.from_bytes(raw[-2:], "big"):
        raise ValueError("a wrong checksum")
    _check_owned(address, raw[2:34])
    return Net.TEST if raw[0] & 0x80 else Net.EITHER


def _crc16(raw: bytes) -> int:
    return binascii.crc_hqx(raw, 0)


def _read_bech32(address: str) -> tuple[str, list[int], int]:
    """Return prefix, 5-bit words without the checksum, and its constant; Cardano's are longer than BIP 173 has."""
    if address not in (address.lower(), address.upper()):
        raise ValueError("letters of both cases")
    prefix, _, tail = address.lower().rpartition("1")
    words = [bech32.CHARSET.index(letter) for letter in tail]
    constant = bech32.bech32_polymod(bech32.bech32_hrp_expand(prefix) + words)
    if not prefix or len(words) < 7 or constant not in (1, _BECH32M):
        raise ValueError("a wrong checksum")
    return prefix, words[:-6], constant


def _regroup(words: list[int]) -> list[int]:
    """Return the bytes of 5-bit words; what is left over must be zeros."""
    regrouped = bech32.convertbits(words, 5, 8, False)
    if regrouped is None:
        raise ValueError("wrong padding")
    return list(regrouped)


def _shown(address: object) -> str:
    text = repr(address)
    return text if len(text) <= 120 else f"{text[:120]}…"


_CHECKS: dict[str, Callable[[str], Net]] = {
    "bitcoin": _check_bitcoin_like("bitcoin"),
    "bitcoin_cash": _check_bitcoin_cash,
    "litecoin": _check_bitcoin_like("litecoin"),
    "dogecoin": _check_bitcoin_like("dogecoin"),
    "ethereum": _check_evm,
    "bnb_smart_chain": _check_evm,
    "polygon": _check_evm,
    "arbitrum": _check_evm,
    "tron": _check_bitcoin_like("tron"),
    "ripple": _check_ripple,
    "stellar": _check_stellar,
    "solana": _check_solana,
    "cardano": _check_cardano,
    "ton": _check_ton,
}
