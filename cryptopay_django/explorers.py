"""Finds the page of a transaction in a block explorer: from CRYPTOPAY_BLOCK_EXPLORERS, or else a public explorer."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from .conf import app_settings

PUBLIC_EXPLORERS: Mapping[str, Mapping[str, str]] = {
    "production": {
        "arbitrum": "https://arbiscan.io/tx/{txid}",
        "bitcoin": "https://mempool.space/tx/{txid}",
        "bitcoin_cash": "https://blockchair.com/bitcoin-cash/transaction/{txid}",
        "bnb_smart_chain": "https://bscscan.com/tx/{txid}",
        "cardano": "https://cardanoscan.io/transaction/{txid}",
        "dogecoin": "https://blockchair.com/dogecoin/transaction/{txid}",
        "ethereum": "https://etherscan.io/tx/{txid}",
        "litecoin": "https://litecoinspace.org/tx/{txid}",
        "polygon": "https://polygonscan.com/tx/{txid}",
        "ripple": "https://livenet.xrpl.org/transactions/{txid}",
        "solana": "https://explorer.solana.com/tx/{txid}",
        "stellar": "https://stellar.expert/explorer/public/tx/{txid}",
        "ton": "https://tonviewer.com/transaction/{txid}",
        "tron": "https://tronscan.org/#/transaction/{txid}",
    },
    "sandbox": {
        "bitcoin": "https://mempool.space/testnet/tx/{txid}",
        "litecoin": "https://litecoinspace.org/testnet/tx/{txid}",
        "ripple": "https://testnet.xrpl.org/transactions/{txid}",
        "stellar": "https://stellar.expert/explorer/testnet/tx/{txid}",
    },
}
"""URLs by environment of an account and network: the gateway's sandbox works on test networks."""


def explorer_url(txid: str, *, network: str, environment: str) -> str:
    """Return the URL of a transaction's page, or "" if none is known.

    The local sandbox has no real network, so its transactions have a page only if the setting names an explorer for
    the network. The value None in the setting means: no page for this network.
    """
    own = app_settings.BLOCK_EXPLORERS
    template = own[network] if network in own else PUBLIC_EXPLORERS.get(environment, {}).get(network)
    return template.replace("{txid}", quote(txid, safe="")) if template and txid else ""
