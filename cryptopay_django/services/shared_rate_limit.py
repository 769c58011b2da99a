"""Shares the gateway's 200 calls a minute among all processes that use an API key. The database counts the calls.

There is a row for each call that a minute may have (`models/rate_limit_slot.py`). A call takes a free row by
compare-and-swap, for as long as it can take to arrive, and a minute more; its answer shortens that. So the gateway
never counts more than 200 in a minute, whatever process dies, and whenever. No place is given back unused.

Each purpose has a few places that only it may take, so it always gets some. For confirmations only a few of these are
kept free at a time, and more when they use them. Of the others, a purpose leaves some to those that are more urgent.
If the database does not answer, the limit of this process counts: `gateway/rate_limit.py`.
"""

from __future__ import annotations

import hashlib
import logging
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from django.db import DatabaseError, InterfaceError, connections, router
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from ..exceptions import GatewayRateLimitError
from ..gateway.rate_limit import REQUESTS, WINDOW, Purpose, RateLimiter, current_purpose, limiter_for
from ..models import RateLimitSlot
from ..redaction import hide_locals

logger = logging.getLogger("cryptopay_django")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Quota:
    """The part of the places that a purpose has to itself, and the part of all up to which it may take others.

    No more than the part `ahead` is kept free for it at any time. It goes before others until it has used its own.

    One that is paced uses half of its share as fast as it likes. It spreads the rest evenly: what waits meanwhile can
    be answered together.
    """

    own: float
    most: float
    is_paced: bool = False
    ahead: float = 1.0


QUOTAS: Mapping[Purpose, Quota] = {
    Purpose.CREATION: Quota(own=0.2, most=1.0),
    Purpose.CONFIRMATION: Quota(own=0.15, most=0.8, is_paced=True, ahead=0.03),
    Purpose.REQUEST: Quota(own=0.015, most=0.6),
    Purpose.RECONCILIATION: Quota(own=0.005, most=0.4, is_paced=True),
}

_TRIES = 10
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0
_AFTER_A_REFUSAL = 5.0
"""For how many seconds no call is made after a 429 that names no time."""

_LONGEST_REFUSAL = 600.0


@dataclass(frozen=True, slots=True)
class _Place:
    """A place that was taken: the row and the value of its `free_at`, and when that was by either clock."""

    pk: int
    free_at: datetime
    now: datetime
    monotonic: float


