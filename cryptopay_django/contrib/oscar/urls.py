"""The pages of the adapter: `path("coins/", include("cryptopay_django.contrib.oscar.urls"))`."""

from django.urls import path

from ...atomic_requests import non_atomic_requests
from .dashboard import RefundOrder
from .views import PayOrder

app_name = "cryptopay_oscar"

# A refund is committed before the gateway is called, so its page is outside of ATOMIC_REQUESTS too.
refund = non_atomic_requests(RefundOrder.as_view())

urlpatterns = [
    path("pay/<int:pk>/<path:hash>/", PayOrder.as_view(), name="pay"),
    path("refund/<str:number>/<uuid:invoice_id>/", refund, name="refund"),
]
