"""Mistakes that a change could well bring in, each with the tests that must see it. `scripts/plant.py` tries them.

By where they are planted: what comes in, what is told to the shop, what staff and the gateway's answers decide, what
the host does, channels, what is summed up for orders, and mails to customers.
"""

from __future__ import annotations

from . import channels, host, incoming, mails, money, orders, telling
from .bug import Bug as Bug

BUGS: tuple[Bug, ...] = (
    *incoming.BUGS, *telling.BUGS, *money.BUGS, *host.BUGS, *channels.BUGS, *orders.BUGS, *mails.BUGS,
)  # fmt: skip
