"""`{% load cryptopay %}`: the payment panel, and the choice of a coin, on the shop's own pages."""

from __future__ import annotations

import logging
from decimal import Decimal
from typing import Any

from django import template
from django.template.context import Context
from django.template.loader import render_to_string

from ..exceptions import CryptopayError
from ..models import Invoice
from ..pages.coins import choice_context, remembered
from ..pages.panel import panel_context
from ..services.invoices.offers import Offer, list_offers
from ..services.invoices.progress import read_progress

logger = logging.getLogger("cryptopay_django")
register = template.Library()


@register.simple_tag(takes_context=True)
def cryptopay_checkout(context: Context, invoice: Invoice) -> str:
    """Embed the panel of an invoice, with its style sheet and script. One query: the state is that of this moment."""
    progress = read_progress(invoice.pk)
    if progress is None:
        return ""
    values: dict[str, Any] = panel_context(progress, is_embedded=True)
    return render_to_string("cryptopay_django/embed.html", values, request=context.get("request"))


@register.simple_tag(takes_context=True)
def cryptopay_coin_choice(
    context: Context, price_amount: Decimal, price_currency: str, chosen: str = "", account: str | None = None
) -> str:
    """Show the coins to pay a price with as radio buttons named `coin`, for a form of the shop's own.

    What the form sends is for `services.find_offer`. Without `chosen`, what this customer took last time is marked.
    """
    request = context.get("request")
    offers: list[Offer] = []
    try:
        offers = list_offers(price_amount=price_amount, price_currency=price_currency, account=account)
    except CryptopayError:
        logger.warning("the coins of account %s cannot be listed", account or "(resolved)", exc_info=True)
    values = choice_context(offers, chosen=chosen or remembered(request))
    return render_to_string("cryptopay_django/embed_choice.html", values, request=request)
