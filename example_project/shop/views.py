"""The pages of the shop, in the order in which a customer meets them. Money moves in `receivers.py`."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import UserCreationForm
from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.text import capfirst
from django.views.decorators.http import require_GET, require_POST

from cryptopay_django.pages import ChooseCoinView
from cryptopay_django.services import read_progress

from .cart import MAX_QUANTITY, Cart
from .checkout import BalanceTooLowError, pay_from_balance, place_order
from .forms import CheckoutForm
from .models import Order, Payable, Product, TopUp, balance_of
from .progress import progress_of, rest_of


@require_GET
def catalogue(request: HttpRequest) -> HttpResponse:
    return render(request, "shop/catalogue.html", {"products": Product.objects.filter(on_sale=True)})


@require_GET
def product(request: HttpRequest, slug: str) -> HttpResponse:
    return render(request, "shop/product.html", {"product": get_object_or_404(Product, slug=slug, on_sale=True)})


@require_GET
def cart(request: HttpRequest) -> HttpResponse:
    return render(request, "shop/cart.html", {"cart": Cart(request), "quantities": range(1, MAX_QUANTITY + 1)})


@require_POST
def change_cart(request: HttpRequest, slug: str) -> HttpResponse:
    """Add to the cart, or with `set` in the form, have exactly so many."""
    cart, product = Cart(request), get_object_or_404(Product, slug=slug, on_sale=True)
    quantity = request.POST.get("quantity", "1")
    if not (quantity.isascii() and quantity.isdigit() and int(quantity[:3]) <= MAX_QUANTITY):
        messages.error(request, f"Please choose a quantity up to {MAX_QUANTITY}.")
    elif "set" in request.POST:
        cart.set(product, int(quantity))
    else:
        cart.add(product, int(quantity))
    return redirect("shop:cart")


@login_required
def checkout(request: HttpRequest) -> HttpResponse:
    """Place the order. What is not paid from the balance at once is paid on the next page."""
    cart = Cart(request)
    if not cart.lines:
        return redirect("shop:cart")
    balance = balance_of(request.user)
    form = CheckoutForm(request.POST or None, initial={"name": request.user.get_full_name()})
    if form.is_valid():
        order = place_order(request.user, cart.lines, ship_to=form.ship_to)
        cart.clear()
        if "from_balance" not in request.POST:
            return redirect(order.get_payment_url())
        try:
            pay_from_balance(order)
        except BalanceTooLowError:
            messages.error(request, "Your balance does not cover this order. Please choose a coin.")
        return redirect(order)
    context = {"cart": cart, "form": form, "balance": balance, "can_pay_from_balance": balance >= cart.total}
    return render(request, "shop/checkout.html", context)


@login_required
@require_GET
def order(request: HttpRequest, reference: str) -> HttpResponse:
    return payable_page(request, get_object_or_404(Order, customer=request.user, reference=reference))


@login_required
@require_GET
def top_up(request: HttpRequest, reference: str) -> HttpResponse:
    return payable_page(request, get_object_or_404(TopUp, customer=request.user, reference=reference))


def payable_page(request: HttpRequest, payable: Payable) -> HttpResponse:
    """Show where the payment stands: the page that customers come back to."""
    context = {"payable": payable, "progress": progress_of(payable), "rest": rest_of(payable)}
    return render(request, "shop/payable.html", context)


class PayPayable(LoginRequiredMixin, ChooseCoinView):
    """Choose a coin for what is still open; the price is what the shop wrote down."""

    model: type[Payable]
    template_name = "shop/pay.html"
    payable_statuses: tuple[str, ...] = (Payable.Status.OPEN,)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.user.is_authenticated and self.get_order().status not in self.payable_statuses:
            return redirect(self.get_order())
        return super().dispatch(request, *args, **kwargs)

    def get_order(self) -> Payable:
        return get_object_or_404(self.model, customer=self.request.user, reference=self.kwargs["reference"])

    def get_price(self, order: Payable) -> tuple[Decimal, str]:
        return order.amount, "EUR"

    def get_custom_id(self, order: Payable, offer: Any, number: int) -> str:
        return f"{order.reference}-{offer.currency}-{offer.network}-{number}"

    def get_invoice_options(self, order: Payable) -> dict[str, str]:
        back = self.request.build_absolute_uri(order.get_absolute_url())
        return {
            "name": "Tern & Tide",
            "description": capfirst(str(order)),
            "success_redirect_url": back,
            "unsuccess_redirect_url": back,
        }


class PayOrder(PayPayable):
    model = Order


class PayRest(PayOrder):
    """Choose a coin for what is missing, where less was credited than the order costs."""

    only_missing = True
    payable_statuses = (Payable.Status.OPEN, Payable.Status.ATTENTION)


class PayTopUp(PayPayable):
    model = TopUp


def with_state(payables: Iterable[Any]) -> list[Any]:
    """Note with each open one how far its payment has come; the page's script keeps an eye on it."""
    payables = list(payables)
    for payable in payables:
        invoice = progress_of(payable).invoice if payable.status == Payable.Status.OPEN else None
        payable.payment = invoice and read_progress(invoice.pk)
    return payables


@login_required
@require_GET
def account(request: HttpRequest) -> HttpResponse:
    context = {
        "balance": balance_of(request.user),
        "ledger": request.user.ledger.all()[:20],
        "orders": with_state(request.user.orders.prefetch_related("lines__product")[:20]),
    }
    return render(request, "shop/account.html", context)


def sign_up(request: HttpRequest) -> HttpResponse:
    form = UserCreationForm(request.POST or None)
    if form.is_valid():
        login(request, form.save())
        return redirect("shop:checkout" if len(Cart(request)) else "shop:catalogue")
    return render(request, "shop/sign_up.html", {"form": form})
