"""Makes the URI that a wallet opens or scans. Checks the gateway's `uri`, and rewrites it if only a part is due.

A wrong amount or address in a QR code loses money. So if the `uri` cannot be parsed with certainty, the result has
only the address, and the customer types the amount. The page of a payment link is another thing: `payment_link.py`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from urllib.parse import urlsplit

from ..fields import EXACT
from ..gateway.networks import WALLET_SCHEMES
from ..models import Channel, Invoice

_AMOUNT = re.compile(r"([?&](?:amount|value|uint256)=)([^&]*)")
_NUMBER = re.compile(r"[0-9.]{1,60}(?:[eE][+]?[0-9]{1,2})?", re.ASCII)
_CLEAN = re.compile(r"[\x21-\x7e]{1,1000}", re.ASCII)
_MOST_DECIMALS = 24


@dataclass(frozen=True, slots=True)
class PayLink:
    """`text` is for the QR code; `href` opens a wallet, or is "" if no link is safe.

    If `has_amount` or `has_tag` is true, the customer does not have to type it.
    """

    text: str
    href: str
    has_amount: bool
    has_tag: bool


def pay_link(invoice: Invoice, amount: Decimal) -> PayLink:
    """Return the link to pay this amount, the full or the remaining one, to the invoice's address."""
    uri = invoice.uri.strip()
    if uri and _CLEAN.fullmatch(uri) and _speaks_of(uri, invoice):
        found = _AMOUNT.findall(uri)
        written = _rewrite(found[0][1], invoice.pay_amount, amount) if len(found) == 1 else None
        if written is not None:
            text = _AMOUNT.sub(lambda match: match[1] + written, uri)
            return PayLink(text, text, has_amount=True, has_tag=_has_tag(uri, invoice))
        # Without a known amount parameter, the uri could contain the full amount under another name.
        if not found and ("?" not in uri or amount == invoice.pay_amount):
            href = "" if uri == invoice.address else uri
            return PayLink(uri, href, has_amount=False, has_tag=_has_tag(uri, invoice))
    return PayLink(invoice.address, "", has_amount=False, has_tag=False)


def channel_link(channel: Channel) -> PayLink:
    """Return the link and QR content to pay to a channel. It has no amount: the customer chooses it."""
    uri = channel.uri.strip()
    if uri and _CLEAN.fullmatch(uri) and _speaks_of(uri, channel) and not _AMOUNT.search(uri):
        href = "" if uri == channel.address else uri
        return PayLink(uri, href, has_amount=False, has_tag=_has_tag(uri, channel))
    return PayLink(channel.address, "", has_amount=False, has_tag=False)


def _speaks_of(uri: str, row: Invoice | Channel) -> bool:
    """Return whether a uri is exactly this address, or a wallet link to it."""
    if uri == row.address:
        return True
    return urlsplit(uri).scheme in WALLET_SCHEMES and row.address in uri


def _has_tag(uri: str, row: Invoice | Channel) -> bool:
    tag = re.escape(row.destination_tag)
    return bool(tag) and re.search(rf"[?&](?:dt|memo|memo_id)={tag}(?:&|$)", uri) is not None


def _rewrite(written: str, whole: Decimal | None, amount: Decimal) -> str | None:
    """Format an amount in the unit of the uri: in coins, or in a smallest unit of 10^-k coins.

    Return None if the uri's amount is not the full amount in any such unit.
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
