"""Serves the control API for scripts, under /control/: play the customer, the chain, the desk and the clock."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

from . import channel_controls, money_controls
from .clock import spell_time
from .core import Sandbox, travel
from .describe_state import describe_attempt, describe_callback, describe_channel, describe_invoice, describe_state
from .forms import parse_amount, parse_body, read_flag, read_invoice, read_optional_text
from .refusals import RefusalError, detail, invalid, not_found
from .routing import Response
from .scenarios import create_invoice, expire, play, resolve_by_hand

# Ten years, in seconds.
LONGEST_JOURNEY = 315_360_000

Action = Callable[[Sandbox, dict[str, Any]], dict[str, Any]]


def respond(sandbox: Sandbox, method: str, path: str, body: bytes) -> Response:
    """Answer one request to the control API, when all that it set off was delivered or tried."""
    try:
        action = _ACTIONS.get((method, path.removeprefix("/control").strip("/")))
        if action is None:
            raise not_found()
        outbox = sandbox.state.outbox
        mark = outbox.attempts_made
        data = action(sandbox, parse_body(body))
        if method == "POST":
            sandbox.deliver()
            with sandbox.changed:
                sandbox.note_change()
            data.setdefault("callbacks", [describe_attempt(attempt) for attempt in outbox.attempts_since(mark)])
    except RefusalError as refusal:
        return Response(refusal.status, spell_refusal(refusal))
    return Response(200, json.dumps(data, default=_spell).encode())


def spell_refusal(refusal: RefusalError) -> bytes:
    """Return the body that explains a refusal."""
    return json.dumps(refusal.to_wire("control")).encode()


def _finish(sandbox: Sandbox, invoice_id: str) -> dict[str, Any]:
    sandbox.deliver()
    return {"invoice": describe_invoice(sandbox, sandbox.find(invoice_id))}


def _finish_channel(sandbox: Sandbox, channel_id: str) -> dict[str, Any]:
    sandbox.deliver()
    return {"channel": describe_channel(sandbox, channel_controls.find(sandbox, channel_id))}


def _channel(sandbox: Sandbox, body: dict[str, Any]) -> dict[str, Any]:
    """Make a channel by hand, or change the status of one."""
    if "channel_id" in body:
        channel = channel_controls.change(sandbox, _read_id(body, "channel_id"), _read_id(body, "status"))
    else:
        channel = channel_controls.create(sandbox, body)
    return _finish_channel(sandbox, channel.id)


def _pay_channel(sandbox: Sandbox, body: dict[str, Any]) -> dict[str, Any]:
    channel = channel_controls.find(sandbox, _read_id(body, "channel_id"))
    risk, doomed = body.get("risk", "low"), read_flag(body, "double_spend")
    channel_controls.pay(sandbox, channel.id, body.get("amount", ""), risk=risk, double_spend=doomed)
    return _finish_channel(sandbox, channel.id)


def _pay(sandbox: Sandbox, body: dict[str, Any]) -> dict[str, Any]:
    if "channel_id" in body:
        return _pay_channel(sandbox, body)
    invoice = sandbox.find(_read_id(body, "invoice_id"))
    if read_flag(body, "late"):
        expire(sandbox, invoice.id)
    for _ in range(2 if read_flag(body, "twice") else 1):
        sandbox.pay(
            invoice.id,
            factor=body.get("factor", "1"),
            amount=body.get("amount"),
            risk=body.get("risk", "low"),
            double_spend=read_flag(body, "double_spend"),
        )
    return _finish(sandbox, invoice.id)


def _confirm(sandbox: Sandbox, body: dict[str, Any]) -> dict[str, Any]:
    if "channel_id" in body:
        return _finish_channel(sandbox, channel_controls.confirm(sandbox, _read_id(body, "channel_id")).id)
    return _finish(sandbox, sandbox.confirm(_read_id(body, "invoice_id")).id)


def _decide(sandbox: Sandbox, body: dict[str, Any]) -> dict[str, Any]:
    decision = str(body.get("decision"))
    if "payment_id" in body:
        return _finish_channel(
            sandbox, channel_controls.decide(sandbox, _read_id(body, "payment_id"), decision).channel_id
        )
    return _finish(sandbox, sandbox.decide(_read_id(body, "invoice_id"), decision).id)


def _resolve(how: str) -> Action:
    return lambda sandbox, body: _finish(sandbox, resolve_by_hand(sandbox, _read_id(body, "invoice_id"), how).id)


def _create(sandbox: Sandbox, body: dict[str, Any]) -> dict[str, Any]:
    return _finish(sandbox, create_invoice(sandbox, read_invoice(body)).id)


def _play(sandbox: Sandbox, body: dict[str, Any]) -> dict[str, Any]:
    name, invoice_id = _read_id(body, "scenario"), read_optional_text(body, "invoice_id")
    return _finish(sandbox, play(sandbox, name, invoice_id).id)


def _expire(sandbox: Sandbox, body: dict[str, Any]) -> dict[str, Any]:
    invoice_id = _read_id(body, "invoice_id")
    expire(sandbox, invoice_id)
    return _finish(sandbox, invoice_id)


def _advance(sandbox: Sandbox, body: dict[str, Any]) -> dict[str, Any]:
    seconds = parse_amount(body.get("seconds"))
    if seconds is None or not 0 <= seconds <= LONGEST_JOURNEY:
        raise _invalid("seconds", f"must be a number from 0 to {LONGEST_JOURNEY}")
    travel([sandbox], timedelta(microseconds=int(seconds * 1_000_000)))
    return _show_clock(sandbox)


def _clock(sandbox: Sandbox, body: dict[str, Any]) -> dict[str, Any]:
    speed = parse_amount(body.get("speed"))
    if speed is None or speed < 0:
        raise _invalid("speed", "must be a number, 0 to pause")
    with sandbox.changed:
        sandbox.clock.set_speed(float(speed))
        sandbox.note_change()
    return _show_clock(sandbox)


def _settings(sandbox: Sandbox, body: dict[str, Any]) -> dict[str, Any]:
    sandbox.change_settings(body)
    return {"account": sandbox.account.describe()}


def _resend(sandbox: Sandbox, body: dict[str, Any]) -> dict[str, Any]:
    callback = sandbox.resend(_read_id(body, "callback_id"))
    sandbox.deliver()
    return {"callback": describe_callback(callback)}


def _trouble(sandbox: Sandbox, body: dict[str, Any]) -> dict[str, Any]:
    """Set probabilities; `next` plans faults for certain; `off` stops all of it first."""
    chances, planned = dict(body), body.get("next", [])
    chances.pop("next", None)
    if read_flag({"off": chances.pop("off", None)}, "off"):
        with sandbox.changed:
            sandbox.state.trouble.stop()
    if not isinstance(planned, list) or not all(isinstance(entry, dict) for entry in planned):
        raise _invalid("next", "must be a list of objects with fault, after_effect and count")
    sandbox.trouble(chances)
    for entry in planned:
        count = entry.get("count", 1)
        if isinstance(count, bool) or not isinstance(count, int):
            raise _invalid("count", "must be a whole number")
        sandbox.fail_next(str(entry.get("fault")), after_effect=read_flag(entry, "after_effect"), count=count)
    return {"trouble": sandbox.state.trouble.describe()}


def _variants(sandbox: Sandbox, body: dict[str, Any]) -> dict[str, Any]:
    sandbox.variants(body)
    return {"variants": sandbox.state.variants.describe()}


def _reset(sandbox: Sandbox, body: dict[str, Any]) -> dict[str, Any]:
    del body
    sandbox.reset()
    return describe_state(sandbox)


def _show_clock(sandbox: Sandbox) -> dict[str, Any]:
    return {"clock": {"now": spell_time(sandbox.clock.now()), "speed": sandbox.clock.speed}}


def _read_id(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise _invalid(name, "is required")
    return value


def _invalid(field: str, message: str) -> RefusalError:
    return invalid(detail("invalid_value", field, message))


def _spell(value: object) -> str:
    if isinstance(value, Decimal):
        return format(value, "f")
    raise TypeError(f"{type(value).__name__} has no spelling in JSON")


def _deposit(sandbox: Sandbox, body: dict[str, Any]) -> dict[str, Any]:
    money_controls.deposit(sandbox, _read_id(body, "currency"), body.get("amount", ""))
    return {"account": sandbox.account.describe()}


def _decide_withdrawal(sandbox: Sandbox, body: dict[str, Any]) -> dict[str, Any]:
    withdrawal = money_controls.decide_withdrawal(sandbox, _read_id(body, "withdrawal_id"), str(body.get("decision")))
    sandbox.deliver()
    return {"withdrawal": withdrawal.to_wire()}


def _bill(sandbox: Sandbox, body: dict[str, Any]) -> dict[str, Any]:
    coin, network = read_optional_text(body, "pay_currency") or "BTC", read_optional_text(body, "network")
    return _finish(sandbox, money_controls.bill(sandbox, _read_id(body, "subscription_id"), coin, network).id)


def _cancel_subscription(sandbox: Sandbox, body: dict[str, Any]) -> dict[str, Any]:
    subscription = money_controls.cancel_subscription(sandbox, _read_id(body, "subscription_id"))
    sandbox.deliver()
    return {"subscription": subscription.to_wire()}


_ACTIONS: dict[tuple[str, str], Action] = {
    ("GET", "state"): lambda sandbox, _: describe_state(sandbox),
    ("POST", "pay"): _pay,
    ("POST", "confirm"): _confirm,
    ("POST", "invoice"): _create,
    ("POST", "channel"): _channel,
    ("POST", "scenario"): _play,
    ("POST", "expire"): _expire,
    ("POST", "recalculate"): _resolve("recalculate"),
    ("POST", "refund"): _resolve("refund"),
    ("POST", "advance"): _advance,
    ("POST", "clock"): _clock,
    ("POST", "settings"): _settings,
    ("POST", "decide"): _decide,
    ("POST", "deposit"): _deposit,
    ("POST", "withdrawal"): _decide_withdrawal,
    ("POST", "bill"): _bill,
    ("POST", "cancel_subscription"): _cancel_subscription,
    ("POST", "resend"): _resend,
    ("POST", "trouble"): _trouble,
    ("POST", "variants"): _variants,
    ("POST", "reset"): _reset,
}
