"""The table of shapes: what is in every body on the wire, field by field, type by type, format by format.

A format is a word of FORMATS. After it: `?` the value may be null, `-` the field may be absent, `[]` a list
of such values. A name of another shape stands for an object of that shape, `= A | B` for fixed words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

FORMATS = {
    "uuid": r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
    "text": r"(?s).*",
    "code": r"[A-Z]{3,5}",
    "network": r"[a-z]+(_[a-z]+)*",
    # No exponent, no trailing zero but one that follows the point at once.
    "amount": r"(0|[1-9]\d*)\.(0|\d*[1-9])",
    "time": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\+00:00|Z)",
    "url": r"https?://\S+",
    "address": r"[A-Za-z0-9:_-]+(\?dt=\d+)?",
    "link": r"[A-Za-z0-9+:/?&=@._-]+",
    "txid": r"(0x)?[0-9a-f]{64}|[1-9A-HJ-NP-Za-km-z]{64,90}|[A-Za-z0-9_=-]{44}|[0-9A-F]{64}",
    "pair": r"[A-Z]{6,9}",
}

SHAPES: dict[str, dict[str, str]] = {
    "invoice": {
        "id": "uuid",
        "custom_id": "text?",
        "customer_id": "text?-",
        "subscription_id": "uuid?-",
        "status": "= new | unresolved | completed | refunded | cancelled",
        "status_context": "= underpaid | overpaid | paid_late | illicit_resource ?",
        "address": "address",
        "network": "network-",
        "uri": "link-",
        "price_amount": "amount",
        "price_currency": "code",
        "pay_amount": "amount",
        "pay_currency": "code",
        "fee": "amount-",
        "fee_currency": "code-",
        "paid_amount": "amount",
        "exchange": "exchange?-",
        "transactions": "transaction[]",
        "name": "text?",
        "description": "text?",
        "metadata": "map?",
        "success_redirect_url": "url?",
        "unsuccess_redirect_url": "url?",
        "hosted_page_url": "url-",
        "created_at": "time",
        "expires_at": "time",
    },
    "exchange": {"pair": "pair", "rate": "amount", "fee": "amount-", "fee_currency": "code-"},
    "transaction": {"txid": "txid", "risk": "risk?"},
    "risk": {
        "score": "number",
        "level": "= low | medium | high",
        "resource_name": "text",
        "resource_category": "text",
    },
    "recalculation": {
        "id": "uuid",
        "invoice_id": "uuid",
        "pay_amount": "amount",
        "pay_currency": "code",
        "price_amount": "amount",
        "price_currency": "code",
        "fee": "amount",
        "fee_currency": "code",
        "previous_pay_amount": "amount",
        "previous_price_amount": "amount",
        "previous_exchange_rate": "amount?",
        "exchange": "exchange?",
        "created_at": "time",
    },
    "refund": {
        "id": "uuid",
        "custom_id": "text?",
        "invoice_id": "uuid",
        "amount": "amount",
        "amount_currency": "code",
        "fee": "amount",
        "fee_currency": "code",
        "address": "address?",
        "network": "network",
        "txid": "txid?",
        "risk": "risk?",
        "created_at": "time",
    },
    "coin": {"currency": "code", "name": "text", "logo_url": "url", "networks": "coin_network[]"},
    "coin_network": {
        "network": "network",
        "name": "text",
        "precision": "count",
        "destination_tag": "destination_tag?",
        "invoices": "switch",
        "channels": "switch",
        "coin_withdrawals": "switch",
    },
    "destination_tag": {"required": "flag", "name": "text"},
    "switch": {"enabled": "flag"},
    "rate": {"buy_rate": "amount", "sell_rate": "amount"},
    "customer": {"id": "text", "currency": "code", "refund_addresses": "map", "addresses": "customer_address[]"},
    "customer_address": {"address": "address", "currency": "code", "network": "network"},
    "callback": {
        "type": "= Invoice",
        "event": "= created | transaction_created | transaction_confirmed | status_changed | recalculated | refunded",
        "data": "invoice",
    },
    "refusal": {"error": "error", "meta": "meta"},
    "error": {"code": "code_word", "message": "text", "args": "args-", "details": "detail[]"},
    "detail": {"code": "code_word", "target": "text", "message": "text", "args": "args"},
    "page_meta": {"total": "count", "has_more": "flag"},
    "meta": {"request_id": "text"},
}

# Lists that come in pages, with how long they are.
PAGED = frozenset({"GET /api/invoices", "GET /api/customers"})

# What `data` is in the answer of each endpoint, and the status of success.
ENDPOINTS: dict[str, tuple[int, str]] = {
    "POST /api/invoices": (201, "invoice"),
    "GET /api/invoices": (200, "invoice[]"),
    "GET /api/invoices/{id}": (200, "invoice"),
    "GET /api/invoices/custom_id/{custom_id}": (200, "invoice"),
    "POST /api/invoices/{id}/recalculations": (201, "recalculation"),
    "POST /api/invoices/{id}/recalculations/{id}/commit": (200, "recalculation"),
    "POST /api/invoices/{id}/refunds": (201, "refund"),
    "GET /api/invoices/{id}/refunds": (200, "refund[]"),
    "GET /api/coins": (200, "coin[]"),
    "GET /api/rates": (200, "rates"),
    "GET /api/rates/{base}/{quote}": (200, "rate"),
    "POST /api/risks/score": (200, "risk"),
    "POST /api/customers": (201, "customer"),
    "GET /api/customers": (200, "customer[]"),
    "GET /api/customers/{id}": (200, "customer"),
    "PATCH /api/customers/{id}": (200, "customer"),
}


def differences(shape: str, value: Any, where: str = "data") -> Iterator[str]:
    """Yield one line for everything in a value that is not as the table says."""
    kind = shape.rstrip("-")
    nullable, kind = kind.endswith("?"), kind.removesuffix("?").strip()
    if value is None:
        if not nullable:
            yield f"{where} is null"
    elif kind.endswith("[]"):
        if not isinstance(value, list):
            yield f"{where} is no list"
            return
        for index, entry in enumerate(value):
            yield from differences(kind[:-2], entry, f"{where}[{index}]")
    elif kind in SHAPES:
        yield from _object_differences(SHAPES[kind], value, where)
    elif not _fits(kind, value):
        yield f"{where} is no {kind}: {value!r}"


def _object_differences(fields: dict[str, str], value: Any, where: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{where} is no object"
        return
    for name in value.keys() - fields.keys():
        yield f"{where}.{name} is not in the table"
    for name, shape in fields.items():
        if name in value:
            yield from differences(shape, value[name], f"{where}.{name}")
        elif not shape.endswith("-"):
            yield f"{where}.{name} is missing"


def _fits(kind: str, value: Any) -> bool:
    if kind.startswith("= "):
        return value in kind[2:].split(" | ")
    if kind in FORMATS:
        return isinstance(value, str) and re.fullmatch(FORMATS[kind], value) is not None
    return _PLAIN[kind](value)


_PLAIN = {
    "flag": lambda value: isinstance(value, bool),
    "count": lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= 0,
    "number": lambda value: isinstance(value, float) and value >= 0,
    "map": lambda value: isinstance(value, dict) and all(isinstance(text, str) for text in value.values()),
    "args": lambda value: isinstance(value, dict),
    "code_word": lambda value: isinstance(value, str) and re.fullmatch("[a-z_]+", value) is not None,
    "rates": lambda value: (
        isinstance(value, dict)
        and all(re.fullmatch(r"[A-Z]{3,5}/?[A-Z]{3,5}", pair) for pair in value)
        and {pair.replace("/", "") for pair in value if "/" in pair} == {pair for pair in value if "/" not in pair}
        and all(not list(differences("rate", rate)) for rate in value.values())
    ),
}
