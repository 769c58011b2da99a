"""The pages of the adapter: `path("coins/", include("cryptopay_django.contrib.oscar.urls"))`."""

from django.urls import path

from .dashboard import RefundOrder
from .views import PayOrder

app_name = "cryptopay_oscar"

urlpatterns = [
    path("pay/<int:pk>/<path:hash>/", PayOrder.as_view(), name="pay"),
    path("refund/<str:number>/<uuid:invoice_id>/", RefundOrder.as_view(), name="refund"),
]
