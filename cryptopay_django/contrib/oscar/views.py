"""The page where the customer chooses a coin for an order that is placed, and starts again when the time was up."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext

from cryptopay_django.adapters import PayOrderView
from cryptopay_django.models import Invoice

from .cryptopay_handlers import orders
from .mails import order_path, pay_path
from .statuses import Order, waits


class PayOrder(PayOrderView):
    """Let whoever has the link of an order choose a coin, and pay what is missing. Guests have no account."""

    orders = orders
    template_name = "cryptopay_oscar/pay.html"

    def find_order(self) -> Any:
        """Return the order with this key, if the signature of its number in the link is right."""
        order = get_object_or_404(Order, pk=self.kwargs["pk"])
        if not order.check_verification_hash(self.kwargs["hash"]):
            raise Http404
        return order

    def get_closed_url(self, order: Any) -> str:
        """Lead back to an order that does not wait for coins."""
        return "" if waits(order) else order_path(order)

    def get_invoice_options(self, order: Any) -> dict[str, Any]:
        """Lead back to the order when it is paid, and to this page when it is not."""
        return {
            "name": f"{gettext('Order')} {order.number}",
            "success_redirect_url": self.request.build_absolute_uri(order_path(order)),
            "unsuccess_redirect_url": self.request.build_absolute_uri(pay_path(order)),
        }


def new_invoice_url(invoice: Invoice) -> str:
    """Return the path where the order of an invoice is paid in another coin: for CRYPTOPAY_NEW_INVOICE_URL."""
    return pay_path(invoice.order) if isinstance(invoice.order, Order) else ""
