"""Returns how many blocks the gateway waits for until a payment is confirmed, and how long that usually takes."""

from __future__ import annotations

import math
from decimal import Decimal

# (up to and including this amount, confirmations), then the number for anything above.
_STEPS: dict[tuple[str, str | None], tuple[tuple[tuple[int | Decimal, int], ...], int]] = {
    ("bitcoin", None): (((1, 1), (10, 3)), 6),
    ("bitcoin_cash", None): (((1, 1), (10, 3)), 6),
    ("litecoin", None): (((100, 1), (1000, 3)), 6),
    ("dogecoin", None): (((1000, 1), (10_000, 3)), 6),
    ("ethereum", "ETH"): (((Decimal("0.3"), 2), (3, 3)), 6),
    ("ethereum", "USDT"): (((1000, 3), (5000, 5)), 6),
    ("ethereum", None): ((), 12),
    ("bnb_smart_chain", None): ((), 15),
    ("cardano", None): ((), 30),
    ("polygon", None): ((), 127),
    ("arbitrum", None): ((), 30),
}
_AT_ONCE: tuple[tuple[tuple[int | Decimal, int], ...], int] = ((), 1)


def required_confirmations(coin: str, network: str, amount: Decimal) -> int:
    """Return how many blocks the gateway waits for with this amount."""
    steps, above = _STEPS.get((network, coin)) or _STEPS.get((network, None)) or _AT_ONCE
    return next((blocks for limit, blocks in steps if amount <= limit), above)


# Seconds from one block to the next, on average.
_BLOCK_SECONDS = {
    "arbitrum": 0.25, "bitcoin": 600, "bitcoin_cash": 600, "bnb_smart_chain": 1, "cardano": 20, "dogecoin": 60,
    "ethereum": 12, "litecoin": 150, "polygon": 2, "ripple": 4, "solana": 1, "stellar": 6, "ton": 5, "tron": 3,
}  # fmt: skip


def usual_minutes(network: str, confirmations: int) -> int | None:
    """Return how many minutes so many blocks usually take, rounded up; None for a network that is not known here."""
    seconds = _BLOCK_SECONDS.get(network)
    return None if seconds is None else math.ceil(seconds * confirmations / 60)
