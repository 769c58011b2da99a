"""Mistakes that a change could well bring in, each with the tests that must see it. `scripts/plant.py` tries them.

By where they are planted: what comes in, what is told to the shop, and what staff and the gateway's answers decide.
"""

from __future__ import annotations

from . import incoming, money, telling
from .bug import Bug as Bug

BUGS: tuple[Bug, ...] = (*incoming.BUGS, *telling.BUGS, *money.BUGS)
