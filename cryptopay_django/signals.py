"""What a shop connects to. All have `sender=Invoice, invoice, event`; the payment ones `payment` too;
`notice_sent` has a `notice` instead.

A receiver runs inside the transaction that marks its event delivered: its own database writes happen
exactly once. When it raises, all of it is rolled back and tried again later. An effect outside the
database can happen more than once; deduplicate it by `event.uuid`.
"""

from django.dispatch import Signal

invoice_created = Signal()
"""The gateway has the invoice: address and amount to pay are known."""

payment_detected = Signal()
"""A transaction was seen on the network. It may still vanish: fulfil nothing."""

payment_confirmed = Signal()
"""The network confirmed a transaction. It may be too little, too late or held: fulfil nothing."""

invoice_completed = Signal()
"""Fulfil now: the gateway completed the invoice and the settled amount covers the ordered one."""

invoice_settled_short = Signal()
"""The gateway completed the invoice for less than was ordered. A person decides."""

invoice_unresolved = Signal()
"""Underpaid, overpaid, paid late or held; see `invoice.status_context`."""

invoice_refunded = Signal()
"""The whole payment went back."""

invoice_cancelled = Signal()
"""Never paid, or never confirmed."""

invoice_quarantined = Signal()
"""Something contradicts what was ordered; held for a person, see `invoice.quarantine_reason`."""

notice_sent = Signal()
"""The teams were told of something, as `notice` says (`sender=Invoice, notice`). After the fact, in no transaction."""
