"""The cart: slugs and quantities in the session, prices always from the database."""

from decimal import Decimal
from typing import NamedTuple

from django.http import HttpRequest
from django.utils.functional import cached_property

from .models import Product

MAX_QUANTITY = 20


class CartLine(NamedTuple):
    product: Product
    quantity: int

    @property
    def total(self) -> Decimal:
        return self.product.price * self.quantity


class Cart:
    def __init__(self, request: HttpRequest) -> None:
        self.session = request.session
        self.quantities: dict[str, int] = self.session.get("cart", {})

    @cached_property
    def lines(self) -> list[CartLine]:
        """What is in it and still on sale."""
        products = Product.objects.filter(slug__in=self.quantities, on_sale=True)
        return [CartLine(product, self.quantities[product.slug]) for product in products]

    def __len__(self) -> int:
        return sum(self.quantities.values())

    @property
    def total(self) -> Decimal:
        return sum((line.total for line in self.lines), Decimal(0))

    def set(self, product: Product, quantity: int) -> None:
        """Have this many of it; none takes it out."""
        if quantity > 0:
            self.quantities[product.slug] = min(quantity, MAX_QUANTITY)
        else:
            self.quantities.pop(product.slug, None)
        self.session["cart"] = self.quantities

    def add(self, product: Product, quantity: int = 1) -> None:
        self.set(product, self.quantities.get(product.slug, 0) + quantity)

    def clear(self) -> None:
        self.session.pop("cart", None)
        self.quantities = {}
