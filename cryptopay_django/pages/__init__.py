"""Serves the customer's pages: the payment page, its live state, and the choice of a coin."""

from .choose_coin import ChooseCoinView

__all__ = ["ChooseCoinView"]
