"""Defines the gateway's answers about coins, rates and customers, and its errors, as frozen dataclasses."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

from ..exceptions import WireError
from .message_base import WireObject
from .strictjson import Json, join_path
from .values import Address, Amount, Code, Details, Name, Reference, Text, Url, read_object, read_required


@dataclass(frozen=True, slots=True)
class Rate(WireObject):
    """The prices at which one unit of the base currency is bought and sold."""

    facts = frozenset({"sell_rate"})

    sell_rate: Amount
    buy_rate: Amount | None = None


@dataclass(frozen=True, slots=True)
class DestinationTag(WireObject):
    """The network's name for the number that belongs to the address."""

    required: bool
    name: Name


@dataclass(frozen=True, slots=True)
class Feature(WireObject):
    """Says whether the account can use a network for one product."""

    enabled: bool


@dataclass(frozen=True, slots=True)
class CoinNetwork(WireObject):
    """A network that a coin travels on."""

    facts = frozenset({"network", "precision"})

    network: Code
    precision: int
    name: Name | None = None
    destination_tag: DestinationTag | None = None
    invoices: Feature | None = None
    channels: Feature | None = None
    coin_withdrawals: Feature | None = None

    @property
    def invoices_enabled(self) -> bool:
        """Return whether invoices can be paid over this network; not, where the gateway does not say."""
        return self.invoices is not None and self.invoices.enabled


@dataclass(frozen=True, slots=True)
class Coin(WireObject):
    """A coin the gateway takes."""

    facts = frozenset({"currency"})

    currency: Code
    name: Name | None = None
    logo_url: Url | None = None
    networks: tuple[CoinNetwork, ...] = ()


@dataclass(frozen=True, slots=True)
class CustomerAddress(WireObject):
    """The address for a customer's refunds in one coin."""

    address: Address
    currency: Code
    network: Code | None = None


@dataclass(frozen=True, slots=True)
class Customer(WireObject):
    """A customer of the shop, as the gateway keeps it."""

    id: Reference
    currency: Code
    refund_addresses: Mapping[str, str] = field(default_factory=dict, hash=False)
    addresses: tuple[CustomerAddress, ...] = ()


@dataclass(frozen=True, slots=True)
class ErrorBody(WireObject):
    """The gateway's answer when it refuses. `details` has one item for each thing that it sends.

    The code makes it the gateway's: without one, it is the page of something in between.
    """

    code: Code | None = None
    message: Text | None = None
    details: Details = ()
    request_id: Reference | None = None

    @classmethod
    def from_wire(cls, obj: object, path: str = "") -> Self:
        """Read the parts `error` and `meta`. Only the code must be there; what else cannot be read is left out."""
        members, where = read_object(obj, path), join_path(path, "error")
        said = read_object(read_required(members, "error", path), where)
        _Code.from_wire({"code": said.get("code")}, where)
        error = _Error.from_wire(_readable(_Error, said), where)
        meta = _Meta.from_wire(_readable(_Meta, members.get("meta")), join_path(path, "meta"))
        return cls(error.code, error.message, error.details, meta.request_id, extra=error.extra)

    def to_wire(self) -> dict[str, Json]:
        """Write an error's body, ready for `dump_json`."""
        error = _Error(self.code, self.message, self.details, extra=self.extra)
        return {"error": error.to_wire(), "meta": _Meta(self.request_id).to_wire()}


def _readable(kind: type[WireObject], members: Json) -> dict[str, Json]:
    """Return the members that can be read each by itself: an odd detail must not hide that this is a refusal."""
    found: dict[str, Json] = {}
    for name, value in members.items() if isinstance(members, dict) else ():
        with suppress(WireError):
            kind.from_wire({name: value})
            found[name] = value
    return found


@dataclass(frozen=True, slots=True)
class _Code(WireObject):
    code: Code


@dataclass(frozen=True, slots=True)
class _Error(WireObject):
    code: Code | None = None
    message: Text | None = None
    details: Details = ()


@dataclass(frozen=True, slots=True)
class _Meta(WireObject):
    request_id: Reference | None = None
