"""Serves the calls of accounts, the ledger, coin withdrawals, exchange transfers and subscriptions."""

from __future__ import annotations

from functools import partial
from typing import Any

from . import ledger, subscriptions, transfers, withdrawal_orders
from .forms import CURRENCIES, Problems, check_uuid
from .invoices import Risk
from .network_fees import list_network_fees
from .refusals import detail, not_found, not_one_of
from .routing import Call, Page, make_page, page_of, read_cursor, route
from .simulated_coins import coins_of
from .subscription_forms import parse_time, read_subscription
from .withdrawal_forms import read_withdrawal
from .withdrawals import Withdrawal

REFERENCE_TYPES = (
    "Invoice", "InvoiceRefund", "ChannelPayment", "CoinWithdrawal", "CoinDeposit", "ExchangeTransfer", "BankDeposit",
    "BankWithdrawal", "ManualBalanceTransaction",
)  # fmt: skip
_CHOICES = {"reference_type": REFERENCE_TYPES, "currency": CURRENCIES, "risk_level": tuple(Risk)}


def _list_accounts(call: Call) -> tuple[int, Any]:
    accounts = ledger.list_accounts(call.state)
    return 200, Page(accounts, len(accounts), has_more=False)


def _list_account_transactions(call: Call) -> tuple[int, Any]:
    wanted = check_uuid(call.parts[0], "account_id").lower()
    for currency in ledger.account_currencies(call.state):
        if ledger.account_id(call.state, currency) == wanted:
            return 200, _page_of_rows(call, ledger.Filter(currency=currency))
    raise not_found()


def _list_transactions(call: Call) -> tuple[int, Any]:
    return 200, _page_of_rows(call, _read_filter(call))


def _read_filter(call: Call) -> ledger.Filter:
    """Read what a list of transactions is narrowed to; an empty value is as good as none."""
    problems = Problems()
    given = {name: value for name, value in call.query.items() if value}
    for name, known in _CHOICES.items():
        if name in given and given[name] not in known:
            problems.add(not_one_of(name, known))
    times = {name: parse_time(given[name]) for name in ("created_at_from", "created_at_to") if name in given}
    for name, moment in times.items():
        if moment is None:
            problems.add(detail("must_be_date_time", name, "must be a date time"))
    problems.check()
    return ledger.Filter(
        created_at_from=times.get("created_at_from"),
        created_at_to=times.get("created_at_to"),
        reference_type=given.get("reference_type"),
        currency=given.get("currency"),
        status=given.get("status"),
        risk_level=given.get("risk_level"),
        customer_id=given.get("customer_id"),
    )


def _page_of_rows(call: Call, wanted: ledger.Filter) -> Page:
    found = [(row, balance) for row, balance in ledger.rows_with_balances(call.state) if wanted.takes(row)]
    show = [partial(row.to_wire, balance) for row, balance in found]
    return make_page(show, [row.id for row, _ in found], read_cursor(call))


def _create_withdrawal(call: Call) -> tuple[int, Any]:
    form = read_withdrawal(call.body, coins_of(call.state.variants["coins"]))
    return 201, withdrawal_orders.create_withdrawal(call.state, form, call.now).to_wire()


def _find_withdrawal(call: Call) -> Withdrawal:
    withdrawal_id = check_uuid(call.parts[0], "coin_withdrawal_id")
    return withdrawal_orders.find_withdrawal(call.state, withdrawal_id)


def _commit_withdrawal(call: Call) -> tuple[int, Any]:
    return 200, withdrawal_orders.commit_withdrawal(call.state, _find_withdrawal(call), call.now).to_wire()


def _list_withdrawals(call: Call) -> tuple[int, Any]:
    customer_id = call.query.get("customer_id")
    return 200, page_of(call, withdrawal_orders.list_withdrawals(call.state, customer_id=customer_id))


def _show_withdrawal(call: Call) -> tuple[int, Any]:
    return 200, _read(call, _find_withdrawal(call))


