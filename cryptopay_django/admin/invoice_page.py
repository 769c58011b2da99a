"""Prepares the page of an invoice: the meaning of its state, and which actions are possible, for which users.

The view and the list: `invoice.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.urls import NoReverseMatch
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from ..conf import app_settings
from ..exceptions import NotResolvableError
from ..links import path_of
from ..models import EventKind, Invoice, InvoiceStatus, NoticeKind, Refund, Resolution, StatusContext
from ..pages.receipt import can_be_pdf
from ..permissions import Act, may
from ..services import check_resolvable, check_returnable, named_refund_address
from ..services.accounts import is_in_force
from ..services.invoices.receipt import read_receipt
from ..services.resolution.end_by_hand import is_endable
from ..services.resolution.refundable_amount import refundable_amount_of
from ..services.resolution.release import is_settled_short
from . import display
from .access import is_planner, may_decide, may_refund, may_view_callbacks
from .refund import refund_rows
from .refund_link_text import named_text, place_in
from .timeline import Timeline, timeline_of

_ALARMS = (EventKind.INVOICE_UNRESOLVED, EventKind.RISK_HIGH)


@dataclass(frozen=True)
class Button:
    """One thing that can be done. `where` is the name of its page; `why_not` says why this user cannot."""

    where: str
    label: str
    promise: str
    why_not: str = ""


def page_context(invoice: Invoice, user: Any, *, now: datetime, site_name: str) -> dict[str, Any]:
    """Return what the template of an invoice's page shows beside its fields."""
    active = invoice.resolutions.filter(active=True).first()
    timeline = timeline_of(invoice, site_name=site_name)
    payments = list(invoice.payments.order_by("detected_at", "pk"))
    is_held = invoice.status_context == StatusContext.ILLICIT_RESOURCE
    is_short = is_settled_short(invoice)
    refunds = refund_rows(invoice)
    return {
        "invoice": invoice,
        "short_name": display.short_name(invoice),
        "badges": display.state_badges(invoice, now),
        "meaning": meaning_of(invoice, now=now, is_short=is_short, is_delivered=timeline.is_delivered),
        "payments": [
            (payment, display.transaction_link(payment.txid, invoice.network, invoice.environment),
             display.risk_badge(payment), display.amount(payment.amount, invoice.pay_currency))
            for payment in payments
        ],
        "refunds": refunds,
        "named": named_facts(invoice),
        "timeline": timeline,
        "reported": [entry for entry in timeline.entries if entry.kind in _ALARMS] if is_held else [],
        "is_held": is_held,
        "notices": list(notices_of(timeline, app_settings.of(invoice.account).NOTICE_RECIPIENTS)) if is_held else [],
        "contact": display.monitoring_contact(invoice.account),
        "active": active,
        "active_facts": resolution_facts(active) if active else [],
        **(second_person(active, user) if active else {}),
        "buttons": [] if active else buttons_for(invoice, user, refunds=refunds, is_short=is_short),
        "may_refresh": may(user, Act.REFRESH),
        "may_view_callbacks": may_view_callbacks(user),
        "site_name": site_name,
        "receipts": receipts_of(invoice),
    }  # fmt: skip


def receipts_of(invoice: Invoice) -> list[tuple[str, str]]:
    """Return the name and URL of the receipt of an invoice, and of its PDF; nothing where there is none.

    It is the customer's page, which shows staff the fee too.
    """
    if invoice.status not in (InvoiceStatus.COMPLETED, InvoiceStatus.REFUNDED):
        return []
    found = read_receipt(invoice.pk)
    try:
        url = path_of("receipt", invoice.pk) if found is not None else ""
    except NoReverseMatch:
        url = ""
    if found is None or not url:
        return []
    pdf = f"{url}?{urlencode({'format': 'pdf', 'lang': get_language() or ''})}"
    return [(_("Receipt"), url), *([(_("Receipt (PDF)"), pdf)] if can_be_pdf(found) else [])]


