"""Hostile bytes: structure-aware mutations of callbacks and of the gateway's answers.

Nothing but the typed errors may come out, and no callback may be answered 5xx. PROVE_CASES sets how many
cases the parser gets, PROVE_SEED where the mutations start; the whole view gets a hundredth of them.
"""

from __future__ import annotations

import json
import os
import random
import resource
import sys
from collections.abc import Callable
from typing import Any

import pytest
from django.db.models import F, Sum
from django.test import Client as Browser
from django.utils import timezone

from cryptopay_django.exceptions import GatewayError, SignatureError, WireError
from cryptopay_django.gateway.client import Client
from cryptopay_django.gateway.schemas import parse_callback
from cryptopay_django.gateway.signing import verify_callback
from cryptopay_django.models import Callback, Invoice
from cryptopay_django.services import process_callback
from cryptopay_django.testing.factories import (
    InvoiceFactory,
    callback_body,
    callback_headers,
    invoice_wire,
    transaction_wire,
)
from tests.proofs.report import tried
from tests.wire import ScriptedGateway

CASES = int(os.environ.get("PROVE_CASES", "5000"))
SEED = int(os.environ.get("PROVE_SEED", "1"))
ASKED = "the gateway, when asked"

NASTY: list[Any] = [
    None, True, False, 0, -1, 1e308, 10**30, 0.1, "", " ", "0", "-0", "1e5", "NaN", "Infinity", "0" * 5000, "9" * 30,
    "1.0000000000000000001", "\x00", "\ud800", "\u202e", "<script>", "' OR 1=1 --", "${x}", "../..", "a" * 10000,
    [], {}, [[]], [None], {"a": {"b": {}}}, "completed", "unresolved", "new", "refunded", "cancelled", "overpaid",
    "2030-01-01T00:00:00Z", "0000-00-00", "9999-12-31T23:59:59+23:59", "javascript:alert(1)", "http://[::1",
]  # fmt: skip
BYTES = [
    b"\x00",
    b"\xff",
    b"\xc0\x80",
    b"\xef\xbb\xbf",
    b"{",
    b"}",
    b"[" * 50,
    b'"',
    b"\\",
    b"\\u0000",
    b"NaN",
    b",",
    b"1e999",
]


def a_body(invoice: Invoice) -> dict[str, Any]:
    risky = transaction_wire("b" * 64, level="high") | {"source_addresses": ["2N7eWx1pLbvcQhRfkz3dYt6sGm0002"]}
    data = invoice_wire(
        invoice, status="completed", paid_amount="0.002", transactions=[transaction_wire("a" * 64), risky],
        metadata={"cart": "17"}, hosted_page_url="https://pay.test/i/1",
    )  # fmt: skip
    return {"type": "Invoice", "event": "status_changed", "data": data}


def mutate(tree: Any, dice: random.Random) -> Any:
    """Change one place in a tree: another value, a missing or an added member, one level more."""
    tree = json.loads(json.dumps(tree))
    node, parent, key = tree, None, None
    while isinstance(node, (dict, list)) and node and dice.random() < 0.8:
        parent, key = node, dice.choice(list(node)) if isinstance(node, dict) else dice.randrange(len(node))
        node = parent[key]
    if parent is None:
        return dice.choice(NASTY)
    act = dice.randrange(4)
    if act == 0:
        del parent[key]
    elif act == 1:
        parent[key] = [node] * dice.randrange(1, 4)
    elif act == 2 and isinstance(parent, dict):
        parent[str(dice.choice(NASTY))[:50]] = dice.choice(NASTY)
    else:
        parent[key] = dice.choice(NASTY)
    return tree


def damage(body: bytes, dice: random.Random) -> bytes:
    """Change some bytes: cut, insert, overwrite, repeat."""
    at = dice.randrange(len(body) + 1)
    return dice.choice(
        [
            lambda: body[:at],
            lambda: body[:at] + dice.choice(BYTES) + body[at:],
            lambda: body[:at] + dice.randbytes(3) + body[at + 3 :],
            lambda: body + body[at:],
            lambda: body.replace(b'"status"', b'"id"', 1),
            lambda: body.decode().encode("utf-16"),
        ]
    )()


