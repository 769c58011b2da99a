"""Sends oscar's mails about an order when they are true: first that it is not paid yet, later the confirmation."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.sites.models import Site
from django.urls import NoReverseMatch, reverse
from oscar.core.loading import get_class

NOT_PAID = "CRYPTOPAY_NOT_PAID"
"""The code of the communication event type: a shop can write its own texts for it in oscar's dashboard."""


def send_not_paid(order: Any, context: dict[str, Any]) -> None:
    """Mail that an order was placed and is not paid yet, with the link to pay."""
    dispatcher = get_class("order.utils", "OrderDispatcher")()
    dispatcher.dispatch_order_messages(order, dispatcher.dispatcher.get_messages(NOT_PAID, context), NOT_PAID)


def send_order_confirmation(order: Any) -> None:
    """Mail oscar's own confirmation of an order, if the customer still has an address."""
    if not order.email:
        return
    context = {"user": order.user, "order": order, "lines": order.lines.all()}
    if path := status_path(order):
        context |= {"status_path": path, "status_url": f"http://{Site.objects.get_current().domain}{path}"}
    get_class("order.utils", "OrderDispatcher")().send_order_placed_email_for_user(order, context)


def status_path(order: Any) -> str:
    """Return the path of the page on which the customer sees the order; empty if oscar has none for such a number."""
    try:
        if order.user is None:
            return reverse("customer:anon-order", args=[order.number, order.verification_hash()])
        return reverse("customer:order", args=[order.number])
    except NoReverseMatch:
        return ""


def order_path(order: Any) -> str:
    """Return the path of the page on which the customer sees the order, or of the shop."""
    return status_path(order) or str(getattr(settings, "OSCAR_HOMEPAGE", "/"))


def pay_path(order: Any) -> str:
    """Return the path of the page on which anybody who has the link can pay the order."""
    return reverse("cryptopay_oscar:pay", args=[order.pk, order.verification_hash()])
