"""What the story asks of the shop: buy something, and say how an order stands. The rest are the app's own pages."""

from __future__ import annotations

import platform
from decimal import Decimal
from importlib.metadata import PackageNotFoundError, version

import django
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, connections, router
from django.http import HttpRequest, JsonResponse
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from cryptopay_django.models import Invoice
from cryptopay_django.services import create_invoice

from .models import Credit, Order


@csrf_exempt
@require_POST
def buy(request: HttpRequest) -> JsonResponse:
    """Make an order and its invoice."""
    order = Order.objects.create(amount=Decimal(request.POST.get("amount", "100")))
    invoice = create_invoice(
        order, price_amount=order.amount, price_currency="EUR", pay_currency="BTC", account=request.POST.get("account")
    )
    pages = {
        name: reverse(f"cryptopay_django:{name}", args=[invoice.pk])
        for name in ("checkout", "invoice-status", "invoice-events")
    }
    return JsonResponse(
        {"order": str(order.pk), "invoice": str(invoice.pk), "gateway_id": str(invoice.gateway_id), **pages}
    )


def orders(request: HttpRequest) -> JsonResponse:
    """Say how these orders stand: the order, how often it was credited, and what its invoice is."""
    primary, ours = router.db_for_write(Order), router.db_for_write(Invoice)
    keys = request.GET.getlist("key")
    answer = {}
    for order in Order.objects.using(primary).filter(pk__in=keys):
        invoice = Invoice.objects.using(ours).filter(order_object_id=str(order.pk)).first()
        answer[str(order.pk)] = {
            "order": order.status,
            "credits": Credit.objects.using(primary).filter(order_key=order.pk).count(),
            "invoice": f"{invoice.status} {invoice.status_context}".strip() if invoice else "",
            "paid": str(invoice.paid_amount) if invoice else "",
        }
    return JsonResponse(answer)


def about(request: HttpRequest) -> JsonResponse:
    """Say what this process runs: versions, the server's own words, the database."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT sqlite_version()" if connection.vendor == "sqlite" else "SELECT version()")
        database = cursor.fetchone()[0]
    found = {
        "python": platform.python_version(),
        "django": django.get_version(),
        "database": f"{connection.vendor} {database}",
    }
    if "replica" in connections:
        found["replica"] = _replica()
    for name in request.GET.getlist("package"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "missing"
    return JsonResponse(found)


def _replica() -> str:
    """Return the version of the replica from which payments are read; raise if it is no replica."""
    with connections[router.db_for_read(Invoice)].cursor() as cursor:
        cursor.execute("SELECT pg_is_in_recovery(), current_setting('server_version')")
        follows, version_of_it = cursor.fetchone()
    if not follows:
        raise ImproperlyConfigured("payments are not read from a replica")
    return str(version_of_it).split()[0]
