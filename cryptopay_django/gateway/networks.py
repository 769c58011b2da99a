"""Lists the networks that are known offline, with what this package knows of each.

To add a network, add it to `_KNOWN`, and to `addresses.py` what its addresses look like. Coins: `coins.py`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType

Confirmations = tuple[tuple[Decimal | float, int], ...]
"""The largest amount of each step, and for how many blocks the gateway waits up to and including this amount."""

_ANY = math.inf


@dataclass(frozen=True, slots=True)
class Network:
    """A chain on which coins are sent, and what wallets and people call its parts."""

    code: str
    title: str
    native: str
    """The coin in which its fees are paid. Every other coin on it is a token."""
    block_seconds: float
    """Seconds from one block to the next, on average."""
    confirmations: Confirmations = ((_ANY, 1),)
    standard: str = ""
    """What wallets call a token here, as in "ERC-20"; "" if they show no such word."""
    tag: str = ""
    """What wallets call the number beside an address that many people share, as in "Destination tag"."""
    largest_tag: int = 0
    """The largest such number; 0 if there is none, or if this package cannot check it."""
    schemes: tuple[str, ...] = ()
    """The schemes of the URIs that its wallets open."""
    explorer: str = ""
    """The page of a transaction in a public block explorer. `{txid}` is replaced."""
    test_explorer: str = ""
    """The same for the test network."""


_KNOWN = (
    Network(
        code="arbitrum",
        title="Arbitrum One",
        native="ETH",
        block_seconds=0.25,
        confirmations=((_ANY, 30),),
        schemes=("ethereum",),
        explorer="https://arbiscan.io/tx/{txid}",
    ),
    Network(
        code="bitcoin",
        title="Bitcoin",
        native="BTC",
        block_seconds=600,
        confirmations=((1, 1), (10, 3), (_ANY, 6)),
        schemes=("bitcoin",),
        explorer="https://mempool.space/tx/{txid}",
        test_explorer="https://mempool.space/testnet/tx/{txid}",
    ),
    Network(
        code="bitcoin_cash",
        title="Bitcoin Cash",
        native="BCH",
        block_seconds=600,
        confirmations=((1, 1), (10, 3), (_ANY, 6)),
        schemes=("bitcoincash", "bchtest"),
        explorer="https://blockchair.com/bitcoin-cash/transaction/{txid}",
    ),
    Network(
        code="bnb_smart_chain",
        title="BNB Smart Chain",
        native="BNB",
        block_seconds=1,
        confirmations=((_ANY, 15),),
        standard="BEP-20",
        schemes=("ethereum",),
        explorer="https://bscscan.com/tx/{txid}",
    ),
    Network(
        code="cardano",
        title="Cardano",
        native="ADA",
        block_seconds=20,
        confirmations=((_ANY, 30),),
        schemes=("cardano", "web+cardano"),
        explorer="https://cardanoscan.io/transaction/{txid}",
    ),
    Network(
        code="dogecoin",
        title="Dogecoin",
        native="DOGE",
        block_seconds=60,
        confirmations=((1000, 1), (10_000, 3), (_ANY, 6)),
        schemes=("dogecoin",),
        explorer="https://blockchair.com/dogecoin/transaction/{txid}",
    ),
    Network(
        code="ethereum",
        title="Ethereum",
        native="ETH",
        block_seconds=12,
        confirmations=((_ANY, 12),),
        standard="ERC-20",
        schemes=("ethereum",),
        explorer="https://etherscan.io/tx/{txid}",
    ),
    Network(
        code="litecoin",
        title="Litecoin",
        native="LTC",
        block_seconds=150,
        confirmations=((100, 1), (1000, 3), (_ANY, 6)),
        schemes=("litecoin",),
        explorer="https://litecoinspace.org/tx/{txid}",
        test_explorer="https://litecoinspace.org/testnet/tx/{txid}",
    ),
    Network(
        code="polygon",
        title="Polygon",
        native="POL",
        block_seconds=2,
        confirmations=((_ANY, 127),),
        schemes=("ethereum",),
        explorer="https://polygonscan.com/tx/{txid}",
    ),
    Network(
        code="ripple",
        title="XRP Ledger",
        native="XRP",
        block_seconds=4,
        tag="Destination tag",
        largest_tag=2**32 - 1,
        schemes=("ripple", "xrpl"),
        explorer="https://livenet.xrpl.org/transactions/{txid}",
        test_explorer="https://testnet.xrpl.org/transactions/{txid}",
    ),
    Network(
        code="solana",
        title="Solana",
        native="SOL",
        block_seconds=1,
        schemes=("solana",),
        explorer="https://explorer.solana.com/tx/{txid}",
    ),
    Network(
        code="stellar",
        title="Stellar",
        native="XLM",
        block_seconds=6,
        tag="Memo ID",
        largest_tag=2**64 - 1,
        schemes=("stellar", "web+stellar"),
        explorer="https://stellar.expert/explorer/public/tx/{txid}",
        test_explorer="https://stellar.expert/explorer/testnet/tx/{txid}",
    ),
    Network(
        code="ton",
        title="TON",
        native="TON",
        block_seconds=5,
        tag="Memo",
        schemes=("ton",),
        explorer="https://tonviewer.com/transaction/{txid}",
    ),
    Network(
        code="tron",
        title="Tron",
        native="TRX",
        block_seconds=3,
        standard="TRC-20",
        schemes=("tron",),
        explorer="https://tronscan.org/#/transaction/{txid}",
    ),
)

NETWORKS: Mapping[str, Network] = MappingProxyType({network.code: network for network in _KNOWN})

WALLET_SCHEMES = frozenset(scheme for network in _KNOWN for scheme in network.schemes)
"""Schemes of wallets. Anything else, `javascript:` and `https:` among them, is neither linked nor encoded."""

# For these coins the gateway waits for fewer blocks than for others on the same network.
_CONFIRMATIONS_OF_COIN: Mapping[tuple[str, str], Confirmations] = {
    ("ethereum", "ETH"): ((Decimal("0.3"), 2), (3, 3), (_ANY, 6)),
    ("ethereum", "USDT"): ((1000, 3), (5000, 5), (_ANY, 6)),
}


def required_confirmations(coin: str, network: str, amount: Decimal) -> int:
    """Return how many blocks the gateway waits for with this amount; 1 on a network that is not known here."""
    if network not in NETWORKS:
        return 1
    steps = _CONFIRMATIONS_OF_COIN.get((network, coin), NETWORKS[network].confirmations)
    return next(blocks for largest, blocks in steps if amount <= largest)


def usual_minutes(network: str, confirmations: int) -> int | None:
    """Return how many minutes so many blocks usually take, rounded up; None for a network that is not known here."""
    known = NETWORKS.get(network)
    return None if known is None else math.ceil(known.block_seconds * confirmations / 60)
