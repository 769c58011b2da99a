"""Decides from the gateway's data whether a settlement or refund is done, and done as asked. No query, no call.

Elapsed time decides nothing here. The gateway may act hours after it has accepted a call, so only the data that it
shows can end a resolution. `unknown_outcome.py` reads the data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from typing import Any

from ...fields import EXACT
from ...gateway.schemas import InvoiceSnapshot, Recalculation, Refund
from ...gateway.tags import is_same_place
from ...gateway.withdrawals import CoinWithdrawal
from ...models import InvoiceStatus, Resolution, StatusContext
from ...models.invoice import FINAL_STATUSES
from ..snapshots.withdrawal_rows import CANCELLED, PREVIEW

SETTLEMENT, REFUND, WITHDRAWAL = "commit_recalculation", "create_refund", "create_withdrawal"
"""What a resolution asks of the gateway: `parameters["call"]`."""

NOT_AS_ASKED = "not_as_asked"
"""The part of a resolution's `result` that says what the gateway did otherwise than asked."""


class Verdict(Enum):
    """The result of reading: done, not done, or open."""

    DONE = "done"
    NOT_DONE = "not done"
    OPEN = "open"


@dataclass(frozen=True)
class Outcome:
    """A verdict, why, and what was found at the gateway. `is_traced`: something is there that may be ours."""

    verdict: Verdict
    why: str
    found: Mapping[str, Any] = field(default_factory=dict)
    is_traced: bool = False


def outcome_of(resolution: Resolution, snapshot: InvoiceSnapshot, refunds: Sequence[Refund]) -> Outcome:
    """Judge from the data that was read whether a resolution that was sent has had its effect.

    1. There is proof (the gateway's own answer, or a refund that was not there before): the resolution is done as
       soon as the invoice is final. Until then nothing else may begin, however long that takes.
    2. A settlement: if the invoice is completed, it is done; any other final status rules it out.
    3. A refund: if the invoice is final by a refund to another address, that rules it out.
    4. The gateway shows no trace of the resolution: it stays open. The gateway may have accepted the call and not
       show that yet.
    """
    asked, state = resolution.parameters, f"{snapshot.status} {snapshot.status_context or ''}".strip()
    is_final = snapshot.status in FINAL_STATUSES
    found: dict[str, Any] = {"status": snapshot.status, "price_amount": f"{snapshot.price_amount:f}"}
    new = [refund for refund in refunds if str(refund.id) not in resolution.known_refund_ids]
    ours = [refund for refund in new if is_same_place(asked.get("address"), refund.address, with_tags=False)]
    is_settled = asked["call"] == SETTLEMENT and snapshot.status == InvoiceStatus.COMPLETED
    if resolution.result or ours or is_settled:
        odd: list[str] = []
        if ours:
            found |= refund_figures(ours[0])
            odd += oddities_of_refund(resolution, ours[0])
            odd += [f"the gateway lists {len(new)} refunds of it"] if len(new) > 1 else []
        odd += _odd_ending(resolution, snapshot) if is_final else []
        found |= _not_as_asked(resolution, odd)
        if is_final:
            return Outcome(Verdict.DONE, f"the invoice is {state}", found, is_traced=True)
        why = "accepted, but the invoice is still as it was"
        return Outcome(Verdict.OPEN, why, found if ours else {}, is_traced=True)
    if not new and not (is_final and asked["call"] == SETTLEMENT):
        return Outcome(Verdict.OPEN, f"no trace of it (the invoice is {state}), and it may still be accepted, unseen")
    by = "not by this settlement"
    if new:
        by = f"by a refund {_to(new[0].address)}, and {_to(asked.get('address'))} was asked"
    if is_final:
        return Outcome(Verdict.NOT_DONE, f"the invoice ended as {state}, {by}", found, is_traced=bool(new))
    return Outcome(Verdict.OPEN, f"the invoice is {state}, and is being resolved {by}", is_traced=True)