def notices_of(timeline: Timeline, recipients: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Return for each alarming event who of our own people got a notice, or will get one."""
    for entry in timeline.entries:
        if entry.kind not in _ALARMS:
            continue
        kind = NoticeKind.HELD if entry.kind == EventKind.INVOICE_UNRESOLVED else NoticeKind.HIGH_RISK
        people = ", ".join(recipients.get(kind.value, ()))
        values = {"at": display.moment_text(entry.at), "kind": kind.label, "people": people}
        if not people:
            yield _("notice “%(kind)s” of %(at)s: no recipient is named (CRYPTOPAY_NOTICE_RECIPIENTS)") % values
        elif entry.is_notice_due:
            yield _("notice “%(kind)s” of %(at)s: still to be sent to %(people)s") % values
        else:
            yield _("notice “%(kind)s” of %(at)s: sent to %(people)s") % values


def named_facts(invoice: Invoice) -> dict[str, str] | None:
    """Return which address the customer named for a refund, and when; None if none."""
    link = named_refund_address(invoice)
    return None if link is None else {"place": place_in(link), "when": named_text(link)}


def second_person(resolution: Resolution, user: Any) -> dict[str, bool]:
    """Return who may confirm, withdraw (also one's own) or end by hand what is under way."""
    is_own = is_planner(user, resolution)
    allowed = may_decide(user, resolution)
    return {
        "may_approve": resolution.awaits_approval,
        "is_planner": is_own,
        "can_approve": allowed and not is_own,
        "can_withdraw": allowed,
        "can_end": allowed and is_endable(resolution),
    }


def buttons_for(invoice: Invoice, user: Any, *, refunds: Sequence[Mapping[str, Any]], is_short: bool) -> list[Button]:
    """Return what can be done to an invoice as it stands; what this user may not do says whom to ask."""
    buttons: list[Button] = []
    if can_be_resolved(invoice):
        is_over = invoice.status_context == StatusContext.OVERPAID
        paid = display.amount(invoice.paid_amount, invoice.pay_currency)
        credit = _("Credits the paid amount or the ordered amount. The invoice becomes completed.")
        today = _(
            "Credits the %(paid)s at the current rate, not at the rate of the order. The invoice becomes completed."
        )
        buttons.append(
            Button(
                "settle",
                _("Settle…"),
                credit if is_over else today % {"paid": paid},
                "" if may(user, Act.SETTLE) else _("You may not settle invoices."),
            )
        )
        over = _("Sends back the overage and credits the ordered amount.")
        whole = _("Sends back all %(paid)s, less the gateway's fee. Nothing is credited.")
        buttons.append(
            Button(
                "refund",
                _("Refund…"),
                over if is_over else whole % {"paid": paid},
                "" if may_refund(user) else _("You may not refund invoices."),
            )
        )
    rows = [one["refund"] for one in refunds]
    if can_be_resolved(invoice) or _is_left(invoice, rows):
        promise = _("Makes a link by which the customer names the address for a refund. Moves no money.")
        why_not = "" if may(user, Act.REFUND_TO_ADDRESS) else _("You may not refund to an address.")
        buttons.append(Button("refund-link", _("Ask for an address…"), promise, why_not))
    if invoice.quarantine_reason or is_short:
        promise = (
            _("Ends the quarantine. The withheld events are delivered to the shop at once. Moves no money.")
            if invoice.quarantine_reason
            else _("Treats the order as paid although less was credited. The shop ships. Moves no money.")
        )
        label = _("Release…") if invoice.quarantine_reason else _("Accept the shortfall…")
        why_not = "" if may(user, Act.RELEASE) else _("You may not release invoices.")
        buttons.append(Button("release", label, promise, why_not))
    return [*buttons, *_return_button(invoice, user, rows)]


def _is_left(invoice: Invoice, refunds: Sequence[Refund]) -> bool:
    """Return whether something of a completed invoice is left that an address could be asked for."""
    if invoice.status != InvoiceStatus.COMPLETED or invoice.quarantine_reason:
        return False
    return not invoice.settled_amount or bool(refundable_amount_of(invoice, refunds).value_amount)


def _return_button(invoice: Invoice, user: Any, refunds: Sequence[Refund]) -> list[Button]:
    """Return the button that sends back what a completed invoice was paid, while something is left of it."""
    try:
        check_returnable(invoice)
    except NotResolvableError:
        return []
    left = refundable_amount_of(invoice, refunds)
    if not left.value_amount:
        return []
    promise = _(
        "For goods that come back: sends coins to the customer from our %(currency)s account. Up to %(left)s is left."
    ) % {
        "currency": left.price_currency,
        "left": display.amount(left.value_amount, left.price_currency),
    }
    why_not = "" if may(user, Act.REFUND_TO_ADDRESS) else _("You may not refund invoices to an address.")
    return [Button("return", _("Refund…"), promise, why_not)]


def can_be_resolved(invoice: Invoice) -> bool:
    """Return whether staff can settle or refund an invoice at all."""
    try:
        check_resolvable(invoice)
    except NotResolvableError:
        return False
    return True


def resolution_facts(resolution: Resolution) -> list[tuple[str, str]]:
    """Return what is being done, by whom and why."""
    return [
        (_("what"), str(resolution.get_kind_display())),
        (_("planned by"), resolution.actor),
        (_("reason"), resolution.reason),
        (_("since"), display.moment_text(resolution.created_at)),
        *([(_("confirmed by"), resolution.approver)] if resolution.approver else []),
        *(
            [(_("amount"), display.amount(Decimal(asked["amount"]), asked["currency"]))]
            if (asked := resolution.parameters).get("amount")
            else []
        ),
        *([(_("to the address"), address)] if (address := resolution.parameters.get("address")) else []),
        *([(_("tag or memo"), _("none is needed"))] if resolution.parameters.get("without_tag") else []),
        *([(_("what is known"), resolution.error)] if resolution.error else []),
    ]


def meaning_of(invoice: Invoice, *, now: datetime, is_short: bool, is_delivered: bool) -> str:
    """Return a sentence or two: what the state means, and whether anybody has to act."""
    delivered = _("Paid and credited. The shop was notified that it can ship. You do not have to do anything.")
    if not is_in_force(invoice):
        return _(
            "This invoice belongs to another environment (%(environment)s) than its account uses now. You can only "
            "view it."
        ) % {"environment": invoice.environment or "?"}
    undelivered = _("Paid and credited. The shop is not notified yet and does not ship: see the timeline.")
    if invoice.quarantine_reason:
        return _("Quarantined until a person decides; nothing is delivered meanwhile: %(reason)s.") % {
            "reason": display.in_order(invoice.quarantine_reason.rstrip("."))
        }
    texts = {
        InvoiceStatus.NEW: _new(invoice, now),
        InvoiceStatus.UNRESOLVED: _unresolved(invoice),
        InvoiceStatus.COMPLETED: delivered if is_delivered else undelivered,
        InvoiceStatus.REFUNDED: _("The payment was refunded. Nothing was credited. You do not have to do anything."),
        InvoiceStatus.CANCELLED: _(
            "It was not paid, or not confirmed by the network, within 14 days. You do not have to do anything."
        ),
    }
    if is_short:
        return _("The gateway credited less than the ordered amount. The shop has not shipped. Someone must decide.")
    return texts[InvoiceStatus(invoice.status)]


def _new(invoice: Invoice, now: datetime) -> str:
    if invoice.paid_amount:
        return _("A payment was seen, but the network has not confirmed it yet. Wait.")
    if invoice.is_expired(now):
        return _("Not paid in time. A late payment is still possible; after 14 days the gateway cancels the invoice.")
    return _("Waiting for the customer's payment.")


def _unresolved(invoice: Invoice) -> str:
    texts = {
        StatusContext.UNDERPAID: _("The customer paid too little. The gateway keeps the coins until someone decides."),
        StatusContext.OVERPAID: _("The customer paid too much. The gateway keeps all of it until someone decides."),
        StatusContext.PAID_LATE: _(
            "The customer paid after the rate had expired. The gateway keeps the coins until someone decides."
        ),
        StatusContext.ILLICIT_RESOURCE: _(
            "The gateway holds this payment as high-risk and examines it. It cannot be settled or refunded here."
        ),
    }
    context = invoice.status_context
    if context in StatusContext:
        return texts[StatusContext(context)]
    return _("Unresolved for an unknown reason: %(context)s. Resolve it in the account at the gateway.") % {
        "context": context
    }
