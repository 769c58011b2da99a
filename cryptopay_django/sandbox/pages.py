"""The pages for a browser. Plain server-side HTML, everything escaped, nothing loaded from elsewhere."""

from __future__ import annotations

from html import escape

from .api import Response
from .coins import NETWORKS
from .core import Sandbox
from .refusals import RefusalError

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def respond(sandbox: Sandbox, path: str) -> Response:
    """Answer a GET for a page."""
    pieces = [piece for piece in path.split("/") if piece]
    if not pieces:
        return _page("Sandbox", _list_invoices(sandbox))
    if len(pieces) == 2 and pieces[0] == "invoices":
        try:
            return _page("Invoice", _show_invoice(sandbox, pieces[1]))
        except RefusalError as refusal:
            return _page("Not found", f"<p>{escape(refusal.message)}.</p>", status=404)
    return _page("Not found", "<p>There is no such page.</p>", status=404)


def _list_invoices(sandbox: Sandbox) -> str:
    with sandbox.changed:
        sandbox.run_due()
        rows = "".join(
            f'<li><a href="/invoices/{escape(invoice.id)}">{escape(invoice.custom_id or invoice.id)}</a> '
            f"{escape(invoice.status)} {escape(invoice.context or '')}</li>"
            for invoice in reversed(sandbox.state.invoices.values())
        )
    return f"<h1>Invoices</h1><ul>{rows or '<li>None yet.</li>'}</ul>"


def _show_invoice(sandbox: Sandbox, invoice_id: str) -> str:
    with sandbox.changed:
        invoice = sandbox.find(invoice_id)
        wire = invoice.to_wire()
        tag_name = NETWORKS[invoice.network].tag_name
    facts = {
        "Status": " ".join(filter(None, (wire["status"], wire["status_context"]))),
        "Amount": f"{wire['pay_amount']} {wire['pay_currency']}",
        "Paid": f"{wire['paid_amount']} {wire['pay_currency']}",
        "Network": NETWORKS[invoice.network].title,
        "Address": invoice.address,
        "Expires": wire["expires_at"],
    }
    if tag_name:
        facts[tag_name] = str(invoice.tag)
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts.items())
    return f"<h1>Invoice</h1><dl>{rows}</dl>"


def _page(title: str, content: str, *, status: int = 200) -> Response:
    html = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title></head><body>{content}</body></html>"
    )
    return Response(status, html.encode(), "text/html; charset=utf-8", dict(_HEADERS))
