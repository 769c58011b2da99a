"""For `manage.py cryptopay_checklist`: how this shop takes an order, and what it has credited for an invoice."""

from decimal import Decimal

from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client

from cryptopay_django.models import Invoice

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
