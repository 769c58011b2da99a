"""Mistakes in what is summed up for an order, in who approves, and in where a customer wants coins to go."""

from __future__ import annotations

from .bug import Bug

SUMMARY, LINKS = "services/test_summary.py::", "services/test_refund_links.py::"
SUMS, LINK = "services/invoices/summary.py", "services/resolution/refund_links.py"

BUGS = (
    Bug(
        "quarantined money pays for an order",
        SUMS,
        "        part = Part.QUARANTINED if invoice.quarantine_reason else Part.PAID\n",
        "        part = Part.PAID\n",
        (f"{SUMMARY}test_quarantined_money_is_not_paid_and_named_apart",),
    ),
    Bug(
        "dollars are added to euros",
        SUMS,
        "        elif currency != self.currency:\n",
        "        elif False:\n",
        (f"{SUMMARY}test_money_in_another_currency_is_said_and_nothing_is_certain",),
    ),
    Bug(
        "a refunded part still pays for an order",
        SUMS,
        "        return canonical(max(EXACT.subtract(self.paid_amount, self.returned_amount), Decimal(0)))\n",
        "        return canonical(self.paid_amount)\n",
        (f"{SUMMARY}test_a_refund_of_a_completed_order_is_taken_off_what_is_paid",),
    ),
    Bug(
        "the rest is asked for while a payment is pending",
        SUMS,
        "    if summary.has_pending:\n",
        "    if False:\n",
        (f"{SUMMARY}test_nothing_is_made_while_money_is_pending",),
    ),
    Bug(
        "a link for a refund address is answered twice",
        LINK,
        "    if link.used_at is not None:\n        raise",
        "    if False:\n        raise",
        (f"{LINKS}test_an_answer_counts_once",),
    ),
    Bug(
        "an expired link is answered",
        LINK,
        "    if now >= link.expires_at:\n",
        "    if False:\n",
        (f"{LINKS}test_a_link_expires",),
    ),
    Bug(
        "the token of a link is kept",
        LINK,
        '    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()\n',
        '    return token if hashlib else ""\n',
        (f"{LINKS}test_the_token_is_not_kept_and_not_shown",),
    ),
    Bug(
        "the address of a refund changes while one is under way",
        LINK,
        "    elif Resolution.objects.primary().filter(invoice_id=invoice.pk, active=True).exists():\n",
        "    elif Resolution is None:\n",
        (f"{LINKS}test_nothing_changes_while_a_refund_is_under_way",),
    ),
    Bug(
        "people are sent to approve what is decided",
        "services/events/notices.py",
        "    _drop_outdated(due)\n",
        "",
        ("services/test_notices.py::test_nobody_is_told_of_what_was_decided_meanwhile",),
    ),
)
