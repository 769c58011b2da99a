"""Makes the link that a wallet opens or scans: the gateway's `uri`, checked, and rewritten when only a rest is due.

A wrong amount or address in a QR code is lost money, so whatever is not understood exactly becomes the
bare address: the customer then types in the amount.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from urllib.parse import urlsplit

from ..fields import EXACT
from ..models import Invoice

SAFE_SCHEMES = frozenset(
    {
        "bitcoin", "bitcoincash", "bchtest", "litecoin", "dogecoin", "ethereum", "ripple", "xrpl", "stellar",
        "web+stellar", "solana", "cardano", "web+cardano", "ton", "tron",
    }
)  # fmt: skip
"""Schemes of wallets. Anything else, `javascript:` and `https:` among them, is neither linked nor encoded."""

_AMOUNT = re.compile(r"([?&](?:amount|value|uint256)=)([^&]*)")
_NUMBER = re.compile(r"[0-9.]{1,60}(?:[eE][+]?[0-9]{1,2})?", re.ASCII)
_CLEAN = re.compile(r"[\x21-\x7e]{1,1000}", re.ASCII)
_MOST_DECIMALS = 24


@dataclass(frozen=True, slots=True)
class PayLink:
    """`text` is what a QR code encodes; `href` opens a wallet, "" where no link is safe.

    `has_amount` and `has_tag` say whether the customer need not type these in.
    """

    text: str
    href: str
    has_amount: bool
    has_tag: bool


def pay_link(invoice: Invoice, amount: Decimal) -> PayLink:
    """Return what to scan or open to pay this amount, the whole or a rest, to the invoice's address."""
    uri = invoice.uri.strip()
    if uri and _CLEAN.fullmatch(uri) and _speaks_of(uri, invoice):
        found = _AMOUNT.findall(uri)
        written = _rewrite(found[0][1], invoice.pay_amount, amount) if len(found) == 1 else None
        if written is not None:
            text = _AMOUNT.sub(lambda match: match[1] + written, uri)
            return PayLink(text, text, has_amount=True, has_tag=_has_tag(uri, invoice))
        # Without an amount that we know, a rest could stand beside the whole under another name.
        if not found and ("?" not in uri or amount == invoice.pay_amount):
            href = "" if uri == invoice.address else uri
            return PayLink(uri, href, has_amount=False, has_tag=_has_tag(uri, invoice))
    return PayLink(invoice.address, "", has_amount=False, has_tag=False)


def _speaks_of(uri: str, invoice: Invoice) -> bool:
    """Return whether a uri is this very address, or a wallet's link to it."""
    if uri == invoice.address:
        return True
    return urlsplit(uri).scheme in SAFE_SCHEMES and invoice.address in uri


def _has_tag(uri: str, invoice: Invoice) -> bool:
    tag = re.escape(invoice.destination_tag)
    return bool(tag) and re.search(rf"[?&](?:dt|memo|memo_id)={tag}(?:&|$)", uri) is not None


def _rewrite(written: str, whole: Decimal | None, amount: Decimal) -> str | None:
    """Write an amount as the uri writes the whole one: in coins, or in a smallest unit of 10^-k coins.

    Returns None when what stands there is not the whole amount in any such unit.
    """
    try:
        value = Decimal(written) if _NUMBER.fullmatch(written) else Decimal(0)
    except InvalidOperation:
        return None
    if whole is None or whole <= 0:
        return None
    for places in range(_MOST_DECIMALS + 1):
        if EXACT.scaleb(whole, Decimal(places)) == value:
            if amount == whole:
                return written
            units = EXACT.scaleb(amount, Decimal(places))
            is_whole = units == units.to_integral_value()
            return f"{units:f}" if places == 0 else f"{units.quantize(Decimal(1)):f}" if is_whole else None
    return None