def _show_withdrawal_by_custom_id(call: Call) -> tuple[int, Any]:
    return 200, _read(call, withdrawal_orders.find_withdrawal_by_custom_id(call.state, call.parts[0]))


def _read(call: Call, thing: Withdrawal | transfers.Transfer) -> dict[str, Any]:
    """Return what a GET shows, which may be nothing while it is a preview."""
    if thing.is_preview and call.state.variants["previews"] == "not_found":
        raise not_found()
    return thing.to_wire()


def _list_network_fees(call: Call) -> tuple[int, Any]:
    # Some official clients spell true as 1.
    all_networks = call.query.get("all_networks", "").lower() in {"true", "1"}
    return 200, list_network_fees(call.state, call.now, all_networks=all_networks)


def _create_transfer(call: Call) -> tuple[int, Any]:
    form = transfers.read_transfer(call.body, coins_of(call.state.variants["coins"]))
    return 201, transfers.create_transfer(call.state, form, call.now).to_wire()


def _find_transfer(call: Call) -> transfers.Transfer:
    return transfers.find_transfer(call.state, check_uuid(call.parts[0], "exchange_transfer_id"))


def _commit_transfer(call: Call) -> tuple[int, Any]:
    return 200, transfers.commit_transfer(call.state, _find_transfer(call), call.now).to_wire()


def _show_transfer(call: Call) -> tuple[int, Any]:
    return 200, _read(call, _find_transfer(call))


def _create_subscription(call: Call) -> tuple[int, Any]:
    form = read_subscription(call.body, call.now, coins_of(call.state.variants["coins"]))
    return 201, subscriptions.create_subscription(call.state, form, call.now).to_wire()


def _list_subscriptions(call: Call) -> tuple[int, Any]:
    return 200, page_of(call, reversed(call.state.subscriptions.values()))


def _find_subscription(call: Call) -> subscriptions.Subscription:
    return subscriptions.find_subscription(call.state, check_uuid(call.parts[0], "subscription_id"))


def _show_subscription(call: Call) -> tuple[int, Any]:
    return 200, _find_subscription(call).to_wire()


def _show_subscription_by_custom_id(call: Call) -> tuple[int, Any]:
    return 200, subscriptions.find_subscription_by_custom_id(call.state, call.parts[0]).to_wire()


def _cancel_subscription(call: Call) -> tuple[int, Any]:
    return 200, subscriptions.cancel_subscription(call.state, _find_subscription(call), call.now).to_wire()


ROUTES = (
    route("GET", "/api/accounts", "accounts", _list_accounts),
    route("GET", "/api/accounts/{}/transactions", "accounts", _list_account_transactions),
    route("GET", "/api/transactions", "transactions", _list_transactions),
    route("POST", "/api/coin_withdrawals", "coin_withdrawals", _create_withdrawal),
    route("POST", "/api/coin_withdrawals/{}/commit", "coin_withdrawals", _commit_withdrawal),
    route("GET", "/api/coin_withdrawals", "coin_withdrawals", _list_withdrawals),
    route("GET", "/api/coin_withdrawals/network_fees", "coin_withdrawals", _list_network_fees),
    route("GET", "/api/coin_withdrawals/custom_id/{}", "coin_withdrawals", _show_withdrawal_by_custom_id),
    route("GET", "/api/coin_withdrawals/{}", "coin_withdrawals", _show_withdrawal),
    route("POST", "/api/exchange_transfers", "exchange_transfers", _create_transfer),
    route("POST", "/api/exchange_transfers/{}/commit", "exchange_transfers", _commit_transfer),
    route("GET", "/api/exchange_transfers/{}", "exchange_transfers", _show_transfer),
    route("POST", "/api/subscriptions", "subscriptions", _create_subscription),
    route("GET", "/api/subscriptions", "subscriptions", _list_subscriptions),
    route("GET", "/api/subscriptions/custom_id/{}", "subscriptions", _show_subscription_by_custom_id),
    route("GET", "/api/subscriptions/{}", "subscriptions", _show_subscription),
    route("POST", "/api/subscriptions/{}/cancel", "subscriptions", _cancel_subscription),
)
