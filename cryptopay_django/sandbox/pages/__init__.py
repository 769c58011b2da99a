"""The pages for a browser: server-side HTML, one script and one style sheet, nothing loaded from elsewhere."""

from __future__ import annotations

import json
from importlib import resources
from urllib.parse import parse_qs, urlsplit

from ..api import Response
from ..core import Sandbox
from ..refusals import RefusalError
from . import desk, hosted, shell, switches
from .drawings import draw_icon, draw_logo

_FILES = {"sandbox.css": "text/css; charset=utf-8", "sandbox.js": "text/javascript; charset=utf-8"}
_DESKS = {
    "": desk.show_invoices,
    "callbacks": desk.show_callbacks,
    "account": switches.show_account,
    "trouble": switches.show_trouble,
}


def is_public(path: str) -> bool:
    """Return whether a page is for customers, who may be on another machine; all others are for the developer."""
    pieces = _split(path)
    return pieces[:1] in (["static"], ["logos"]) or (pieces[:1] == ["invoices"] and pieces[2:] in ([], ["state.json"]))


def respond(sandbox: Sandbox, target: str) -> Response:
    """Answer a GET for a page. `target` is the path with its query string."""
    url = urlsplit(target)
    pieces = _split(url.path)
    query = {name: values[-1] for name, values in parse_qs(url.query).items()}
    if pieces[:1] in (["static"], ["logos"]) and len(pieces) == 2:
        return _file(*pieces) or shell.not_found(sandbox)
    with sandbox.changed:
        sandbox.run_due()
        try:
            return _page(sandbox, pieces, query)
        except RefusalError:
            return shell.not_found(sandbox)


def _page(sandbox: Sandbox, pieces: list[str], query: dict[str, str]) -> Response:
    match pieces:
        case ["invoices", invoice_id]:
            return hosted.show(sandbox, sandbox.find(invoice_id), query)
        case ["invoices", invoice_id, "desk"]:
            return desk.show_invoice(sandbox, sandbox.find(invoice_id))
        case ["invoices", invoice_id, "state.json"]:
            return _json(hosted.show_state(sandbox, sandbox.find(invoice_id)))
        case ["live.json"]:
            return _json(_live(sandbox))
        case [] | [("callbacks" | "account" | "trouble")]:
            return _DESKS["".join(pieces)](sandbox)
        case _:
            return shell.not_found(sandbox)


def _live(sandbox: Sandbox) -> dict[str, object]:
    state = sandbox.state
    seen = (state.seed, state.counters.total(), state.outbox.attempts_made, state.trouble.drawn, sandbox.clock.speed)
    return {"mark": repr(seen), "now": sandbox.clock.now().isoformat(), "speed": sandbox.clock.speed}


def _json(data: dict[str, object]) -> Response:
    return Response(200, json.dumps(data).encode(), headers=dict(shell.HEADERS))


def _file(folder: str, name: str) -> Response | None:
    drawing = draw_icon() if (folder, name) == ("static", "icon.svg") else None
    if folder == "logos" and name.endswith(".svg"):
        drawing = draw_logo(name.removesuffix(".svg"))
    if drawing is not None:
        return Response(200, drawing.encode(), "image/svg+xml", dict(shell.HEADERS))
    if folder != "static" or name not in _FILES:
        return None
    content = resources.files(__name__).joinpath("static", name).read_bytes()
    return Response(200, content, _FILES[name], dict(shell.HEADERS))


def _split(path: str) -> list[str]:
    return [piece for piece in path.split("/") if piece]
