"""Holds what every adapter to a shop system needs. An adapter subclasses `OrderAdapter` and writes what is its host's.

`adapter.py` follows the events, `money.py` says what is known of an order's money, `refunds.py` sends coins back,
`views.py` is the customer's page, `checks.py` helps to write checks. docs/adapters.md is the guide.
"""

from .adapter import OrderAdapter
from .checks import check_account, check_method, check_url
from .money import OrderMoney, OrderState, in_cents, invoices_of, reason_of
from .refunds import find_refund_place, outcome_of
from .views import PayOrderView

__all__ = [
    "OrderAdapter",
    "OrderMoney",
    "OrderState",
    "PayOrderView",
    "check_account",
    "check_method",
    "check_url",
    "find_refund_place",
    "in_cents",
    "invoices_of",
    "outcome_of",
    "reason_of",
]
