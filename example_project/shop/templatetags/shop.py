"""Shows how the shop writes money, and how full the cart is."""

from decimal import Decimal
from typing import Any

from django import template

from ..cart import Cart

register = template.Library()


@register.filter
def eur(amount: Decimal) -> str:
    return f"−€{-amount:,.2f}" if amount < 0 else f"€{amount:,.2f}"


@register.filter
def coins(amount: Decimal) -> str:
    return f"{amount:f}"


@register.simple_tag(takes_context=True)
def cart_count(context: dict[str, Any]) -> int:
    return len(Cart(context["request"]))
