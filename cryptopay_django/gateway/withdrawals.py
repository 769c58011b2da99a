"""Defines withdrawals of coins, what their networks cost, and who receives them, as frozen dataclasses."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from .message_base import WireObject
from .rate_and_risk import Exchange, Risk
from .values import Address, Amount, Code, Moment, Name, Reference, Text, Txid


@dataclass(frozen=True, slots=True, kw_only=True)
class CoinWithdrawal(WireObject):
    """Coins that leave an account of the merchant, as the gateway reported them.

    The status `new` is that of a preview, and `failed` is not final. What the gateway takes is in `exchange.fee`
    where the amount is converted, else in `fee`.
    """

    facts = frozenset(
        {
            "id", "custom_id", "status", "address", "network", "charged_amount", "charged_currency", "received_amount",
            "received_currency",
        }
    )  # fmt: skip

    # Null only in a preview, by the gateway's description; such a one cannot be committed.
    id: UUID | None
    custom_id: Reference | None = None
    customer_id: Reference | None = None
    status: Code
    address: Address
    network: Code | None = None
    txid: Txid | None = None
    charged_amount: Amount
    charged_currency: Code
    received_amount: Amount
    received_currency: Code
    network_fee: Amount | None = None
    network_fee_level: Code | None = None
    fee: Amount | None = None
    fee_currency: Code | None = None
    exchange: Exchange | None = None
    description: Text | None = None
    risk: Risk | None = None
    created_at: Moment | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkFee(WireObject):
    """The present fee of a network for a withdrawal, in the coin itself."""

    level: Code
    fee: Amount
    currency: Code
    network: Code | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BeneficiaryAddress(WireObject):
    """The address where a beneficiary lives or is registered. `country` is the code of two letters."""

    country: Code
    city: Name | None = None
    line_1: Name | None = None
    line_2: Name | None = None
    post_code: Name | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Beneficiary(WireObject):
    """The receiver of a withdrawal, for the travel rule. `type` is `natural_person` or `legal_person`.

    `extra` takes further members, which are sent as they are.
    """

    type: Code
    name: Name
    address: BeneficiaryAddress | None = None
