"""`{% load cryptopay %}`: the payment panel, and the choice of a coin, on the shop's own pages."""

from __future__ import annotations

from typing import Any

from django import template
from django.template.context import Context
from django.template.loader import render_to_string

from ..models import Invoice
from ..pages.panel import panel_context
from ..services.progress import read_progress

register = template.Library()


@register.simple_tag(takes_context=True)
def cryptopay_checkout(context: Context, invoice: Invoice) -> str:
    """Embed the panel of an invoice, with its style sheet and script. One query: the state is that of this moment."""
    progress = read_progress(invoice.pk)
    if progress is None:
        return ""
    values: dict[str, Any] = panel_context(progress)
    return render_to_string("cryptopay_django/embed.html", values, request=context.get("request"))
