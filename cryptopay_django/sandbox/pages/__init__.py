"""Serves the pages for a browser: server-side HTML, one script and one style sheet, nothing loaded from elsewhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import resources
from urllib.parse import parse_qs, urlsplit

from .. import channel_controls
from ..channels import Channel
from ..core import Sandbox
from ..invoices import Invoice
from ..refusals import RefusalError
from ..routing import Response
from . import channels, desk, frame, hosted, hosted_channel, money, switches
from .drawings import draw_icon, draw_logo
from .hosted_parts import Look, read_look

_FILES = {"sandbox.css": "text/css; charset=utf-8", "sandbox.js": "text/javascript; charset=utf-8"}
_DESKS = {
    "": desk.show_invoices,
    "channels": channels.show_channels,
    "ledger": money.show_ledger,
    "withdrawals": money.show_withdrawals,
    "subscriptions": money.show_subscriptions,
    "callbacks": desk.show_callbacks,
    "account": switches.show_account,
    "trouble": switches.show_trouble,
    "variants": switches.show_variants,
}


def is_public(path: str) -> bool:
    """Return whether a page is for customers, who may be on another machine; all others are for the developer."""
    pieces = _split(path)
    if pieces[:1] in (["invoices"], ["channels"]):
        return len(pieces) > 1 and pieces[2:] in ([], ["state.json"])
    return pieces[:1] in (["static"], ["logos"])


def respond(sandbox: Sandbox, target: str, accepted: str = "") -> Response:
    """Answer a GET for a page. `target` is the path with its query, `accepted` the languages of the browser."""
    url = urlsplit(target)
    pieces = _split(url.path)
    query = {name: values[-1] for name, values in parse_qs(url.query).items()}
    if pieces[:1] in (["static"], ["logos"]) and len(pieces) == 2:
        return _file(*pieces) or frame.not_found(sandbox)
    with sandbox.changed:
        sandbox.run_due()
        try:
            return _page(sandbox, pieces, read_look(query, accepted))
        except RefusalError:
            return frame.not_found(sandbox)


def _page(sandbox: Sandbox, pieces: list[str], look: Look) -> Response:
    match pieces:
        case ["invoices", invoice_id, *rest] if "/".join(rest) in _OF_INVOICE:
            return _OF_INVOICE["/".join(rest)](sandbox, sandbox.find(invoice_id), look)
        case ["channels", channel_id, *rest] if "/".join(rest) in _OF_CHANNEL:
            return _OF_CHANNEL["/".join(rest)](sandbox, channel_controls.find(sandbox, channel_id), look)
        case ["live.json"]:
            return _json(_live(sandbox))
        case _ if "/".join(pieces) in _DESKS:
            return _DESKS["/".join(pieces)](sandbox)
        case _:
            return frame.not_found(sandbox)


def _live(sandbox: Sandbox) -> dict[str, object]:
    state = sandbox.state
    seen = (state.seed, state.counters.total(), state.outbox.attempts_made, state.trouble.drawn, sandbox.clock.speed)
    return {"mark": repr(seen), "now": sandbox.clock.now().isoformat(), "speed": sandbox.clock.speed}


def _json(data: dict[str, object]) -> Response:
    return Response(200, json.dumps(data).encode(), headers=dict(frame.HEADERS))


def _file(folder: str, name: str) -> Response | None:
    drawing = draw_icon() if (folder, name) == ("static", "icon.svg") else None
    if folder == "logos" and name.endswith(".svg"):
        drawing = draw_logo(name.removesuffix(".svg"))
    if drawing is not None:
        return Response(200, drawing.encode(), "image/svg+xml", dict(frame.HEADERS))
    if folder != "static" or name not in _FILES:
        return None
    content = resources.files(__name__).joinpath("static", name).read_bytes()
    return Response(200, content, _FILES[name], dict(frame.HEADERS))


def _split(path: str) -> list[str]:
    return [piece for piece in path.split("/") if piece]


_OF_INVOICE: dict[str, Callable[[Sandbox, Invoice, Look], Response]] = {
    "": hosted.show,
    "desk": lambda sandbox, invoice, _: desk.show_invoice(sandbox, invoice),
    "state.json": lambda sandbox, invoice, _: _json(hosted.show_state(sandbox, invoice)),
}
_OF_CHANNEL: dict[str, Callable[[Sandbox, Channel, Look], Response]] = {
    "": hosted_channel.show,
    "desk": lambda sandbox, channel, _: channels.show_channel(sandbox, channel),
    "state.json": lambda sandbox, channel, _: _json(hosted_channel.show_state(sandbox, channel)),
}
