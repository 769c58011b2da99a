"""Checks the address that the coins of a refund go to. One rule, for staff and for customers."""

from __future__ import annotations

from ...conf import BASE_URLS, get_account
from ...exceptions import AddressError, TagError
from ...gateway.addresses import check_address
from ...gateway.tags import is_same_place, with_tag
from ...models import Invoice


def check_refund_address(invoice: Invoice, address: str, *, tag: str | None = None, without_tag: bool = False) -> None:
    """Raise AddressError or TagError unless a refund of this invoice can be sent to an address. Sends nothing.

    For a form of the shop that asks for the address before `refund_invoice` is called.
    """
    checked_address(invoice, address, tag=tag, without_tag=without_tag)


def checked_destination(invoice: Invoice, address: str | None, *, tag: str | None, without_tag: bool) -> str | None:
    """Return the checked address of a refund as the gateway takes it, with its tag; None for the own account.

    Raises AddressError, also where the network of the invoice is not known and for the address that was paid to, and
    TagError where the network has tags and it is not said which, or that none is needed.
    """
    if address is None:
        if tag or without_tag:
            raise TagError("there is a tag, or the word that none is needed, and no address that it belongs to")
        return None
    return checked_address(invoice, address, tag=tag, without_tag=without_tag)


def checked_address(invoice: Invoice, address: str, *, tag: str | None, without_tag: bool) -> str:
    """Return a checked address as the gateway takes it, with its tag. Raises as `checked_destination`."""
    if not invoice.network:
        # An unknown network would pass every address, and ask for no tag.
        raise AddressError(
            f"the network of invoice {invoice.pk} is not known, so no address can be checked for it: refresh the "
            "invoice; if the gateway still does not show the network, refund it in the account"
        )
    is_production = get_account(invoice.account).base_url == BASE_URLS["production"]
    check_address(address, invoice.network, testnet=False if is_production else None)
    place = with_tag(address, invoice.network, tag=tag, without_tag=without_tag)
    if is_same_place(place, invoice.address, with_tags=False):
        raise AddressError(
            f"invoice {invoice.pk} was paid to this address: coins sent there would not reach the customer"
        )
    return place
