"""Makes the calls of the gateway's API, for one API key.

The calls are in `endpoints/`, one module for each family. `calls.py` sends, limits and retries them.
"""

from __future__ import annotations

import random as randomness
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self, TypeVar

from requests.adapters import BaseAdapter

from ..redaction import hide_locals
from .calls import Caller
from .endpoints.channels import ChannelEndpoints
from .endpoints.customers import CustomerEndpoints
from .endpoints.exchange_transfers import ExchangeTransferEndpoints
from .endpoints.invoices import InvoiceEndpoints
from .endpoints.ledger import LedgerEndpoints
from .endpoints.market import MarketEndpoints
from .endpoints.subscriptions import SubscriptionEndpoints
from .endpoints.withdrawals import WithdrawalEndpoints
from .lists import Page, follow_pages
from .rate_limit import Limiter

T = TypeVar("T")


class Client(
    InvoiceEndpoints,
    ChannelEndpoints,
    WithdrawalEndpoints,
    ExchangeTransferEndpoints,
    SubscriptionEndpoints,
    LedgerEndpoints,
    CustomerEndpoints,
    MarketEndpoints,
):
    """The gateway for one API key.

    It keeps connections open and serves one thread only, as a `requests.Session` does: keep one a thread.
    Every method raises the errors under GatewayError and takes `timeout`, the seconds for the whole call
    with its retries. GETs are retried; whatever changes something is sent once. An answer about another object than
    was asked for raises GatewayAnswerError, but for recalculations and refunds: compare those.
    """

    @hide_locals
    def __init__(
        self,
        api_key: str,
        api_secret: str,
        base_url: str,
        *,
        adapter: BaseAdapter | None = None,
        limiter: Limiter | None = None,
        connect_timeout: float = 3.05,
        total_timeout: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], object] = time.sleep,
        random: Callable[[], float] = randomness.random,
    ) -> None:
        self._caller = Caller(
            api_key,
            api_secret,
            base_url,
            adapter=adapter,
            limiter=limiter,
            connect_timeout=connect_timeout,
            total_timeout=total_timeout,
            clock=clock,
            now=now,
            sleep=sleep,
            random=random,
        )

    def __repr__(self) -> str:
        return f"Client({self._caller.base_url!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def clock_offset(self) -> float | None:
        """Seconds by which this machine's clock was ahead of the gateway's at its last answer, a refusal included.

        Give or take one; None before the first answer.
        """
        return self._caller.clock_offset

    def close(self) -> None:
        """Close the connections."""
        self._caller.close()

    def iterate(self, list_page: Callable[..., Page[T]], *args: Any, **filters: Any) -> Iterator[T]:
        """Yield each item of a list that is paged, as in `client.iterate(client.list_channels, customer_id="17")`.

        Each page is a call with a `timeout` of its own. No item is yielded twice, and what cannot be read is left out:
        where that matters, see the `notes` of `iterate_pages`.
        """
        for page in self.iterate_pages(list_page, *args, **filters):
            yield from page

    def iterate_pages(self, list_page: Callable[..., Page[T]], *args: Any, **filters: Any) -> Iterator[Page[T]]:
        """Yield each page of a list, until the gateway has no more or repeats what it has sent."""
        return follow_pages(list_page, *args, **filters)
