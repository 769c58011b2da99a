"""Applies the merchant's calls of the API to the state. `routes.py` and its neighbours parse them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from .addresses import make_address
from .amounts import EXACT, fee_of, round_up
from .forms import InvoiceForm
from .invoices import Exchange, Invoice, score_to_wire
from .refusals import duplicate_custom_id, not_found
from .risks import score_address
from .simulated_coins import places_of
from .state import State

FIAT_LIFE = timedelta(minutes=10)
COIN_LIFE = timedelta(hours=2)
CANCEL_AFTER = timedelta(days=14)


def create_invoice(state: State, form: InvoiceForm, at: datetime, *, subscription_id: str | None = None) -> Invoice:
    """Make an invoice with its own address and, when priced in fiat, the rate of this moment frozen."""
    if form.custom_id is not None and form.custom_id in state.by_custom_id:
        raise duplicate_custom_id()
    at = at.replace(microsecond=0)
    coin, pay_amount, exchange = form.coin, form.price_amount, None
    if form.price_currency != coin.code:
        rate = state.rates.sell_rate(coin.code, form.price_currency, at)
        places = coin.quote_places
        if (coin.code, form.network, state.variants["usdt_on_tron"]) == ("USDT", "tron", "two_decimals"):
            places = 2
        pay_amount = round_up(EXACT.divide(form.price_amount, rate), places)
        exchange = Exchange(coin.code + form.price_currency, rate, form.price_currency)
    invoice_id = state.make_id("invoice")
    address, tag = make_address(form.network, seed=state.seed, index=state.count("address"))
    invoice = Invoice(
        id=invoice_id,
        custom_id=form.custom_id,
        customer_id=form.customer_id,
        subscription_id=subscription_id,
        address=address,
        tag=tag,
        network=form.network,
        price_amount=form.price_amount,
        price_currency=form.price_currency,
        pay_amount=pay_amount,
        pay_currency=coin.code,
        fee=fee_of(form.price_amount, places_of(form.price_currency), rate=state.account.fee_rate),
        exchange=exchange,
        hosted_page_url=f"{state.base_url}/invoices/{invoice_id}",
        created_at=at,
        expires_at=at + (FIAT_LIFE if exchange else COIN_LIFE),
        texts=form.texts,
        metadata=form.metadata,
    )
    state.add(invoice)
    state.note(invoice, at, "created")
    if state.variants["created_event"] == "sent":
        state.announce("created", invoice, at)
    state.schedule(invoice.expires_at, "expire", invoice)
    state.schedule(at + CANCEL_AFTER, "cancel", invoice)
    return invoice


def find_by_custom_id(state: State, custom_id: str) -> Invoice:
    """Return an invoice by the merchant's own id."""
    if custom_id not in state.by_custom_id:
        raise not_found()
    return state.by_custom_id[custom_id]


def list_invoices(
    state: State, *, customer_id: str | None = None, subscription_id: str | None = None
) -> list[Invoice]:
    """Return the invoices, newest first: all, or those of a customer or a subscription."""
    return [
        invoice for invoice in reversed(state.invoices.values())
        if customer_id in {None, invoice.customer_id} and subscription_id in {None, invoice.subscription_id}
    ]  # fmt: skip


def score_risk(state: State, address: str, currency: str) -> dict[str, Any]:
    """Screen an address before money goes to it or from it."""
    del currency  # a score belongs to the address, whatever the coin
    return score_to_wire(*score_address(state.seed, address))


def create_customer(state: State, customer: dict[str, Any]) -> dict[str, Any]:
    """Remember a customer and the addresses that refunds may go to."""
    if customer["id"] in state.customers:
        raise duplicate_custom_id()
    state.customers[customer["id"]] = customer
    return customer


def find_refund_address(state: State, customer_id: str | None, currency: str, network: str) -> str | None:
    """Return where a customer's risky coins go back to by themselves; None where they are put on hold."""
    for entry in state.customers.get(customer_id or "", {}).get("addresses", []):
        if (entry["currency"], entry["network"]) == (currency, network):
            return str(entry["address"])
    return None


def find_customer(state: State, customer_id: str) -> dict[str, Any]:
    """Return a customer by id."""
    if customer_id not in state.customers:
        raise not_found()
    return state.customers[customer_id]
