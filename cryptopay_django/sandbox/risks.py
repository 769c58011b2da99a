"""Screens wallets: returns how risky an address is, always the same for one address."""

from __future__ import annotations

from functools import lru_cache

from .addresses import derive, make_address
from .invoices import Risk
from .simulated_coins import NETWORKS


def score_of(subject: str) -> float:
    """Return a score from 0 to 10, one for each subject. It says nothing about the level, as in recordings."""
    return int.from_bytes(derive("score", subject, size=6)) / (1 << 48) * 10


@lru_cache(maxsize=1024)
def make_wallet(seed: str, network: str, risk: Risk) -> str:
    """Return the address of the customer's wallet with this level of risk."""
    return make_address(network, seed=f"{seed} wallet {risk}", index=0)[0]


def score_address(seed: str, address: str, network: str | None = None) -> tuple[Risk, float]:
    """Return level and score of an address: low, but for the sandbox's own two risky wallets."""
    networks = [network] if network else list(NETWORKS)
    for risk in (Risk.MEDIUM, Risk.HIGH):
        if any(address == make_wallet(seed, name, risk) for name in networks):
            return risk, score_of(address)
    return Risk.LOW, score_of(address)
