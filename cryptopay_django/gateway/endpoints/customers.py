"""Makes the calls about the shop's customers. Risky coins go back to a customer's address."""

from __future__ import annotations

from collections.abc import Iterable

from ..lists import Page
from ..market_answers import Customer, CustomerAddress
from ..strictjson import Json
from .base import Endpoints, given, route_to, with_query


class CustomerEndpoints(Endpoints):
    """`/api/customers`."""

    def create_customer(
        self,
        *,
        id: str,  # noqa: A002
        currency: str,
        addresses: Iterable[CustomerAddress] | None = None,
        timeout: float | None = None,
    ) -> Customer:
        """Create a customer under an id of the shop's choice, with the addresses that refunds may go to."""
        params = given(id=id, currency=currency, addresses=_addresses(addresses))
        return self._send("POST", route_to("/api/customers"), params, Customer.from_wire, timeout)

    def retrieve_customer(self, customer_id: str, *, timeout: float | None = None) -> Customer:
        """Return a customer."""
        route = route_to("/api/customers/{customer_id}", customer_id=customer_id)
        return self._get(route, Customer.from_wire, timeout, id=customer_id)

    def update_customer(
        self,
        customer_id: str,
        *,
        currency: str | None = None,
        addresses: Iterable[CustomerAddress] | None = None,
        timeout: float | None = None,
    ) -> Customer:
        """Change what is given of a customer. Give all of its addresses: they may replace those that it has."""
        params = given(currency=currency, addresses=_addresses(addresses))
        route = route_to("/api/customers/{customer_id}", customer_id=customer_id)
        return self._send("PATCH", route, params, Customer.from_wire, timeout, id=customer_id)

    def list_customers(self, *, starting_after: str | None = None, timeout: float | None = None) -> Page[Customer]:
        """Return one page of customers; the last of its `keys` is where the next page starts."""
        route = with_query(route_to("/api/customers"), starting_after=starting_after)
        return self._get_page(route, Customer.from_wire, timeout)


def _addresses(addresses: Iterable[CustomerAddress] | None) -> Json:
    return None if addresses is None else [address.to_wire() for address in addresses]
