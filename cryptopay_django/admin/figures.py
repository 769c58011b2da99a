"""Prepares the figures above each form, and the text that says what the button does to the money."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from ..fields import EXACT
from ..gateway.currencies import FIAT
from ..gateway.tags import TAG_NAMES
from ..models import Invoice, Resolution, StatusContext
from ..services import SettlementQuote, check_resolvable, quote_settlement
from ..services.resolution.rules import needs_second_person
from ..services.resolution.verdicts import COMMIT
from ..services.snapshots.merge import pays_for_order
from . import display

Row = tuple[str, str, str]


def settle_context(invoice: Invoice) -> dict[str, Any]:
    """Ask for a quote, and lay it out. Raises what `quote_settlement` raises."""
    quote = quote_settlement(invoice)
    is_over = invoice.status_context == StatusContext.OVERPAID
    rows = _rate_rows(quote) if is_over else quote_rows(quote)
    return {
        "title": _("Settle invoice %(name)s") % {"name": display.short_name(invoice)},
        "figures": [*_payment_rows(invoice), *rows],
        "choices": _overpaid_choices(invoice, quote) if is_over else [],
        "consequences": _settle_consequences(invoice, quote),
        "alarms": [],
        "submit": _("Settle"),
        **quote_clock(quote),
        **_second_person(invoice),
    }


def quote_clock(quote: SettlementQuote) -> dict[str, Any]:
    """Return what counts a quote down, and the quote itself for the form."""
    left = max(0, int((quote.expires_at - timezone.now()).total_seconds()))
    return {"sealed_quote": quote.seal(), "seconds_left": left}


def quote_rows(quote: SettlementQuote) -> list[Row]:
    """Return what would be credited, at what rate, against what was ordered."""
    price = quote.price_currency
    credited = _("less than ordered") if quote.shortfall_amount else _("covers the order")
    fee_note = _("of the service, taken from what is credited")
    rows = [
        (_("credited"), display.amount(quote.credited_amount, price), credited),
        (_("against ordered"), display.amount(quote.ordered_amount, price), ""),
        (_("shortfall"), _shortfall(quote), ""),
        (_("fee"), display.amount(quote.fee_amount, quote.fee_currency or price), fee_note),
    ]
    return [*rows, *_rate_rows(quote)]


def _rate_rows(quote: SettlementQuote) -> list[Row]:
    if quote.exchange_rate is None:
        return []
    price = quote.price_currency
    before = display.amount(quote.previous_exchange_rate, price)
    note = _("was %(rate)s when the invoice was made") % {"rate": before} if quote.previous_exchange_rate else ""
    return [(_("rate now"), f"1 {quote.pay_currency} = {display.amount(quote.exchange_rate, price)}", note)]


def _shortfall(quote: SettlementQuote) -> str:
    if not quote.shortfall_amount:
        return _("none")
    share = EXACT.divide(EXACT.multiply(quote.shortfall_amount, Decimal(100)), quote.ordered_amount)
    return f"{display.amount(quote.shortfall_amount, quote.price_currency)} ({share:.1f} %)"


def _settle_consequences(invoice: Invoice, quote: SettlementQuote) -> list[str]:
    paid = display.amount(quote.paid_amount, quote.pay_currency)
    credited = display.amount(quote.credited_amount, quote.price_currency)
    texts = [_("The service sells the %(paid)s and credits %(credited)s, less its fee, to our account.")]
    if invoice.status_context == StatusContext.OVERPAID:
        texts = [_("The service credits what you choose above. Nothing goes back to the customer either way.")]
    if pays_for_order(invoice, quote.credited_amount):
        texts.append(_("The invoice becomes completed, and the shop delivers."))
    else:
        texts.append(
            _(
                "The invoice becomes completed, but settled short: the shop does NOT deliver until somebody accepts "
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
            _("for all that was paid, at the rate of now, less a fee of %(fee)s; nothing is sent back")
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
    worth = display.at_rate(invoice, back)
    amount = display.amount(back, invoice.pay_currency)
    note = _("what was paid too much") if is_over else _("all that was paid")
    consequences = (
        [
            _("The service sends back %(amount)s, what was paid too much, and credits what was ordered."),
            _("The invoice usually becomes completed, and the shop delivers; the service decides."),
        ]
        if is_over
        else [
            _("The service sends back %(amount)s. Nothing is credited."),
            _("The invoice becomes refunded, and the shop closes the order."),
        ]
    )
    consequences.append(_("This cannot be undone: coins that were sent to a wrong address are lost."))
    return {
        "title": _("Refund invoice %(name)s") % {"name": display.short_name(invoice)},
        "figures": [
            *_payment_rows(invoice),
            (_("refunded"), amount, note),
            (_("worth"), display.amount(worth, invoice.price_currency), _("at the rate of the order")),
            (
                _("less the fee"),
                _("set by the service"),
                _("the service reports it with the refund; it is shown then"),
            ),
            (_("on the network"), invoice.network or display.NOTHING, ""),
        ],
        "choices": [],
        "consequences": [text % {"amount": amount} for text in consequences],
        "alarms": [
            _(
                "Without an address of the customer the coins go to OUR OWN %(coin)s account with the service. "
                "The customer gets nothing by that."
            )
            % {"coin": invoice.pay_currency},
            *_tag_alarms(invoice),
        ],
        "submit": _("Refund"),
        **_second_person(invoice),
    }


def _tag_alarms(invoice: Invoice) -> list[str]:
    """Warn of what is lost without a tag or memo, more urgently where the payment is from an exchange."""
    if invoice.network not in TAG_NAMES:
        return []
    values = {"network": invoice.network}
    paid = invoice.payments.filter(risk_resource_category__icontains="exchange").first()
    texts = [
        _("At an exchange many people share one %(network)s address: coins without the destination tag are lost.")
        % values
    ]
    if paid is not None:
        name = paid.risk_resource_name or paid.risk_resource_category
        texts.append(_("This payment is from an exchange (%(name)s): an address there needs one.") % {"name": name})
    return texts


def release_context(invoice: Invoice) -> dict[str, Any]:
    """Lay out why an invoice is held, or by how much it was settled short."""
    price = invoice.price_currency
    figures = [*_payment_rows(invoice), (_("credited"), display.amount(invoice.settled_amount, price), "")]
    if invoice.settled_amount is not None and invoice.settled_amount < invoice.price_amount:
        short = EXACT.subtract(invoice.price_amount, invoice.settled_amount)
        figures.append((_("shortfall"), display.amount(short, price), ""))
    if invoice.quarantine_reason:
        title, submit = _("Release invoice %(name)s"), _("Release")
        consequences = [
            _("The quarantine ends, and what was held back is delivered to the shop at once: it may ship."),
            _("Moves no money. Check first that what is written below is explained."),
        ]
    else:
        title, submit = _("Accept the shortfall of invoice %(name)s"), _("Accept the shortfall")
        consequences = [
            _("The invoice counts as paid: the shop is notified that it is completed, and delivers."),
            _("Moves no money: what is missing is not asked for any more."),
        ]
    return {
        "title": title % {"name": display.short_name(invoice)},
        "figures": figures,
        "choices": [],
        "consequences": consequences,
        "alarms": [_("Held because: %(reason)s") % {"reason": invoice.quarantine_reason}]
        if invoice.quarantine_reason
        else [],
        "submit": submit,
    }


def approve_context(resolution: Resolution) -> dict[str, Any]:
    """Lay out what the first person decided; of a settlement also a quote of now, for theirs has expired."""
    invoice = resolution.invoice
    is_commit = resolution.parameters.get("call") == COMMIT
    quote = quote_settlement(invoice) if is_commit else None
    address = resolution.parameters.get("address")
    over = resolution.parameters.get("refund_overage")
    if quote is not None:
        what = _settle_consequences(invoice, quote)
    elif over:
        what = [_("The ordered amount is credited; the overage is refunded to OUR OWN coin account.")]
    elif address:
        what = [_("The refund goes to the address %(address)s.") % {"address": address}]
        if resolution.parameters.get("without_tag"):
            what.append(_("The first person says that this address needs no destination tag or memo."))
    else:
        what = [_("The refund goes to OUR OWN coin account. The customer gets nothing by this.")]
    rows = [
        (_("planned by"), resolution.actor, display.moment_text(resolution.created_at)),
        (_("reason"), "", resolution.reason),
        *_payment_rows(invoice),
        *(quote_rows(quote) if quote else []),
    ]
    return {
        "title": _("Confirm: %(kind)s invoice %(name)s")
        % {"kind": resolution.get_kind_display(), "name": display.short_name(invoice)},
        "figures": rows,
        "choices": [],
        "consequences": what,
        "alarms": [],
        "submit": _("Confirm, and send it"),
        **(quote_clock(quote) if quote else {}),
    }


def end_context(resolution: Resolution) -> dict[str, Any]:
    """Lay out what was asked of the service, and what it means to end that by hand."""
    asked, invoice = resolution.parameters, resolution.invoice
    if asked.get("call") == COMMIT:
        credited = f"{asked.get('credited_amount')} {asked.get('price_currency')}"
        what = _("credit %(amount)s") % {"amount": credited}
    else:
        where = asked.get("address") or _("our own coin account")
        what = _("refund to %(where)s") % {"where": where}
    return {
        "title": _("End by hand: %(kind)s invoice %(name)s")
        % {"kind": resolution.get_kind_display(), "name": display.short_name(invoice)},
        "figures": [
            (_("asked"), what, ""),
            (_("sent"), display.moment_text(resolution.sent_at or resolution.created_at), ""),
            (_("planned by"), resolution.actor, ""),
            (_("reason"), "", resolution.reason),
            (_("what is known"), "", resolution.error),
            *_payment_rows(invoice),
        ],
        "choices": [],
        "consequences": [
            _("The service is asked once more. If it shows anything of this, nothing is ended here."),
            _("It counts as not done, and the invoice can be settled or refunded again."),
        ],
        "alarms": [
            _(
                "The service may have accepted it and act on it later. Then the coins can leave twice. Look in the "
                "account, or ask the service, before you end it."
            )
        ],
        "submit": _("End it"),
    }


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
        (_("was to pay"), display.amount(invoice.pay_amount, invoice.pay_currency), ""),
        (_("paid"), display.amount(invoice.paid_amount, invoice.pay_currency), note),
    ]


def _second_person(invoice: Invoice) -> dict[str, Any]:
    return {"second_person": needs_second_person(invoice)}
