"""For `manage.py cryptopay_checklist`: how this shop takes orders, gives addresses, and credits."""

from decimal import Decimal

from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client

from cryptopay_django.models import Channel, ChannelPayment, Invoice

from .models import LedgerEntry, Order, Product


def place_order(client: Client) -> Invoice:
    """Buy two mugs on the pages, as a customer does, up to the payment page."""
    if not Product.objects.exists():
        call_command("seed_shop", verbosity=0)
    customer, _ = get_user_model().objects.get_or_create(username="checklist")
    client.force_login(customer)
    client.post("/cart/enamel-mug/", {"quantity": "2"}, secure=True)
    page = client.post("/checkout/", {"name": "Check List", "address": "1 Quay Street"}, secure=True)
    client.post(page["Location"], {"coin": "BTC/bitcoin"}, secure=True)
    return Invoice.objects.for_order(Order.objects.latest("pk")).get()


def credited(invoice: Invoice) -> Decimal:
    """Return what the customer has got for an invoice: the order if it is paid by it, and what went to the balance."""
    entry = LedgerEntry.objects.filter(invoice=invoice).first()
    balance = entry.amount if entry else Decimal(0)
    order = invoice.order
    return balance + (order.amount if isinstance(order, Order) and order.paid_by == invoice else 0)


def open_channel(client: Client) -> Channel:
    """Get a Bitcoin address on the page of the balance, as a customer does."""
    customer, _ = get_user_model().objects.get_or_create(username="checklist")
    client.force_login(customer)
    client.post("/balance/addresses/", {"coin": "BTC/bitcoin"}, secure=True)
    return next(channel for channel in Channel.objects.for_owner(customer) if channel.is_open)


def credited_to_balance(payment: ChannelPayment) -> Decimal:
    """Return what the customer has got for a payment to an address."""
    entries = LedgerEntry.objects.filter(channel_payment=payment)
    return sum((entry.amount for entry in entries), Decimal(0))
