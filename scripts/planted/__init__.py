"""Mistakes that a change could well bring in, each with the tests that must see it. `scripts/plant.py` tries them.

By where they are planted: what comes in, what is told to the shop, what staff and the gateway's answers decide, and
what the host does.
"""

from __future__ import annotations

from . import host, incoming, money, telling
from .bug import Bug as Bug

BUGS: tuple[Bug, ...] = (*incoming.BUGS, *telling.BUGS, *money.BUGS, *host.BUGS)
