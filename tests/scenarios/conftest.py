"""Every scenario plays twice: in this process, and over HTTP between a real sandbox and a real site."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group
from django.urls import reverse

from cryptopay_django.models import Invoice, InvoiceEvent
from cryptopay_django.sandbox.server import SandboxServer
from cryptopay_django.services.events.outbox import SIGNALS
from tests.served import served_sandbox

from .hands import Hands, InProcessHands, RemoteHands

# The seed of the account "default" in process too: rates walk alike in both.
SEED = "test default"


class Shop:
    """A shop that writes one row for each signal it gets, in the transaction of that signal."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def write(self, invoice: Invoice, event: InvoiceEvent, **_: object) -> None:
        Group.objects.create(name=f"{event.kind} {invoice.custom_id} {uuid4()}")
        self.heard.append(event.kind)

    def rows(self, invoice: Invoice, kind: str) -> int:
        return Group.objects.filter(name__startswith=f"{kind} {invoice.custom_id} ").count()


@pytest.fixture
def shop() -> Iterator[Shop]:
    shop = Shop()
    for signal in SIGNALS.values():
        signal.connect(shop.write)
    yield shop
    for signal in SIGNALS.values():
        signal.disconnect(shop.write)


@pytest.fixture
def served(live_server, settings) -> Iterator[SandboxServer]:
    """A sandbox on a free port that posts to a live site, and the site's settings that point back at it."""
    url = live_server.url + reverse("cryptopay_django:callback")
    with served_sandbox(settings, callback_url=url, seed=SEED) as server:
        yield server


@pytest.fixture(
    params=[
        pytest.param("in process", marks=pytest.mark.django_db),
        pytest.param("over HTTP", marks=pytest.mark.django_db(transaction=True)),
    ]
)
def hands(request: pytest.FixtureRequest) -> Hands:
    if request.param == "over HTTP":
        return RemoteHands(request.getfixturevalue("served"))
    return InProcessHands(request.getfixturevalue("cryptopay_sandbox"))
