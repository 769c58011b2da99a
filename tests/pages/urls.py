"""A shop whose orders are Django's groups, each for 49.90 EUR, paid on the app's own pages."""

from decimal import Decimal

from django.contrib.auth.models import Group
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template import RequestContext, Template
from django.urls import include, path

from cryptopay_django.models import Channel
from cryptopay_django.pages import ChooseCoinView


class PayGroup(ChooseCoinView):
    def get_order(self) -> Group:
        return get_object_or_404(Group, pk=self.kwargs["pk"])

    def get_price(self, order: Group) -> tuple[Decimal, str]:
        return Decimal(order.name), "EUR"

    def get_invoice_options(self, order: Group) -> dict[str, str]:
        return {"name": "Groups & Co", "description": f"Order {order.pk}"}


def own_form(request: HttpRequest) -> HttpResponse:
    page = '{% load cryptopay %}<form method="post">{% cryptopay_coin_choice price "EUR" %}</form>'
    return HttpResponse(Template(page).render(RequestContext(request, {"price": Decimal("49.90")})))


def own_page(request: HttpRequest) -> HttpResponse:
    page = """<!doctype html><html lang="en"><title>Balance</title><link rel="icon" href="data:,">{% load cryptopay %}
        {% for channel in channels %}{% cryptopay_channel channel %}{% endfor %}</html>"""
    return HttpResponse(Template(page).render(RequestContext(request, {"channels": Channel.objects.all()})))


def framed(request: HttpRequest) -> HttpResponse:
    page = """<!doctype html><html lang="en"><title>Order</title><link rel="icon" href="data:,"><h1>Your order</h1>
        <iframe title="Payment" allow="clipboard-write" src="{{ url }}" width="370" height="1800"></iframe></html>"""
    return HttpResponse(Template(page).render(RequestContext(request, {"url": request.GET["url"]})))


urlpatterns = [
    path("cryptopay/", include("cryptopay_django.urls")),
    path("pay/<int:pk>/", PayGroup.as_view()),
    path("half/<int:pk>/", ChooseCoinView.as_view()),
    path("own-form/", own_form),
    path("own-page/", own_page),
    path("framed/", framed),
]
