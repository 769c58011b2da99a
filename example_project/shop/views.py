"""The pages of the shop, in the order in which a customer meets them. Money moves in `receivers.py`."""

import logging

from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import UserCreationForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from cryptopay_django.exceptions import CryptopayError

from .cart import MAX_QUANTITY, Cart
from .checkout import COINS, BalanceTooLowError, pay_from_balance, place_order, start_payment
from .forms import BALANCE, CheckoutForm, CoinForm, TopUpForm
from .models import Order, Payable, Product, TopUp, balance_of
from .progress import progress_of

logger = logging.getLogger(__name__)


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
    cart = Cart(request)
    if not cart.lines:
        return redirect("shop:cart")
    balance = balance_of(request.user)
    form = CheckoutForm(
        request.POST or None,
        can_pay_from_balance=balance >= cart.total,
        initial={"name": request.user.get_full_name()},
    )
    if form.is_valid():
        order = place_order(request.user, cart.lines, ship_to=form.ship_to)
        cart.clear()
        return pay(request, order, form.cleaned_data["coin"])
    context = {"cart": cart, "form": form, "coins": COINS, "balance": balance}
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
    """Show where the payment stands; with `?part=payment` only that, for the page that keeps looking."""
    context = {"payable": payable, "progress": progress_of(payable), "coins": COINS}
    part = request.GET.get("part") == "payment"
    return render(request, "shop/_payment.html" if part else "shop/payable.html", context)


@login_required
@require_POST
def pay_order(request: HttpRequest, reference: str) -> HttpResponse:
    return pay_open(request, get_object_or_404(Order, customer=request.user, reference=reference))


@login_required
@require_POST
def pay_top_up(request: HttpRequest, reference: str) -> HttpResponse:
    return pay_open(request, get_object_or_404(TopUp, customer=request.user, reference=reference))


def pay_open(request: HttpRequest, payable: Payable) -> HttpResponse:
    """Pay what is still open, with the coin of the form."""
    form = CoinForm(request.POST)
    if form.is_valid() and payable.status == Payable.Status.OPEN:
        return pay(request, payable, form.cleaned_data["coin"])
    return redirect(payable)


def pay(request: HttpRequest, payable: Payable, method: str) -> HttpResponse:
    """Send the customer to where the money changes hands: the gateway's page, or our own ledger."""
    try:
        if method == BALANCE and isinstance(payable, Order):
            pay_from_balance(payable)
            return redirect(payable)
        return_url = request.build_absolute_uri(payable.get_absolute_url())
        invoice = start_payment(payable, COINS[method], return_url=return_url)
    except BalanceTooLowError:
        messages.error(request, "Your balance does not cover this order. Please choose a coin.")
    except CryptopayError:
        # The order stands. Pressing the button again asks for the same invoice, never for a second one.
        logger.exception("No invoice for %s", payable)
        messages.error(request, "The payment could not be started. Please try again in a moment.")
    else:
        return redirect(invoice.hosted_page_url or payable)
    return redirect(payable)


@login_required
def account(request: HttpRequest) -> HttpResponse:
    """Balance, orders and top-ups; a POST starts a top-up."""
    form = TopUpForm(request.POST or None)
    if form.is_valid():
        top_up = TopUp.objects.create(customer=request.user, amount=form.cleaned_data["amount"])
        return pay(request, top_up, form.cleaned_data["coin"])
    context = {
        "form": form,
        "coins": COINS,
        "balance": balance_of(request.user),
        "ledger": request.user.ledger.all()[:20],
        "orders": request.user.orders.prefetch_related("lines__product")[:20],
        "top_ups": request.user.topups.all()[:10],
    }
    return render(request, "shop/account.html", context)


def sign_up(request: HttpRequest) -> HttpResponse:
    form = UserCreationForm(request.POST or None)
    if form.is_valid():
        login(request, form.save())
        return redirect("shop:checkout" if len(Cart(request)) else "shop:catalogue")
    return render(request, "shop/sign_up.html", {"form": form})
