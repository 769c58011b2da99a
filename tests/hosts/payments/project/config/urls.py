"""The URLs of the shop, of django-payments, and of the payment pages."""

from django.contrib import admin
from django.urls import include, path
from shop import views

urlpatterns = [
    path("admin/", admin.site.urls),
    path("payments/", include("payments.urls")),
    path("cryptopay/pay/", include("cryptopay_django.contrib.payments.urls")),
    path("cryptopay/", include("cryptopay_django.urls")),
    path("", views.buy, name="buy"),
    path("orders/<int:payment_id>/pay/", views.payment_details, name="payment_details"),
    path("orders/<int:payment_id>/<str:result>/", views.order, name="order"),
]
