"""The signals that a shop connects to. All have `sender=Invoice, invoice, event`; the payment ones `payment` too,
the refund ones `refund`, and `invoice_refunded` too where one refund made it; `notice_sent` has a `notice` instead.

A receiver runs inside the transaction that marks its event delivered: its own database writes happen
exactly once. When it raises, all of it is rolled back and tried again later. An effect outside the
database can happen more than once; deduplicate it by `event.uuid`.

Below each signal stands when it is sent, and then what a shop does; `python -m scripts.document` puts both into
docs/signals.md.
"""

from django.dispatch import Signal

invoice_created = Signal()
"""The gateway has the invoice: address and amount to pay are known.

Nothing.
"""

payment_detected = Signal()
"""A transaction was seen on the network. It may still vanish.

Inform the customer; fulfil nothing.
"""

payment_confirmed = Signal()
"""The network confirmed a transaction. It may be too little, too late or held.

Fulfil nothing.
"""

invoice_completed = Signal()
"""The gateway completed the invoice, and the settled amount covers the ordered one.

**Fulfil now.**
"""

invoice_settled_short = Signal()
"""The gateway completed the invoice for less than was ordered.

Nothing: a person decides; `release_invoice(..., accept_shortfall=True)` sends `invoice_completed`.
"""

invoice_unresolved = Signal()
"""Underpaid, overpaid, paid late or held; see `invoice.status_context`.

Inform support.
"""

invoice_refunded = Signal()
"""The whole payment went back: `event.detail` has `amount` in `currency`, and `value_amount` in `price_currency`.

Close the order.
"""

invoice_cancelled = Signal()
"""Never paid, or never confirmed.

Close the order.
"""

invoice_quarantined = Signal()
"""Something contradicts what was ordered; see `invoice.quarantine_reason`.

Nothing: a person looks, and releases it.
"""

refund_created = Signal()
"""The gateway lists a refund, whoever started it, of all of an invoice's money or of an overage; see `refund`.

Nothing yet: the coins may not have left.
"""

refund_succeeded = Signal()
"""The coins of a refund were sent, as `refund.txid` proves, or are in the merchant's own coin account.

Book `refund.amount` and `refund.value_amount`.
"""

refund_failed = Signal()
"""A refund that was under way is gone at the gateway, and nothing was sent.

Inform support.
"""

notice_sent = Signal()
"""The teams got a notice, `notice` (`sender=Invoice, notice`). Sent after the fact, in no transaction."""
