"""Lists the coins that the package knows offline, with their networks and decimal places. Fiat: `currencies.py`.

A coin that is missing here comes from the gateway's own list (`services/invoices/account_coins.py`), or from the
setting CRYPTOPAY_EXTRA_COINS. To add a coin to the package, add it to `COINS`, and to `sandbox/simulated_coins.py`. If
there is more to know about it or its network, change these files too:
    pages/formats.py     its name for people
    addresses.py         what an address looks like (an unknown network is not checked)
    tags.py              whether addresses have a tag or memo, and what wallets call it
    confirmations.py     how many confirmations the gateway waits for
    explorers.py         where a transaction can be looked up (outside this folder)
    pages/wallet_uri.py  which links wallets understand
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

Coins = Mapping[str, Mapping[str, int]]
"""Decimal places by coin and network."""

# From the gateway's own list of coins. A coin has the same number of decimal places on each network.
COINS: Coins = MappingProxyType(
    {
        "ADA": {"cardano": 6, "bnb_smart_chain": 6},
        "ARB": {"arbitrum": 8},
        "BCH": {"bitcoin_cash": 8, "bnb_smart_chain": 8},
        "BNB": {"bnb_smart_chain": 8},
        "BTC": {"bitcoin": 8, "bnb_smart_chain": 8},
        "BUSD": {"bnb_smart_chain": 8},
        "DAI": {"ethereum": 8, "bnb_smart_chain": 8},
        "DOGE": {"dogecoin": 8, "bnb_smart_chain": 8},
        "ETH": {"ethereum": 8, "bnb_smart_chain": 8},
        "LTC": {"litecoin": 8, "bnb_smart_chain": 8},
        "POL": {"polygon": 8},
        "SHIB": {"ethereum": 0, "bnb_smart_chain": 0},
        "SOL": {"solana": 9, "bnb_smart_chain": 9},
        "TON": {"ton": 8},
        "TRX": {"tron": 6, "bnb_smart_chain": 6},
        "USDC": {"ethereum": 6, "tron": 6, "bnb_smart_chain": 6, "solana": 6},
        "USDT": {"ethereum": 6, "tron": 6, "bnb_smart_chain": 6, "solana": 6, "polygon": 6},
        "XLM": {"stellar": 7, "bnb_smart_chain": 7},
        "XRP": {"ripple": 6, "bnb_smart_chain": 6},
    }
)
