"""django-payments' provider for Stripe, with the release of Stripe's library that dj-stripe asks for."""

from __future__ import annotations

import json
from typing import Any

import stripe
from django.http import HttpRequest
from payments.stripe.providers import StripeProviderV3


class Provider(StripeProviderV3):
    """Verifies with Stripe's library and takes the body as plain JSON: the library's objects no longer are."""

    def return_event_payload(self, request: HttpRequest) -> Any:
        stripe.WebhookSignature.verify_header(
            request.body.decode(), request.headers["Stripe-Signature"], self.endpoint_secret, 300
        )
        return json.loads(request.body)
