"""The page of a customer's balance: addresses that stay, top-ups by invoice, and what has arrived by either.

Money moves in `receivers.py`.
"""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from cryptopay_django.exceptions import CryptopayError
from cryptopay_django.models import Channel, ChannelPayment
from cryptopay_django.services import create_channel

from .forms import AddressForm, TopUpForm
from .models import TopUp, balance_of
from .progress import words_for
from .views import with_state


@login_required
def balance(request: HttpRequest) -> HttpResponse:
    """Show the balance and what it is made of; with an amount in the form, write down a top-up by invoice."""
    form = TopUpForm(request.POST or None)
    if form.is_valid():
        top_up = TopUp.objects.create(customer=request.user, amount=form.cleaned_data["amount"])
        return redirect(top_up.get_payment_url())
    payments = ChannelPayment.objects.for_owner(request.user).select_related("channel")[:20]
    context = {
        "form": form,
        "address_form": AddressForm(),
        "balance": balance_of(request.user),
        "channels": [channel for channel in Channel.objects.for_owner(request.user) if channel.is_open],
        "payments": [(payment, words_for(payment)) for payment in payments],
        "ledger": request.user.ledger.all()[:20],
        "top_ups": with_state(request.user.topups.all()[:10]),
    }
    return render(request, "shop/balance.html", context)


@transaction.non_atomic_requests
@login_required
@require_POST
def open_address(request: HttpRequest) -> HttpResponse:
    """Get the customer an address for a coin. A second click, or a second window, gets the same one."""
    form = AddressForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Please choose a coin.")
        return redirect("shop:balance")
    coin, network = form.cleaned_data["coin"].split("/")
    try:
        create_channel(
            request.user,
            pay_currency=coin,
            network=network,
            receiver_currency="EUR",
            customer_id=str(request.user.pk),
            name=f"Balance of {request.user.get_username()}",
        )
    except CryptopayError:
        messages.error(request, "There is no address to give you just now. Please try again in a minute.")
    return redirect("shop:balance")
