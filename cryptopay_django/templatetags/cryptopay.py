"""Defines the tags of `{% load cryptopay %}`: the panels of invoices and channels, and the coin choice."""

from __future__ import annotations

import logging
from decimal import Decimal
from typing import Any

from django import template
from django.db import models
from django.template.context import Context
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString

from ..exceptions import CryptopayError
from ..models import Channel, Invoice
from ..pages.channel_panel import channel_panel_context
from ..pages.coin_panel import choice_context, remembered
from ..pages.languages import marked_language, page_language
from ..pages.payment_panel import panel_context
from ..services.channels.owner_state import read_channel_progress
from ..services.invoices.coin_offers import Offer, list_offers
from ..services.invoices.customer_state import read_progress
from ..services.invoices.summary import PaymentSummary, payment_summary

logger = logging.getLogger("cryptopay_django")
register = template.Library()


@register.simple_tag
def cryptopay_language() -> dict[str, str]:
    """Return the `lang` and `dir` of the texts that the app shows in the active language."""
    return marked_language()


@register.filter
def cryptopay_ltr(text: str) -> SafeString:
    """Keep an amount and its currency in reading order on a page from right to left."""
    return format_html('<bdi dir="ltr">{}</bdi>', text) if text else SafeString()


@register.simple_tag(takes_context=True)
@page_language()
def cryptopay_checkout(context: Context, invoice: Invoice) -> str:
    """Embed the payment panel of an invoice, with its style sheet and script.

    Reads the current state with one query.
    """
    progress = read_progress(invoice.pk)
    if progress is None:
        return ""
    values: dict[str, Any] = panel_context(progress, is_embedded=True)
    return render_to_string("cryptopay_django/embed.html", values, request=context.get("request"))


@register.simple_tag(takes_context=True)
@page_language()
def cryptopay_channel(context: Context, channel: Channel) -> str:
    """Embed the panel of a channel, with its style sheet and script. Makes two queries and shows the current state."""
    progress = read_channel_progress(channel.pk)
    if progress is None:
        return ""
    values: dict[str, Any] = channel_panel_context(progress, is_embedded=True)
    return render_to_string("cryptopay_django/embed.html", values, request=context.get("request"))


@register.simple_tag(takes_context=True)
@page_language()
def cryptopay_coin_choice(
    context: Context, price_amount: Decimal, price_currency: str, chosen: str = "", account: str | None = None
) -> str:
    """Show the coins for a price as radio buttons named `coin`, in a form of the shop.

    Pass the submitted value to `services.find_offer`. Without `chosen`, the customer's last choice is selected.
    """
    request = context.get("request")
    offers: list[Offer] = []
    try:
        offers = list_offers(price_amount=price_amount, price_currency=price_currency, account=account)
    except CryptopayError:
        logger.warning("the coins of account %s cannot be listed", account or "(resolved)", exc_info=True)
    values = choice_context(offers, chosen=chosen or remembered(request))
    return render_to_string("cryptopay_django/embed_choice.html", values, request=request)


@register.simple_tag
def cryptopay_payment_summary(
    order: models.Model, due_amount: Decimal | None = None, currency: str | None = None
) -> PaymentSummary:
    """Return what was paid for an order: `{% cryptopay_payment_summary order order.total "EUR" as summary %}`."""
    return payment_summary(order, due_amount=due_amount, currency=currency)