def outcome_of_withdrawal(resolution: Resolution, shown: CoinWithdrawal | None) -> Outcome:
    """Judge from the data that was read whether the gateway has accepted the refund of a completed invoice.

    What becomes of the coins is in the row of the refund. If the gateway shows a preview or no withdrawal, the
    resolution stays open: the call that commits the preview may still be on its way. A withdrawal that the gateway has
    cancelled sent no coins.
    """
    if shown is None or shown.status == PREVIEW:
        what = "no withdrawal" if shown is None else "a preview, which was not committed"
        if resolution.result:
            return Outcome(Verdict.OPEN, f"accepted, but the gateway shows {what}", is_traced=True)
        return Outcome(Verdict.OPEN, f"no trace of it: the gateway shows {what}. It may still be accepted, unseen")
    found = withdrawal_figures(shown)
    if shown.status == CANCELLED:
        return Outcome(Verdict.NOT_DONE, f"the gateway has cancelled withdrawal {shown.id}: no coins were sent", found)
    found |= _not_as_asked(resolution, oddities_of_withdrawal(resolution, shown))
    return Outcome(Verdict.DONE, f"withdrawal {shown.id} is {shown.status}", found, is_traced=True)


def _not_as_asked(resolution: Resolution, odd: Sequence[str]) -> dict[str, str]:
    """Return what was odd about the answer to the call, and what reading adds to it, each once; empty without any."""
    known: str = resolution.result.get(NOT_AS_ASKED, "")
    why = "; ".join(filter(None, [known, *(one for one in odd if one not in known)]))
    return {NOT_AS_ASKED: why} if why else {}


def withdrawal_figures(shown: CoinWithdrawal) -> dict[str, Any]:
    """Return what is kept of a withdrawal, as JSON. `amount` is what arrives."""
    exchange = shown.exchange
    fee, fee_currency = (exchange.fee, exchange.fee_currency) if exchange else (shown.fee, shown.fee_currency)
    return {
        "withdrawal_id": str(shown.id),
        "withdrawal_status": shown.status,
        "amount": f"{shown.received_amount:f}",
        "currency": shown.received_currency,
        "charged_amount": f"{shown.charged_amount:f}",
        "charged_currency": shown.charged_currency,
        "received_currency": shown.received_currency,
        "network_fee_amount": None if shown.network_fee is None else f"{shown.network_fee:f}",
        "fee_amount": None if fee is None else f"{fee:f}",
        "fee_currency": fee_currency,
        "address": shown.address,
    }


def oddities_of_withdrawal(resolution: Resolution, shown: CoinWithdrawal) -> list[str]:
    """Return in words what a withdrawal has otherwise than the person saw in the quote; nothing where it is so."""
    asked, odd = resolution.parameters, []
    if str(shown.id) != asked["withdrawal_id"]:
        odd.append(f"it is withdrawal {shown.id}, and {asked['withdrawal_id']} was asked")
    if not is_same_place(asked["address"], shown.address):
        odd.append(f"the coins go {_to(shown.address)}, and {_to(asked['address'])} was asked")
    if shown.network and asked.get("network") and shown.network != asked["network"]:
        odd.append(f"they go on {shown.network}, and {asked['network']} was asked")
    odd += _odd_amount("what arrives is", shown.received_amount, shown.received_currency, asked["received_amount"],
                       asked["pay_currency"])  # fmt: skip
    odd += _odd_amount("what is charged is", shown.charged_amount, shown.charged_currency, asked["charged_amount"],
                       asked["charged_currency"])  # fmt: skip
    return odd


def refund_figures(refund: Refund) -> dict[str, Any]:
    """Return what is kept of a refund, as JSON."""
    return {
        "refund_id": str(refund.id),
        "amount": f"{refund.amount:f}",
        "currency": refund.amount_currency,
        "fee_amount": None if refund.fee is None else f"{refund.fee:f}",
        "fee_currency": refund.fee_currency,
        "address": refund.address,
    }


