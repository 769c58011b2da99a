"""Prepares the page of an invoice: the meaning of its state, and the acts that are possible, and for which users."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from ..conf import app_settings
from ..exceptions import NotResolvableError
from ..models import EventKind, Invoice, InvoiceStatus, NoticeKind, Resolution, StatusContext
from ..permissions import Act, may
from ..services import check_resolvable
from ..services.accounts import is_in_force
from ..services.resolution.end_by_hand import is_endable
from ..services.resolution.release import is_settled_short
from . import display
from .access import is_planner, may_decide, may_refund
from .refund import refund_rows
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
    return {
        "invoice": invoice,
        "short_name": display.short_name(invoice),
        "badges": display.state_badges(invoice, now),
        "meaning": meaning_of(invoice, now=now, is_short=is_short, is_delivered=timeline.is_delivered),
        "payments": [
            (payment, display.transaction_link(payment.txid, invoice.network), display.risk_badge(payment),
             display.amount(payment.amount, invoice.pay_currency))
            for payment in payments
        ],
        "refunds": refund_rows(invoice),
        "timeline": timeline,
        "reported": [entry for entry in timeline.entries if entry.kind in _ALARMS] if is_held else [],
        "is_held": is_held,
        "notices": list(notices_of(timeline, app_settings.of(invoice.account).NOTICE_RECIPIENTS)) if is_held else [],
        "contact": app_settings.of(invoice.account).MONITORING_CONTACT,
        "active": active,
        "active_facts": resolution_facts(active) if active else [],
        **(second_person(active, user) if active else {}),
        "buttons": [] if active else buttons_for(invoice, user, is_short=is_short),
        "may_refresh": may(user, Act.REFRESH),
        "site_name": site_name,
    }  # fmt: skip


def notices_of(timeline: Timeline, recipients: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Say of each alarming event which of our own people were written to, or still are to be."""
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


def buttons_for(invoice: Invoice, user: Any, *, is_short: bool) -> list[Button]:
    """Return what can be done to an invoice as it stands; what this user may not do says whom to ask."""
    buttons: list[Button] = []
    if can_be_resolved(invoice):
        is_over = invoice.status_context == StatusContext.OVERPAID
        paid = display.amount(invoice.paid_amount, invoice.pay_currency)
        credit = _("Credits what was paid, or what was ordered. The invoice ends as completed.")
        today = _("Credits the %(paid)s at the rate of now, not at that of the order. It ends as completed.")
        buttons.append(
            Button(
                "settle",
                _("Settle…"),
                credit if is_over else today % {"paid": paid},
                "" if may(user, Act.SETTLE) else _("You may not settle invoices."),
            )
        )
        over = _("Sends back what was paid too much. What was ordered is credited.")
        whole = _("Sends back all %(paid)s, less the service's fee. Nothing is credited.")
        buttons.append(
            Button(
                "refund",
                _("Refund…"),
                over if is_over else whole % {"paid": paid},
                "" if may_refund(user) else _("You may not refund invoices."),
            )
        )
    if invoice.quarantine_reason or is_short:
        promise = (
            _("Ends the quarantine. What was held back is delivered to the shop at once. Moves no money.")
            if invoice.quarantine_reason
            else _("Counts the order as paid although less was credited. The shop delivers. Moves no money.")
        )
        label = _("Release…") if invoice.quarantine_reason else _("Accept the shortfall…")
        why_not = "" if may(user, Act.RELEASE) else _("You may not release invoices.")
        buttons.append(Button("release", label, promise, why_not))
    return buttons


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
        *([(_("to the address"), address)] if (address := resolution.parameters.get("address")) else []),
        *([(_("tag or memo"), _("none is needed"))] if resolution.parameters.get("without_tag") else []),
        *([(_("what is known"), resolution.error)] if resolution.error else []),
    ]


def meaning_of(invoice: Invoice, *, now: datetime, is_short: bool, is_delivered: bool) -> str:
    """Say in a sentence or two what the state means and whether anybody has to do anything."""
    delivered = _("Paid and credited. The shop was notified that it can deliver. Nothing to do.")
    if not is_in_force(invoice):
        return _(
            "Made in another environment (%(environment)s) than its account is in now: it can only be looked at."
        ) % {"environment": invoice.environment or "?"}
    undelivered = _("Paid and credited. The shop is not notified yet and does not deliver: see the timeline.")
    if invoice.quarantine_reason:
        return _("Held for a person, and nothing is delivered meanwhile: %(reason)s.") % {
            "reason": invoice.quarantine_reason.rstrip(".")
        }
    texts = {
        InvoiceStatus.NEW: _new(invoice, now),
        InvoiceStatus.UNRESOLVED: _unresolved(invoice),
        InvoiceStatus.COMPLETED: delivered if is_delivered else undelivered,
        InvoiceStatus.REFUNDED: _("The payment went back. Nothing was credited. Nothing to do."),
        InvoiceStatus.CANCELLED: _("Never paid, or never confirmed by the network, within 14 days. Nothing to do."),
    }
    if is_short:
        return _("The service credited less than was ordered. The shop has not delivered; a person decides.")
    return texts[InvoiceStatus(invoice.status)]


def _new(invoice: Invoice, now: datetime) -> str:
    if invoice.paid_amount:
        return _("A payment was seen; the network has yet to confirm it. Wait.")
    if invoice.is_expired(now):
        return _("Not paid in time. A late payment is still possible; after 14 days the service cancels the invoice.")
    return _("Waiting for the customer's payment.")


def _unresolved(invoice: Invoice) -> str:
    texts = {
        StatusContext.UNDERPAID: _(
            "Less was paid than was asked for. The service keeps the coins until somebody decides."
        ),
        StatusContext.OVERPAID: _(
            "More was paid than was asked for. The service keeps all of it until somebody decides."
        ),
        StatusContext.PAID_LATE: _(
            "The payment was made after the rate had expired. The service keeps the coins until somebody decides."
        ),
        StatusContext.ILLICIT_RESOURCE: _(
            "The service holds this payment as high-risk and examines it. It cannot be settled or refunded here."
        ),
    }
    context = invoice.status_context
    if context in StatusContext:
        return texts[StatusContext(context)]
    return _("Unresolved for a reason that is not known here: %(context)s. Resolve it in the account.") % {
        "context": context
    }
