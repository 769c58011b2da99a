"""Reads and writes destination tags and memos: the numbers by which customers of an exchange share one address.

The number says whose coins they are. Coins that are sent to a shared address without the number are lost. Whether the
address itself is valid: `addresses.py`.
"""

from __future__ import annotations

import re

from ..exceptions import AddressError, TagError
from .field_lengths import DESTINATION_TAG_LENGTH
from .networks import NETWORKS

LARGEST_TAG = {network.code: network.largest_tag for network in NETWORKS.values() if network.largest_tag}
"""The networks on which a refund asks for a tag, because many people can share one address there."""

_NO_TAG = {"ripple": "0"}
"""What a withdrawal has to carry where its address needs no tag."""

# Forms that carry the number inside the address; the gateway does not know them.
_PACKED_FORMS = {
    "ripple": (re.compile(r"[XT][1-9A-HJ-NP-Za-km-z]{46}", re.ASCII), "an X-address", "the classic address, r…"),
    "stellar": (re.compile(r"M[A-Z2-7]{68}", re.ASCII), "a muxed account (M…)", "the plain account, G…"),
}
_TAGGED_ADDRESS = re.compile(rf"([^?]+)\?(?:dt|memo|memo_id)=([0-9A-Za-z._-]{{1,{DESTINATION_TAG_LENGTH}}})", re.ASCII)
# A newer guide's spelling.
_OTHER_TAG = re.compile(rf"([^?]+)\?memoId=([0-9]{{1,{DESTINATION_TAG_LENGTH}}})", re.ASCII)


def split_address(address: str) -> tuple[str, str | None]:
    """Part an address of XRP or XLM (`rn7b…?dt=2751702755`) into the plain address and the tag.

    Any other address is returned whole, with None. A payment to the plain address alone is lost.
    """
    tagged = _TAGGED_ADDRESS.fullmatch(address)
    return (tagged[1], tagged[2]) if tagged else (address, None)


def check_unpacked(address: str, network: str) -> None:
    """Raise AddressError, which names the form, for an address that has its tag packed into it."""
    pattern, name, plain = _PACKED_FORMS.get(network, (None, "", ""))
    if pattern and pattern.fullmatch(split_address(address)[0]):
        raise AddressError(
            f"{address!r} is {name}, which the gateway does not take: ask for {plain}, and its "
            f"{_tag_name(network)} apart"
        )


def with_tag(address: str, network: str, *, tag: str | None = None, without_tag: bool = False) -> str:
    """Return an address as the gateway takes it, with its tag or memo where the network has such: `rn7b…?dt=275`.

    The tag stands in the address, or beside it. Raises TagError where neither it is given nor `without_tag` says that
    the address needs none, where both are, and on a network that has no tags.
    """
    plain, inside = split_address(address)
    beside = None if tag is None else str(tag).strip()
    if network not in LARGEST_TAG:
        if beside or without_tag:
            raise TagError(f"an address on {network} has no tag or memo: leave it out")
        return address
    name = _tag_name(network)
    if inside is not None and beside and _number(inside) != _number(beside):
        raise TagError(f"the address has the {name} {inside} in it, and {beside} is given beside it: which one is it?")
    wanted = inside if inside is not None else beside
    if wanted and without_tag:
        raise TagError(f"there is the {name} {wanted}, and it is said that none is needed: which one is right?")
    if not wanted and not without_tag:
        raise TagError(
            f"which {name} does {address!r} need? At an exchange many people share one {network} address, and "
            "coins without it are lost. Say that none is needed only for a wallet of the customer's own"
        )
    if not wanted:
        return plain
    if _number(wanted) is None or int(wanted) > LARGEST_TAG[network]:
        raise TagError(f"{wanted!r} is not a {name} on {network}: a whole number up to {LARGEST_TAG[network]}")
    return f"{plain}?dt={_number(wanted)}"


def for_withdrawal(address: str, network: str) -> str:
    """Return a checked address, with its tag, as the gateway takes it for a withdrawal: on XRP never without one."""
    none = _NO_TAG.get(network)
    return address if none is None or split_address(address)[1] is not None else f"{address}?dt={none}"


def is_same_place(one: str | None, other: str | None, *, with_tags: bool = True) -> bool:
    """Return whether two spellings are one address: either case, a prefix or none, any way to write a tag."""
    return _place(one, with_tags=with_tags) == _place(other, with_tags=with_tags)


def parted(address: str) -> tuple[str, str | None]:
    """Return the plain address and the tag or memo in it, in any spelling of the gateway; None where there is none."""
    plain, tag = split_address(address)
    if tag is None and (found := _OTHER_TAG.fullmatch(address)):
        plain, tag = found.groups()
    return plain, tag


def _place(address: str | None, *, with_tags: bool) -> tuple[str, str] | None:
    if not address:
        return None
    plain, tag = parted(address)
    plain = plain.lower().removeprefix("bitcoincash:")
    return plain, (_number(tag) or tag) if tag and with_tags else ""


def _tag_name(network: str) -> str:
    """Return the name of the tag as it is written within a sentence: destination tag, memo ID."""
    name = NETWORKS[network].tag
    return f"{name[0].lower()}{name[1:]}"


def _number(text: str) -> str | None:
    """Return a tag without leading zeros, or None for what is no number."""
    return str(int(text)) if text.isascii() and text.isdecimal() and len(text) <= DESTINATION_TAG_LENGTH else None
