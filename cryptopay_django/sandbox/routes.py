"""Serves the calls of invoices, customers, coins, rates and risks: what each reads and answers."""

from __future__ import annotations

from typing import Any

from . import customer_forms, forms, merchant_calls, resolutions
from .invoices import Invoice
from .refusals import not_found
from .routing import Call, make_page, page_of, route
from .simulated_coins import coins_of, describe_coins


def _create_invoice(call: Call) -> tuple[int, Any]:
    form = forms.read_invoice(call.body, coins_of(call.state.variants["coins"]))
    return 201, merchant_calls.create_invoice(call.state, form, call.now).to_wire()


def _list_invoices(call: Call) -> tuple[int, Any]:
    wanted = {name: call.query[name] for name in ("customer_id", "subscription_id") if name in call.query}
    return 200, page_of(call, merchant_calls.list_invoices(call.state, **wanted))


def _find_invoice(call: Call) -> Invoice:
    return call.state.find(forms.check_uuid(call.parts[0], "invoice_id"))


def _show_invoice(call: Call) -> tuple[int, Any]:
    return 200, _find_invoice(call).to_wire()


def _show_invoice_by_custom_id(call: Call) -> tuple[int, Any]:
    return 200, merchant_calls.find_by_custom_id(call.state, call.parts[0]).to_wire()


def _create_recalculation(call: Call) -> tuple[int, Any]:
    invoice, force = _find_invoice(call), forms.read_flag(call.body, "force_commit")
    recalculation = resolutions.create_recalculation(call.state, invoice, force_commit=force, at=call.now)
    return 201, recalculation.to_wire()


def _commit_recalculation(call: Call) -> tuple[int, Any]:
    invoice, recalculation_id = _find_invoice(call), forms.check_uuid(call.parts[1], "recalculation_id")
    return 200, resolutions.commit_recalculation(call.state, invoice, recalculation_id, call.now).to_wire()


def _create_refund(call: Call) -> tuple[int, Any]:
    invoice, address = _find_invoice(call), forms.read_optional_text(call.body, "address")
    return 201, resolutions.create_refund(call.state, invoice, address=address, at=call.now).to_wire()


def _list_refunds(call: Call) -> tuple[int, Any]:
    return 200, [refund.to_wire() for refund in _find_invoice(call).refunds]


def _list_coins(call: Call) -> tuple[int, Any]:
    return 200, describe_coins(call.state.base_url, coins_of(call.state.variants["coins"]))


def _list_rates(call: Call) -> tuple[int, Any]:
    return 200, call.state.rates.table(call.now, coins_of(call.state.variants["coins"]))


def _show_rate(call: Call) -> tuple[int, Any]:
    quote = call.state.rates.quote(call.parts[0], call.parts[1], call.now, coins_of(call.state.variants["coins"]))
    if quote is None:
        raise not_found()
    return 200, quote


def _show_joined_rate(call: Call) -> tuple[int, Any]:
    """Answer BTCEUR. The table knows it: where the base currency ends cannot be read from the letters."""
    quotes = call.state.rates.table(call.now, coins_of(call.state.variants["coins"]))
    if call.parts[0] not in quotes or call.state.variants["joined_rate"] == "not_found":
        raise not_found()
    return 200, quotes[call.parts[0]]


def _score_risk(call: Call) -> tuple[int, Any]:
    if call.state.variants["risks"] == "gone":
        raise not_found()
    return 200, merchant_calls.score_risk(call.state, *customer_forms.read_risk_subject(call.body))


def _create_customer(call: Call) -> tuple[int, Any]:
    return 201, merchant_calls.create_customer(call.state, customer_forms.read_customer(call.body, known=None))


def _list_customers(call: Call) -> tuple[int, Any]:
    customers = [customer.copy for customer in reversed(call.state.customers.values())]
    return 200, make_page(customers, [*reversed(call.state.customers)], call.query.get("starting_after"))


def _show_customer(call: Call) -> tuple[int, Any]:
    return 200, merchant_calls.find_customer(call.state, call.parts[0])


def _change_customer(call: Call) -> tuple[int, Any]:
    known = merchant_calls.find_customer(call.state, call.parts[0])
    changed = customer_forms.read_customer(
        call.body, known=known, merged=call.state.variants["customer_addresses"] == "merged"
    )
    call.state.customers[changed["id"]] = changed
    return 200, changed


ROUTES = (
    route("POST", "/api/invoices", "invoices", _create_invoice),
    route("GET", "/api/invoices", "invoices", _list_invoices),
    route("GET", "/api/invoices/custom_id/{}", "invoices", _show_invoice_by_custom_id),
    route("GET", "/api/invoices/{}", "invoices", _show_invoice),
    route("POST", "/api/invoices/{}/recalculations", "recalculations", _create_recalculation),
    route("POST", "/api/invoices/{}/recalculations/{}/commit", "recalculations", _commit_recalculation),
    route("POST", "/api/invoices/{}/refunds", "refunds", _create_refund),
    route("GET", "/api/invoices/{}/refunds", "refunds", _list_refunds),
    route("GET", "/api/coins", "coins", _list_coins),
    route("GET", "/api/rates", "rates", _list_rates),
    route("GET", "/api/rates/{}", "rates", _show_joined_rate),
    route("GET", "/api/rates/{}/{}", "rates", _show_rate),
    route("POST", "/api/risks/score", "risks", _score_risk),
    route("POST", "/api/customers", "customers", _create_customer),
    route("GET", "/api/customers", "customers", _list_customers),
    route("GET", "/api/customers/{}", "customers", _show_customer),
    route("PATCH", "/api/customers/{}", "customers", _change_customer),
)
