"""What the gateway says beside invoices, as frozen dataclasses: coins, rates, customers, errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from .strictjson import Json, join_path
from .values import Address, Amount, Code, Details, Name, Reference, Text, Url, read_object, read_required
from .wire import WireObject


@dataclass(frozen=True, slots=True)
class Rate(WireObject):
    """What one unit of the base currency is bought and sold for."""

    facts = frozenset({"sell_rate"})

    sell_rate: Amount
    buy_rate: Amount | None = None


@dataclass(frozen=True, slots=True)
class DestinationTag(WireObject):
    """What a network calls the number that must stand beside the address."""

    required: bool
    name: Name


@dataclass(frozen=True, slots=True)
class Feature(WireObject):
    """Whether the account can use a network for one product."""

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
        """Whether invoices can be paid over this network; not, where the gateway does not say."""
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
    """Where a customer's refunds in one coin go."""

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
    """What the gateway says when it refuses. `details` is whatever it sends, an item each."""

    code: Code | None = None
    message: Text | None = None
    details: Details = ()
    request_id: Reference | None = None

    @classmethod
    def from_wire(cls, obj: object, path: str = "") -> Self:
        """Read the parts `error` and `meta`, of which the latter may be absent."""
        members = read_object(obj, path)
        error = _Error.from_wire(read_required(members, "error", path), join_path(path, "error"))
        meta = _Meta.from_wire(members.get("meta") or {}, join_path(path, "meta"))
        return cls(error.code, error.message, error.details, meta.request_id, extra=error.extra)

    def to_wire(self) -> dict[str, Json]:
        """Write an error's body, ready for `dump_json`."""
        error = _Error(self.code, self.message, self.details, extra=self.extra)
        return {"error": error.to_wire(), "meta": _Meta(self.request_id).to_wire()}


@dataclass(frozen=True, slots=True)
class _Error(WireObject):
    code: Code | None = None
    message: Text | None = None
    details: Details = ()


@dataclass(frozen=True, slots=True)
class _Meta(WireObject):
    request_id: Reference | None = None