def oddities_of_refund(resolution: Resolution, refund: Refund) -> list[str]:
    """Return in words what a refund of the gateway has otherwise than was asked; nothing where it is as asked."""
    asked, odd = resolution.parameters, []
    if refund.invoice_id != resolution.invoice.gateway_id:
        odd.append(f"it is a refund of another invoice, {refund.invoice_id}")
    if str(refund.id) in resolution.known_refund_ids:
        odd.append(f"refund {refund.id} was there before it was asked for")
    if not is_same_place(asked.get("address"), refund.address):
        odd.append(f"the coins go {_to(refund.address)}, and {_to(asked.get('address'))} was asked")
    if refund.network and asked.get("network") and refund.network != asked["network"]:
        odd.append(f"they go on {refund.network}, and {asked['network']} was asked")
    coin = asked.get("pay_currency", refund.amount_currency)
    right = _right_amounts(asked)
    if refund.amount_currency != coin or (right and refund.amount not in right):
        wanted = " or ".join(f"{amount:f}" for amount in right)
        odd.append(f"it is {refund.amount:f} {refund.amount_currency}, and {wanted} {coin} was asked")
    if refund.fee and (refund.fee >= refund.amount or refund.fee_currency not in (None, refund.amount_currency)):
        odd.append(f"its fee is {refund.fee:f} {refund.fee_currency}, of {refund.amount:f} {refund.amount_currency}")
    return odd


def oddities_of_commit(resolution: Resolution, made: Recalculation) -> list[str]:
    """Return in words what a settlement of the gateway has otherwise than the person saw in the quote."""
    asked, odd = resolution.parameters, []
    if made.invoice_id != resolution.invoice.gateway_id:
        odd.append(f"it is a settlement of another invoice, {made.invoice_id}")
    if str(made.id) != asked["recalculation_id"]:
        odd.append(f"it is recalculation {made.id}, and {asked['recalculation_id']} was asked")
    odd += _odd_amount("credited is", made.price_amount, made.price_currency, asked.get("credited_amount"),
                       asked.get("price_currency"))  # fmt: skip
    odd += _odd_amount("it is for", made.pay_amount, made.pay_currency, asked.get("paid_amount"),
                       asked.get("pay_currency"))  # fmt: skip
    return odd


def _odd_ending(resolution: Resolution, snapshot: InvoiceSnapshot) -> list[str]:
    """Return what is odd about how the invoice ended."""
    asked, completed = resolution.parameters, InvoiceStatus.COMPLETED
    is_over = asked.get("status_context") == StatusContext.OVERPAID
    expected = {completed}
    if asked["call"] == REFUND and not asked.get("refund_overage"):
        # Of an overpaid invoice the gateway refunds the overage, and now and then all of it.
        expected = {completed, InvoiceStatus.REFUNDED} if is_over else {InvoiceStatus.REFUNDED}
    if snapshot.status not in expected:
        return [f"the invoice ended as {snapshot.status}, and {' or '.join(sorted(expected))} was expected"]
    if asked["call"] != SETTLEMENT:
        return []
    return _odd_amount("credited is", snapshot.price_amount, snapshot.price_currency, asked.get("credited_amount"),
                       asked.get("price_currency"))  # fmt: skip


def _odd_amount(what: str, amount: Decimal, currency: str, asked: str | None, asked_currency: str | None) -> list[str]:
    if asked is None or (amount, currency) == (Decimal(asked), asked_currency):
        return []
    return [f"{what} {amount:f} {currency}, and {asked} {asked_currency} was asked"]


def _right_amounts(asked: Mapping[str, Any]) -> list[Decimal]:
    """Return the amounts that a refund may have; none where that is not known."""
    if "paid_amount" not in asked:
        return []
    paid = Decimal(asked["paid_amount"])
    if asked.get("status_context") != StatusContext.OVERPAID:
        return [paid]
    if asked.get("pay_amount") is None:
        return []
    overage = EXACT.subtract(paid, Decimal(asked["pay_amount"]))
    return [overage] if asked.get("refund_overage") else [overage, paid]


def _to(address: str | None) -> str:
    return "to the merchant's own account" if address is None else f"to {address}"
