"""Below /api/."""

from django.urls import path

from . import api

urlpatterns = [
    path("products/", api.Products.as_view()),
    path("orders/", api.Orders.as_view()),
    path("orders/<slug:reference>/", api.ShowOrder.as_view()),
    path("orders/<slug:reference>/pay/", api.PayOrder.as_view()),
    path("invoices/<uuid:invoice_id>/qr.svg", api.qr_code),
]
