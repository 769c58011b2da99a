"""The payment that django-payments asks a shop to define."""

from __future__ import annotations

from django.db import models
from payments.models import BasePayment


class Payment(BasePayment):
    """Found by its token with every webhook, so the token is indexed."""

    class Meta:
        indexes = [models.Index(fields=["token"], name="peers_payment_token")]
