"""Staff with given permissions, and a client that speaks JSON to the API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

EVERYTHING = (
    "view", "settle", "refund", "refund_to_address", "release", "view_channel", "view_channelpayment", "switch",
    "release_payment", "view_link", "make_link", "cancel_link",
)  # fmt: skip
CODENAMES = {
    "view": "view_invoice",
    "settle": "settle_invoice",
    "refund": "refund_invoice",
    "refund_to_address": "refund_invoice_to_address",
    "release": "release_invoice",
    "view_channel": "view_channel",
    "view_channelpayment": "view_channelpayment",
    "switch": "switch_channel",
    "release_payment": "release_channelpayment",
    "view_link": "view_paymentlink",
    "make_link": "add_paymentlink",
    "cancel_link": "change_paymentlink",
}


@pytest.fixture(autouse=True)
def empty_cache():
    cache.clear()


class Staff:
    """Somebody who is logged in, and asks about invoices."""

    def __init__(self, user: User) -> None:
        self.user, self.client = user, Client()
        self.client.force_login(user)

    def get(self, name: str, *args: object, **query: Any) -> Any:
        return self.client.get(reverse(f"cryptopay_django_api:{name}", args=args), query)

    def post(self, name: str, row: Any, **body: Any) -> Any:
        url = reverse(f"cryptopay_django_api:{name}", args=[row.pk])
        return self.client.post(url, body, content_type="application/json")


@pytest.fixture
def staff(db) -> Callable[..., Staff]:
    """Return a function that makes somebody with these permissions."""

    def make(*names: str) -> Staff:
        user = User.objects.create(username="-".join(names) or "nobody")
        user.user_permissions.set(Permission.objects.filter(codename__in=[CODENAMES[name] for name in names]))
        return Staff(user)

    return make


def problem_of(response: Any) -> tuple[int, str]:
    """Return the status and code of what must be problem details."""
    assert response["Content-Type"] == "application/problem+json"
    body = response.json()
    assert {"type", "title", "status", "detail", "code"} <= set(body)
    assert (body["status"], body["type"]) == (response.status_code, f"urn:cryptopay-django:problem:{body['code']}")
    return response.status_code, body["code"]
