"""`path("cryptopay/pay/", include("cryptopay_django.contrib.payments.urls"))`."""

from django.contrib.auth.decorators import login_not_required
from django.urls import path

from .provider import PAY, PayPayment

urlpatterns = [path("<uuid:token>/", login_not_required(PayPayment.as_view()), name=PAY)]
