"""Prepares the preview of each form: the amounts, and a text that says what the button does to the money."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from ..fields import EXACT, canonical
from ..gateway.currencies import FIAT
from ..gateway.tags import LARGEST_TAG, parted
from ..models import Invoice, Resolution, StatusContext
from ..services import (
    FeeBearer,
    RefundQuote,
    SettlementQuote,
    check_resolvable,
    check_returnable,
    quote_again,
    quote_settlement,
)
from ..services.resolution.judge_outcome import SETTLEMENT, WITHDRAWAL
from ..services.resolution.refundable_amount import refundable_amount_of
from ..services.resolution.rules import needs_second_person
from ..services.snapshots.merge import pays_for_order
from ..services.snapshots.refund_rows import value_of
from . import display

Row = tuple[str, str, str]


def settle_context(invoice: Invoice) -> dict[str, Any]:
    """Ask for a quote, and lay it out. Raises what `quote_settlement` raises."""
    quote = quote_settlement(invoice)
    is_over = invoice.status_context == StatusContext.OVERPAID
    rows = _rate_rows(quote) if is_over else quote_rows(quote)
    return {
        "title": _("Settle invoice %(name)s") % {"name": display.short_name(invoice)},
        "amounts": [*_payment_rows(invoice), *rows],
        "choices": _overpaid_choices(invoice, quote) if is_over else [],
        "consequences": _settle_consequences(invoice, quote),
        "alarms": [],
        "submit": _("Settle"),
        **quote_clock(quote),
        **_second_person(invoice),
    }


def quote_clock(quote: SettlementQuote | RefundQuote) -> dict[str, Any]:
    """Return what counts a quote down, and the quote itself for the form."""
    left = max(0, int((quote.expires_at - timezone.now()).total_seconds()))
    return {"sealed_quote": quote.seal(), "seconds_left": left}


def quote_rows(quote: SettlementQuote) -> list[Row]:
    """Return what would be credited, at what rate, against what was ordered."""
    price = quote.price_currency
    credited = _("less than ordered") if quote.shortfall_amount else _("covers the order")
    fee_note = _("the gateway's fee, deducted from the credited amount")
    rows = [
        (_("credited"), display.amount(quote.credited_amount, price), credited),
        (_("shortfall"), _shortfall(quote), ""),
        (_("fee"), display.amount(quote.fee_amount, quote.fee_currency or price), fee_note),
    ]
    return [*rows, *_rate_rows(quote)]


def _rate_rows(quote: SettlementQuote) -> list[Row]:
    if quote.exchange_rate is None:
        return []
    price = quote.price_currency
    before = display.amount(quote.previous_exchange_rate, price)
    note = _("it was %(rate)s when the invoice was created") % {"rate": before} if quote.previous_exchange_rate else ""
    return [(_("current rate"), display.rate(quote.exchange_rate, quote.pay_currency, price), note)]


def _shortfall(quote: SettlementQuote) -> str:
    if not quote.shortfall_amount:
        return _("none")
    share = EXACT.divide(EXACT.multiply(quote.shortfall_amount, Decimal(100)), quote.ordered_amount)
    return f"{display.amount(quote.shortfall_amount, quote.price_currency)} ({share:.1f} %)"


def _settle_consequences(invoice: Invoice, quote: SettlementQuote) -> list[str]:
    paid = display.amount(quote.paid_amount, quote.pay_currency)
    credited = display.amount(quote.credited_amount, quote.price_currency)
    texts = [_("The gateway sells the %(paid)s and credits %(credited)s, less its fee, to our account.")]
    if invoice.status_context == StatusContext.OVERPAID:
        texts = [_("The gateway credits the amount that you choose above. Nothing is sent back to the customer.")]
    if pays_for_order(invoice, quote.credited_amount):
        texts.append(_("The invoice becomes completed, and the shop ships."))
    else:
        texts.append(
            _(
                "The invoice becomes completed, but settled short: the shop does NOT ship until someone accepts "
                "the shortfall."
            )
        )
    texts.append(_("This cannot be undone."))
    return [text % {"paid": paid, "credited": credited} for text in texts]


def _overpaid_choices(invoice: Invoice, quote: SettlementQuote) -> list[Row]:
    found = display.difference(invoice)
    over = display.amount(found.coin, invoice.pay_currency) if found else display.NOTHING
    worth = display.amount(found.price, invoice.price_currency) if found and found.price is not None else ""
    return [
        (
            _("Credit everything"),
            display.amount(quote.credited_amount, quote.price_currency),
            _("the whole paid amount at the current rate, less a fee of %(fee)s; nothing is sent back")
            % {"fee": display.amount(quote.fee_amount, quote.fee_currency or quote.price_currency)},
        ),
        (
            _("Credit the ordered amount"),
            display.amount(invoice.price_amount, invoice.price_currency),
            _("as ordered; the overage of %(over)s (≈ %(worth)s), less a fee, goes to OUR OWN coin account")
            % {"over": over, "worth": worth},
        ),
    ]


def refund_context(invoice: Invoice) -> dict[str, Any]:
    """Lay out who gets what, where, in which coin. Raises NotResolvableError."""
    check_resolvable(invoice)
    is_over = invoice.status_context == StatusContext.OVERPAID
    found = display.difference(invoice)
    back = found.coin if is_over and found else invoice.paid_amount
    worth = value_of(invoice, back)
    amount = display.amount(back, invoice.pay_currency)
    note = _("what was paid too much") if is_over else _("all that was paid")
    consequences = (
        [
            _("The gateway sends back the overage of %(amount)s and credits the ordered amount."),
            _("The invoice usually becomes completed, and the shop ships. The gateway decides this."),
        ]
        if is_over
        else [
            _("The gateway sends back %(amount)s. Nothing is credited."),
            _("The invoice becomes refunded, and the shop closes the order."),
        ]
    )
    consequences.append(_("This cannot be undone. Coins sent to a wrong address are lost."))
    return {
        "title": _("Refund invoice %(name)s") % {"name": display.short_name(invoice)},
        "amounts": [
            *_payment_rows(invoice),
            (_("refunded"), amount, note),
            (_("worth"), display.amount(worth, invoice.price_currency), _("at the rate of the order")),
            (
                _("fee"),
                _("set by the gateway"),
                _("the gateway reports it with the refund; it is shown then"),
            ),
            (_("network"), display.network(invoice.network, invoice.pay_currency), ""),
        ],
        "choices": [],
        "consequences": [text % {"amount": amount} for text in consequences],
        "alarms": [
            _(
                "Without an address of the customer, the coins go to OUR OWN %(coin)s account at the gateway. "
                "The customer gets nothing."
            )
            % {"coin": invoice.pay_currency},
            *_tag_alarms(invoice),
        ],
        "submit": _("Refund now"),
        **_second_person(invoice),
    }


def return_initial(invoice: Invoice) -> dict[str, Any]:
    """Return what the form for a refund of a completed invoice begins with: all that is left."""
    left = refundable_amount_of(invoice, list(invoice.refunds.all()))
    return {"amount": f"{canonical(left.value_amount):f}", "currency": invoice.price_currency}


def return_context(invoice: Invoice) -> dict[str, Any]:
    """Lay out what of a completed invoice can still be sent back. Raises NotResolvableError."""
    check_returnable(invoice)
    left = refundable_amount_of(invoice, list(invoice.refunds.all()))
    coins = display.amount(left.amount, left.pay_currency)
    return {
        "title": _("Refund invoice %(name)s") % {"name": display.short_name(invoice)},
        "amounts": [
            *_payment_rows(invoice),
            (_("credited"), display.amount(invoice.settled_amount, invoice.price_currency), ""),
            (
                _("left to refund"),
                display.amount(left.value_amount, left.price_currency),
                _("or %(coins)s, at the rate of the order") % {"coins": coins} if left.amount else "",
            ),
            (_("network"), display.network(invoice.network, invoice.pay_currency), ""),
        ],
        "choices": [],
        "consequences": [
            _("The gateway is asked what this costs. You see the quote before anything is sent."),
            _("Our %(currency)s account pays. The invoice stays completed.") % {"currency": invoice.price_currency},
        ],
        "alarms": _tag_alarms(invoice),
        "submit": _("Show the quote"),
    }


def quoted_return_context(invoice: Invoice, quote: RefundQuote, *, reason: str) -> dict[str, Any]:
    """Lay out a quote for a refund of a completed invoice, before it is sent."""
    arrives = display.amount(quote.received_amount, quote.pay_currency)
    return {
        "title": _("Send the refund of invoice %(name)s") % {"name": display.short_name(invoice)},
        "amounts": [*return_rows(quote), (_("reason"), "", reason)],
        "choices": [],
        "consequences": return_consequences(quote),
        "alarms": _balance_alarms(quote),
        "submit": _("Send %(amount)s") % {"amount": arrives},
        "can_change": True,
        "second_person": needs_second_person(invoice, charged=quote.charged_amount),
        **quote_clock(quote),
    }


def return_rows(quote: RefundQuote) -> list[Row]:
    """Return what a refund of a completed invoice costs, and brings."""
    price, coin = quote.price_currency, quote.pay_currency
    ours = quote.network_fee_borne_by == FeeBearer.MERCHANT
    borne = _("we bear it, on top") if ours else _("the customer bears it, out of the coins")
    address, tag = parted(quote.address)
    left = EXACT.subtract(quote.left_value_amount, quote.value_amount)
    rows = [
        (_("refunded"), display.amount(quote.amount, quote.currency), ""),
        (_("arrives"), display.amount(quote.received_amount, coin), ""),
        (_("to the address"), "", address),
        *([(_("tag or memo"), tag, "")] if tag and not quote.without_tag else []),
        *([(_("tag or memo"), _("none is needed"), _("you said so"))] if quote.without_tag else []),
        (_("network"), display.network(quote.network, coin), ""),
        (_("network fee"), display.amount(quote.network_fee_amount, coin), borne),
        (_("fee"), display.amount(quote.fee_amount, quote.fee_currency or price), _("the gateway's, we bear it")),
        (
            _("taken from our account"),
            display.amount(quote.charged_amount, quote.charged_currency),
            _("with all fees"),
        ),
        (_("balance of this account"), display.amount(quote.balance_amount, quote.charged_currency), ""),
    ]
    if quote.exchange_rate is not None:
        rows.append((_("current rate"), display.rate(quote.exchange_rate, coin, price), ""))
    return [*rows, (_("left to refund afterwards"), display.amount(left, price), "")]


def return_consequences(quote: RefundQuote) -> list[str]:
    """Return texts: what it means to commit the quote."""
    values = {
        "arrives": display.amount(quote.received_amount, quote.pay_currency),
        "charged": display.amount(quote.charged_amount, quote.charged_currency),
        "address": quote.address,
    }
    return [
        _("The gateway takes %(charged)s from our account and sends %(arrives)s to %(address)s.") % values,
        _("The invoice stays completed. The shop is notified of the refund."),
        _("This cannot be undone. Coins sent to a wrong address are lost."),
    ]


def _balance_alarms(quote: RefundQuote) -> list[str]:
    if quote.balance_amount is None or quote.balance_amount >= quote.charged_amount:
        return []
    return [_("The account has too little: the gateway will refuse this. Top it up first, or refund less.")]


def _tag_alarms(invoice: Invoice) -> list[str]:
    """Warn of what is lost without a tag or memo, more urgently where the payment is from an exchange."""
    if invoice.network not in LARGEST_TAG:
        return []
    values = {"network": display.network(invoice.network)}
    paid = invoice.payments.filter(risk_resource_category__icontains="exchange").first()
    texts = [
        _("At an exchange, many people share one %(network)s address. Coins without the destination tag are lost.")
        % values
    ]
    if paid is not None:
        name = paid.risk_resource_name or paid.risk_resource_category
        texts.append(
            _("This payment came from an exchange (%(name)s). An address there needs a tag.") % {"name": name}
        )
    return texts


def release_context(invoice: Invoice) -> dict[str, Any]:
    """Lay out why an invoice is quarantined, or by how much it was settled short."""
    price = invoice.price_currency
    amounts = [*_payment_rows(invoice), (_("credited"), display.amount(invoice.settled_amount, price), "")]
    if invoice.settled_amount is not None and invoice.settled_amount < invoice.price_amount:
        short = EXACT.subtract(invoice.price_amount, invoice.settled_amount)
        amounts.append((_("shortfall"), display.amount(short, price), ""))
    if invoice.quarantine_reason:
        title, submit = _("Release invoice %(name)s"), _("Release")
        consequences = [
            _("The quarantine ends, and the withheld events are delivered to the shop at once. It may ship."),
            _("This moves no money. First check that you can explain what is shown below."),
        ]
    else:
        title, submit = _("Accept the shortfall of invoice %(name)s"), _("Accept the shortfall")
        consequences = [
            _("The invoice counts as paid. The shop is notified that it is completed, and ships."),
            _("This moves no money. The missing amount is given up."),
        ]
    return {
        "title": title % {"name": display.short_name(invoice)},
        "amounts": amounts,
        "choices": [],
        "consequences": consequences,
        "alarms": [_("Held because: %(reason)s") % {"reason": display.in_order(invoice.quarantine_reason)}]
        if invoice.quarantine_reason
        else [],
        "submit": submit,
    }


def approve_context(resolution: Resolution) -> dict[str, Any]:
    """Lay out what the first person decided; of a settlement also a quote of now, for theirs has expired."""
    invoice = resolution.invoice
    is_commit = resolution.parameters.get("call") == SETTLEMENT
    quote = quote_settlement(invoice) if is_commit else None
    if resolution.parameters.get("call") == WITHDRAWAL:
        return _approve_return_context(resolution)
    address = resolution.parameters.get("address")
    over = resolution.parameters.get("refund_overage")
    if quote is not None:
        what = _settle_consequences(invoice, quote)
    elif over:
        what = [_("The ordered amount is credited; the overage is refunded to OUR OWN coin account.")]
    elif address:
        what = [_("The refund goes to the address %(address)s.") % {"address": address}]
        if resolution.parameters.get("without_tag"):
            what.append(_("The first person stated that this address needs no destination tag or memo."))
    else:
        what = [_("The refund goes to OUR OWN coin account. The customer gets nothing.")]
    rows = [
        (_("planned by"), resolution.actor, display.moment_text(resolution.created_at)),
        (_("reason"), "", resolution.reason),
        *_payment_rows(invoice),
        *(quote_rows(quote) if quote else []),
    ]
    return {
        "title": _("Confirm: %(kind)s invoice %(name)s")
        % {"kind": resolution.get_kind_display(), "name": display.short_name(invoice)},
        "amounts": rows,
        "choices": [],
        "consequences": what,
        "alarms": [],
        "submit": _("Confirm, and send it"),
        **(quote_clock(quote) if quote else {}),
    }


def _approve_return_context(resolution: Resolution) -> dict[str, Any]:
    """Lay out a refund of a completed invoice that waits, at a quote of now. Raises what `quote_refund` raises."""
    quote, asked = quote_again(resolution), resolution.parameters
    most = display.amount(Decimal(asked["most_charged_amount"]), asked["charged_currency"])
    return {
        "title": _("Confirm: %(kind)s invoice %(name)s")
        % {"kind": resolution.get_kind_display(), "name": display.short_name(resolution.invoice)},
        "amounts": [
            (_("planned by"), resolution.actor, display.moment_text(resolution.created_at)),
            (_("reason"), "", resolution.reason),
            *return_rows(quote),
            (_("at most"), most, _("if more would be taken from the account, nothing is sent")),
        ],
        "choices": [],
        "consequences": return_consequences(quote),
        "alarms": _balance_alarms(quote),
        "submit": _("Confirm, and send it"),
        **quote_clock(quote),
    }


def end_context(resolution: Resolution) -> dict[str, Any]:
    """Lay out what was asked of the gateway, and what it means to end that by hand."""
    asked, invoice = resolution.parameters, resolution.invoice
    if asked.get("call") == SETTLEMENT:
        credited = _asked_amount(asked, "credited_amount", "price_currency")
        what = _("credit %(amount)s") % {"amount": credited}
    else:
        where = asked.get("address") or _("our own coin account")
        what = _("refund to %(where)s") % {"where": where}
        if asked.get("amount"):
            values = {"amount": _asked_amount(asked, "amount", "currency"), "where": where}
            what = _("refund %(amount)s to %(where)s") % values
    return {
        "title": _("End by hand: %(kind)s invoice %(name)s")
        % {"kind": resolution.get_kind_display(), "name": display.short_name(invoice)},
        "amounts": [
            (_("asked"), what, ""),
            (_("sent"), display.moment_text(resolution.sent_at or resolution.created_at), ""),
            (_("planned by"), resolution.actor, ""),
            (_("reason"), "", resolution.reason),
            (_("what is known"), "", resolution.error),
            *_payment_rows(invoice),
        ],
        "choices": [],
        "consequences": [
            _("The app asks the gateway once more. If the gateway shows a result, nothing is ended here."),
            _("It then counts as not done, and the invoice can be settled or refunded again."),
        ],
        "alarms": [
            _(
                "The gateway may have accepted it and may still carry it out. Then the coins could be sent twice. "
                "Check the account at the gateway, or contact the gateway, before you end it."
            )
        ],
        "submit": _("End it"),
    }


def _asked_amount(asked: Mapping[str, Any], name: str, currency: str) -> str:
    value = asked.get(name)
    return display.amount(None if value is None else Decimal(value), asked.get(currency, ""))


def _payment_rows(invoice: Invoice) -> list[Row]:
    found = display.difference(invoice)
    note = ""
    if found is not None:
        words = _("%(amount)s is missing") if found.is_missing else _("%(amount)s too much")
        note = words % {"amount": display.amount(found.coin, invoice.pay_currency)}
        if found.price is not None and invoice.price_currency in FIAT:
            note += f" (≈ {display.amount(found.price, invoice.price_currency)})"
    return [
        (_("ordered"), display.amount(invoice.price_amount, invoice.price_currency), ""),
        (_("to pay"), display.amount(invoice.pay_amount, invoice.pay_currency), ""),
        (_("paid"), display.amount(invoice.paid_amount, invoice.pay_currency), note),
    ]


def _second_person(invoice: Invoice) -> dict[str, Any]:
    return {"second_person": needs_second_person(invoice)}
