"""The customer's pages: the page where an invoice is paid, its live state, and the choice of a coin."""

from .choice import ChooseCoinView

__all__ = ["ChooseCoinView"]
