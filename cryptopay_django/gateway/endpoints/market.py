"""Makes the calls that are about no merchant: coins, rates, the risk of an address."""

from __future__ import annotations

from ..calls import ANSWER_LIMIT
from ..lists import Page, read_rates
from ..market_answers import Coin, Rate
from ..rate_and_risk import Risk
from .base import Endpoints, given, route_to


class MarketEndpoints(Endpoints):
    """`/api/coins`, `/api/rates` and `/api/risks`."""

    def list_coins(self, *, timeout: float | None = None) -> Page[Coin]:
        """Return the coins of the account with their networks, precision and destination tags, all at once."""
        return self._get_page(route_to("/api/coins"), Coin.from_wire, timeout, limit=ANSWER_LIMIT)

    def list_rates(self, *, timeout: float | None = None) -> dict[str, Rate]:
        """Return all rates, each pair twice: as BTCEUR and as BTC/EUR."""
        return self._get(route_to("/api/rates"), read_rates, timeout)

    def retrieve_rate(self, base: str, quote: str, *, timeout: float | None = None) -> Rate:
        """Return what one unit of `base` is worth in `quote`."""
        return self._get(route_to("/api/rates/{base}/{quote}", base=base, quote=quote), Rate.from_wire, timeout)

    def score_risk(self, *, address: str, currency: str, kind: str, timeout: float | None = None) -> Risk:
        """Score an address; `kind` is `source_of_funds` or `destination_of_funds`.

        The gateway took this call out of its documentation in 2024: it may refuse it.
        """
        params = given(address=address, currency=currency, type=kind)
        return self._send("POST", route_to("/api/risks/score"), params, Risk.from_wire, timeout)