class SharedLimiter:
    """The limiter of one client, for one thread. `spare`: the seconds that a call has left after its patience is over.

    Where the database cannot be asked, only the calls of this process are counted.
    """

    @hide_locals
    def __init__(
        self,
        api_key: str,
        *,
        spare: float,
        requests: int = REQUESTS,
        window: float = WINDOW,
        alone: RateLimiter | None = None,
        sleep: Callable[[float], object] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.key = hashlib.sha256(f"cryptopay_django {api_key}".encode()).hexdigest()[:32]
        self._requests, self._window, self._spare = requests, timedelta(seconds=window), spare
        self._alone = alone or limiter_for(api_key)
        self._sleep, self._clock = sleep, clock
        self._taken: _Place | None = None

    def reserve(self, patience: float) -> float:
        """Wait for a place and take it; return 0. Raises GatewayRateLimitError when that takes longer than `patience`.

        Commits by itself, outside of any transaction that is open here.
        """
        purpose, self._taken, until = current_purpose(), None, self._clock() + patience
        while True:
            left = until - self._clock()
            try:
                wait = _outside_of_transactions(partial(self._take, purpose, left + self._spare))
            except (DatabaseError, InterfaceError):
                logger.warning("calls of other processes are not counted: the database gave no answer", exc_info=True)
                return self._alone.reserve(patience)
            if wait == 0:
                return 0.0
            if wait >= left:
                raise GatewayRateLimitError(
                    f"not sent: this API key has {self._requests} calls in {self._window.total_seconds():g} seconds, "
                    f"and those for {purpose.value} are used up. Try again in {wait:.0f} seconds, or ask less often",
                    retry_after=wait,
                )
            # Those who wait look at different moments.
            self._sleep(min(max(wait, _SHORTEST_PAUSE), _LONGEST_PAUSE) * random.uniform(1.0, 1.3))  # noqa: S311

    def answered(self, *, is_refused: bool, retry_after: float | None) -> None:
        """Free the place a minute after this answer. After a 429, stop all calls with this key for some time."""
        place, self._taken = self._taken, None
        if place is None:
            return
        now = place.now + timedelta(seconds=self._clock() - place.monotonic)
        try:
            _outside_of_transactions(partial(self._shorten, place, now))
            if is_refused:
                pause = _AFTER_A_REFUSAL if retry_after is None else min(retry_after, _LONGEST_REFUSAL)
                _outside_of_transactions(partial(self._stop_all, now + timedelta(seconds=pause)))
        except (DatabaseError, InterfaceError):
            logger.warning("a call's place stays taken for longer: the database gave no answer", exc_info=True)

    def _take(self, purpose: Purpose, arrives_within: float) -> float:
        """Take a free place, and return 0; if this purpose may take none, return the seconds until it may."""
        for _ in range(_TRIES):
            # The clock is read before: what happens in between makes a place longer taken, never shorter.
            monotonic = self._clock()
            rows = list(self._places().annotate(now=Now()).values_list("pk", "free_at", "purpose", "now"))
            if len(rows) < self._requests:
                self._add_places()
                continue
            now: datetime = rows[0][3]
            free = [(pk, free_at) for pk, free_at, _, _ in rows if free_at <= now]
            busy = sorted((free_at, used_for) for _, free_at, used_for, _ in rows if free_at > now)
            used = Counter(used_for for _, used_for in busy)
            if not self._may_take(purpose, used):
                return self._seconds_until(purpose, busy, used, now)
            if wait := self._seconds_to_spread(purpose, busy, used, now):
                return wait
            pk, seen = random.choice(free)  # noqa: S311
            free_at = now + self._window + timedelta(seconds=max(0.0, arrives_within))
            swapped = RateLimitSlot.objects.primary().filter(pk=pk, free_at=seen)
            if swapped.update(free_at=free_at, purpose=purpose.value):
                self._taken = _Place(pk, free_at, now, monotonic)
                return 0.0
        return _SHORTEST_PAUSE

    def _may_take(self, purpose: Purpose, used: Mapping[str, int]) -> bool:
        """Return whether a purpose may take a place while so many are used for each."""
        total, is_own = sum(used.values()), used.get(purpose.value, 0) < self._own(purpose)
        kept = sum(self._kept(other, used, anew=not is_own) for other in Purpose if other is not purpose)
        if total + kept >= self._requests:
            return False
        return is_own or total < self._requests * QUOTAS[purpose].most

    def _kept(self, purpose: Purpose, used: Mapping[str, int], *, anew: bool) -> int:
        """Return how many places are kept free for a purpose: a few, and `anew` as many when it has used them."""
        mine, own = used.get(purpose.value, 0), self._own(purpose)
        ahead = max(1, round(self._requests * QUOTAS[purpose].ahead))
        return max(0, min(own, ahead + mine if anew else ahead) - mine)

    def _own(self, purpose: Purpose) -> int:
        return max(1, round(self._requests * QUOTAS[purpose].own))

    def _seconds_until(
        self, purpose: Purpose, busy: list[tuple[datetime, str]], used: Counter[str], now: datetime
    ) -> float:
        """Return the seconds until a purpose may take a place, if no other process takes one meanwhile."""
        for free_at, used_for in busy:
            used[used_for] -= 1
            if self._may_take(purpose, used):
                return max((free_at - now).total_seconds(), _SHORTEST_PAUSE)
        return self._window.total_seconds()

    def _seconds_to_spread(
        self, purpose: Purpose, busy: list[tuple[datetime, str]], used: Mapping[str, int], now: datetime
    ) -> float:
        """Return the seconds until the next call of a purpose that is paced, 0 for now."""
        quota, mine = QUOTAS[purpose], [free_at for free_at, used_for in busy if used_for == purpose.value]
        share = self._requests * quota.most
        if sum(used.values()) >= share:
            share = self._own(purpose)
        if not quota.is_paced or len(mine) < share / 2 or not mine:
            return 0.0
        pause = self._window / share
        # A call that is on its way has a place for longer: then it is not known yet when it arrives.
        return max(0.0, min(pause, mine[-1] - self._window + pause - now).total_seconds())

    def _shorten(self, place: _Place, now: datetime) -> None:
        free_at = now + self._window
        if free_at < place.free_at:
            RateLimitSlot.objects.primary().filter(pk=place.pk, free_at=place.free_at).update(free_at=free_at)

    def _stop_all(self, until: datetime) -> None:
        self._places().filter(free_at__lt=until).update(free_at=until)

    def _places(self) -> QuerySet[RateLimitSlot]:
        return RateLimitSlot.objects.primary().filter(key=self.key, number__lt=self._requests)

    def _add_places(self) -> None:
        long_ago = timezone.now() - timedelta(days=1)
        rows = [RateLimitSlot(key=self.key, number=number, free_at=long_ago) for number in range(self._requests)]
        RateLimitSlot.objects.primary().bulk_create(rows, ignore_conflicts=True)


def _outside_of_transactions(act: Callable[[], T]) -> T:
    """Do something that commits by itself: a roll-back of the caller's would free the place of a call that was made.

    In an open transaction it has a connection of its own for a moment. Not on SQLite, where it would wait for the
    caller to commit.
    """
    connection = connections[router.db_for_write(RateLimitSlot)]
    if connection.vendor == "sqlite" or not connection.in_atomic_block:
        return act()

    def act_and_close() -> T:
        try:
            return act()
        finally:
            connections[connection.alias].close()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(act_and_close).result()
