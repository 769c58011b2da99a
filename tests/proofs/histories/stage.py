"""What every history is played on: the gateway's two doors, processes that end, tables that are emptied and set back."""

from __future__ import annotations

import asyncio
import functools
import hashlib
import io
import json
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.core import serializers
from django.db import connection, models, transaction
from requests import PreparedRequest, Response
from requests.adapters import BaseAdapter
from urllib3 import HTTPResponse

from cryptopay_django.models import EventKind, Invoice, InvoiceEvent
from cryptopay_django.sandbox.callbacks import Answer
from cryptopay_django.services.worker import due_work
from cryptopay_django.testing.inprocess import DEFAULT_ACCOUNT, InProcessSandbox
from tests.effects.receivers import Shop

if TYPE_CHECKING:
    from .world import World

ENDS = (SystemExit, KeyboardInterrupt, GeneratorExit, asyncio.CancelledError)
"""What ends a process, or a request, without being an error."""


class Gateway(InProcessSandbox):
    """The sandbox, with a world between it and the shop: each call and each callback passes through the world."""

    def __init__(self, world: World) -> None:
        super().__init__(seed="histories")
        self.world = world

    def adapter_for(self, account_name: str) -> BaseAdapter:
        """Return the transport of an account, behind the world's door."""
        return Door(self.world, super().adapter_for(account_name))

    def post(self, body: bytes) -> int | None:
        """Post a signed body to the shop; return the status, or None where the shop's process has ended."""
        body = self.world.spell_callback(body)
        signature = self.world.sign(body)
        return self._post(self.account().account.callback_url, signature, body).status

    def send_callback(self, url: str, headers: dict[str, str], body: bytes) -> Answer:
        """Post what the sandbox sends, spelled as this gateway spells. What is damaged on the way stays damaged."""
        spelled = self.world.spell_callback(body)
        if spelled != body and self.world.sign(body).items() <= headers.items():
            headers = {**headers, **self.world.sign(spelled)}
            body = spelled
        return self._post(url, headers, body)

    def _post(self, url: str, headers: dict[str, str], body: bytes) -> Answer:
        headers = {"Content-Type": "application/json", **headers}
        answer = self.world.as_a_process(lambda: super(Gateway, self)._post(url, headers, body))
        if answer is None:
            return Answer(None, error="the process has ended")
        if answer.status == 200:
            self.world.answered.append(hashlib.sha256(body).hexdigest())
        return answer

    def _make(self, name: str) -> Any:
        sandbox = super()._make(name)
        sandbox.post = self.send_callback
        return sandbox

    @property
    def here(self) -> Any:
        """The sandbox of the one account that these histories use."""
        return self.account(DEFAULT_ACCOUNT)


class Door(BaseAdapter):
    """Where calls to the API pass: the world may answer in the gateway's place, and change its answers."""

    def __init__(self, world: World, gateway: BaseAdapter) -> None:
        super().__init__()
        self.world, self.gateway = world, gateway

    def send(self, request: PreparedRequest, **options: Any) -> Response:  # type: ignore[override]
        """Answer a prepared request."""
        instead = self.world.answer_instead(request)
        response = instead or self.gateway.send(request, **options)
        return self.world.change_answer(request, response)

    def close(self) -> None:
        """Nothing is open."""


def respond(request: PreparedRequest, status: int, content: Any) -> Response:
    """Return an answer to a request, made of JSON or of bytes that are JSON already."""
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    response = Response()
    response.status_code, response.request, response.url = status, request, request.url or ""
    response.raw = HTTPResponse(io.BytesIO(raw), status=status, preload_content=False)
    response.headers["Content-Type"] = "application/json"
    return response


def start_again() -> None:
    """Begin a new process: it remembers nothing."""
    due_work.overdue_throttle.reset()
    assert not connection.in_atomic_block, "a process that has ended holds no transaction"


def as_a_process(act: Callable[[], Any]) -> Any:
    """Do something as a process that may end on the way, and is then started again; return None if it ended."""
    try:
        return act()
    except ENDS:
        start_again()
        return None


def when(is_possible: Callable[[Any], Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Let a rule do nothing where it cannot do anything.

    Hypothesis' own `precondition` decides which rules a program may have next. What is there depends on the time that
    calls take, so the same program would be another one in a second run, and Hypothesis ends with an error of its own.
    """

    def decorate(act: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(act)
        def perform(self: Any, *arguments: Any, **named: Any) -> None:
            if is_possible(self):
                act(self, *arguments, **named)

        return perform

    return decorate


def tables() -> list[type[models.Model]]:
    """Return every model that a history writes to; each before those that its foreign keys point at."""
    models_of = [apps.get_app_config(label).get_models() for label in ("cryptopay_django", "effects")]
    left = [model for of_app in models_of for model in of_app if not model._meta.proxy]
    ordered: list[type[models.Model]] = []
    while left:
        pointed_at = {
            field.related_model for model in left for field in model._meta.fields if field.related_model is not model
        }
        ordered += [model for model in left if model not in pointed_at]
        left = [model for model in left if model in pointed_at]
    return ordered


def empty_tables() -> None:
    """Delete every row."""
    with transaction.atomic():
        for model in tables():
            model._base_manager.all()._raw_delete(using="default")


def back_up() -> str:
    """Return every row, as text."""
    rows = [row for model in reversed(tables()) for row in model._base_manager.all()]
    return serializers.serialize("json", rows)


def restore(backup: str) -> None:
    """Set every table back to what it was."""
    with transaction.atomic():
        empty_tables()
        for row in serializers.deserialize("json", backup):
            row.save()
    ContentType.objects.clear_cache()


class Witness(Shop):
    """A shop that looks, at each effect, which order and which invoice of the gateway's it is for, and whether it is true."""

    def look_at(self, event: InvoiceEvent) -> dict[str, Any]:
        now = Invoice.objects.get(pk=event.invoice_id)
        order = event.invoice.order
        is_over = event.kind == EventKind.INVOICE_COMPLETED and (now.status != "completed" or now.quarantine_reason)
        return {"gateway_id": now.gateway_id, "real_order": order and order.real, "was_true": not is_over}


class Ordered:
    """One real order, and what was asked for. Its key may be another order's later."""

    def __init__(self, key: int, real: UUID, price: Decimal, coin: str, custom_id: str | None) -> None:
        self.key, self.real, self.price, self.coin, self.custom_id = key, real, price, coin, custom_id

    @property
    def arguments(self) -> dict[str, Any]:
        """How `create_invoice` is called for it."""
        network = {"network": "ethereum"} if self.coin == "USDT" else {}
        named = {"custom_id": self.custom_id} if self.custom_id else {}
        price = {"price_amount": self.price, "price_currency": "EUR", "payer_email": "ada@shop.example"}
        return {**price, "pay_currency": self.coin, **network, **named}
