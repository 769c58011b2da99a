"""Finds the page of a transaction in a block explorer: from CRYPTOPAY_BLOCK_EXPLORERS, or else a public explorer."""

from __future__ import annotations

from urllib.parse import quote

from .conf import app_settings
from .gateway.networks import NETWORKS


def explorer_url(txid: str, *, network: str, environment: str) -> str:
    """Return the URL of a transaction's page, or "" if none is known.

    The local sandbox has no real network, so its transactions have a page only if the setting names an explorer for
    the network. The value None in the setting means: no page for this network.
    """
    own = app_settings.BLOCK_EXPLORERS
    template = own[network] if network in own else _public_explorer(network, environment)
    return template.replace("{txid}", quote(txid, safe="")) if template and txid else ""


def _public_explorer(network: str, environment: str) -> str:
    """Return the URL of a public explorer. The gateway's own sandbox works on test networks."""
    known = NETWORKS.get(network)
    if known is None:
        return ""
    return {"production": known.explorer, "sandbox": known.test_explorer}.get(environment, "")
