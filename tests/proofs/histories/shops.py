"""Shops as they really are: tables are emptied or set back, keys are used again, and the environment changes.

What was lost with the tables is the gateway's still: its payments must never count for an order that is new.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.conf import settings
from django.test import override_settings
from hypothesis import strategies as st
from hypothesis.stateful import rule

from cryptopay_django.models import Invoice

from . import promises
from .stage import back_up, empty_tables, restore, start_again, when
from .world import PRICES, picks

ENVIRONMENTS = ("sandbox", "production")


class Shops:
    """The actor."""

    def prepare(self) -> None:
        super().prepare()
        self.backup: tuple[str, list[Any]] | None = None
        self.sandboxes: dict[str, Any] = {"sandbox": self.sandbox.here}
        self.environment = "sandbox"

    @rule(coin=picks, price=st.sampled_from(PRICES))
    def create_without_a_name(self, coin: int, price: Decimal) -> None:
        """Order without a name of the shop's own: pressing twice is one invoice."""
        self.order(coin, price, "")

    @rule()
    def begin_anew(self) -> None:
        """Lose every row. Keys count from nought again."""
        self.lose()
        empty_tables()
        self.orders_are([])

    @rule()
    def take_a_backup(self) -> None:
        self.backup = back_up(), list(self.orders)

    @rule()
    @when(lambda self: self.backup is not None)
    def set_back(self) -> None:
        """Restore what was there at the last backup."""
        self.lose()
        restore(self.backup[0])
        self.orders_are(self.backup[1])

    @rule()
    def change_environment(self) -> None:
        """Point the account at the other gateway; the rows stay."""
        self.lose()
        (self.environment,) = set(ENVIRONMENTS) - {self.environment}
        account = {**settings.CRYPTOPAY_ACCOUNTS["default"], "BASE_URL": self.environment}
        self.stack.enter_context(
            override_settings(CRYPTOPAY_ACCOUNTS={**settings.CRYPTOPAY_ACCOUNTS, "default": account})
        )
        self.sandbox._sandboxes.pop("default")
        self.sandbox.seed = f"histories {self.environment}"
        if self.environment in self.sandboxes:
            self.sandbox._sandboxes["default"] = self.sandboxes[self.environment]
        self.sandboxes[self.environment] = self.sandbox.here
        start_again()
        self.orders_are(self.orders)

    def lose(self) -> None:
        """Hold the promises against the tables while they are there; then none of what is open is known any more."""
        for promise in promises.WHILE_THE_TABLES_STAND:
            promise(self)
        self.answered.clear()

    def orders_are(self, orders: list[Any]) -> None:
        """Take note of which orders there are, and of what one side has that the other does not speak of."""
        self.orders = list(orders)
        start_again()
        everywhere = {gateway_id for sandbox in self.sandboxes.values() for gateway_id in sandbox.state.invoices}
        rows = {str(row) for row in Invoice.objects.exclude(gateway_id=None).values_list("gateway_id", flat=True)}
        self.lost = everywhere - (rows & set(self.sandbox.here.state.invoices))
        self.look_for_rows()