def cases(count: int, make: Callable[[], Any]) -> Any:
    """Yield mutated bodies, each of a seed of its own, so that one can be made again alone."""
    whole = make()
    for number in range(count):
        dice = random.Random(f"{SEED} {number}")
        tree = whole
        for _ in range(dice.randrange(1, 4)):
            tree = mutate(tree, dice)
        body = json.dumps(tree).encode()
        yield number, damage(body, dice) if dice.random() < 0.4 and body else body


def peak_mebibytes() -> float:
    """Return the most memory that this process has had."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def test_the_parser_answers_every_case_with_a_message_or_a_typed_error():
    invoice = InvoiceFactory.build()
    outcomes = {True: 0, False: 0}
    longest = peak = 0
    for number, body in cases(CASES, lambda: a_body(invoice)):
        if number == CASES // 10:
            peak = peak_mebibytes()
        try:
            parse_callback(body)
            outcomes[True] += 1
        except WireError as error:
            outcomes[False] += 1
            longest = max(longest, len(str(error)))

    tried(f"mutated callbacks parsed, seed {SEED}", CASES)
    assert min(outcomes.values()) > CASES / 50, "both sides of the line are met"
    assert longest < 5000
    assert peak_mebibytes() - peak < 64, "the other nine tenths needed no more memory"


@pytest.mark.django_db
def test_no_signed_case_gets_a_5xx_and_every_one_is_stored(settings):
    invoice = InvoiceFactory()
    scripted = ScriptedGateway(lambda *_: (200, {"data": invoice_wire(invoice)}))
    settings.CRYPTOPAY_HTTP_ADAPTER = lambda account: scripted
    browser = Browser()
    count = max(CASES // 100, 100)

    for number, body in cases(count, lambda: a_body(invoice)):
        response = browser.post(
            "/cryptopay/callbacks/", body, content_type="application/json", headers=callback_headers(body)
        )
        assert response.status_code == 200, (number, body)

    tried(f"signed mutated callbacks posted, seed {SEED}", count)
    invoice.refresh_from_db()
    assert Callback.objects.aggregate(came=Sum(F("repeats") + 1))["came"] == count, "each is stored, or counted"
    assert invoice.status == "new", "what the gateway does not confirm finishes nothing"
    assert not invoice.events.filter(kind="invoice_completed").exists()
    # What nobody can read, and comes once more, is looked at once more: at once, or when its pause is over.
    again = Callback.objects.filter(outcome="pending", repeats__gt=0).exclude(error__contains=ASKED)
    again.update(next_attempt_at=timezone.now())
    for callback in again:
        process_callback(callback)
    loud = Callback.objects.filter(outcome="pending").exclude(error__contains=ASKED)
    assert list(loud.values_list("error", flat=True)) == []


def test_no_unsigned_case_is_ever_taken():
    body = callback_body({})
    good = callback_headers(body)["X-Cryptopay-Signature"]
    dice = random.Random(SEED)
    for _ in range(max(CASES // 10, 1000)):
        wrong = "".join(dice.choice("0123456789abcdefABCDEFé\n ") for _ in range(dice.choice([0, 1, 63, 64, 65])))
        with pytest.raises(SignatureError):
            verify_callback(
                body, dice.choice([wrong, good.upper(), good[:-1], good + wrong + "0"]), secrets=["secret"]
            )


def test_an_answer_of_the_gateway_is_read_or_refused_with_a_typed_error():
    invoice = InvoiceFactory.build()
    answers = cases(max(CASES // 20, 500), lambda: {"data": invoice_wire(invoice)})
    scripted = ScriptedGateway(lambda *_: (200, next(answers)[1]))
    client = Client("key", "secret", "https://gateway.test", adapter=scripted, sleep=lambda _: None, total_timeout=5)
    wanted = str(invoice_wire(invoice)["id"])
    read = 0
    try:
        while True:
            try:
                client.retrieve_invoice(wanted)
                read += 1
            except GatewayError:
                pass
    except (StopIteration, RuntimeError):
        pass

    assert read > 0
