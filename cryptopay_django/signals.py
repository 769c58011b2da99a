"""The signals that a shop connects to.

Invoice signals are sent with `sender=Invoice, invoice, event`. Payment signals also have `payment`. Refund signals
also have `refund`; so has `invoice_refunded` if there was exactly one. Channel signals are sent with
`sender=ChannelPayment, payment, channel, event`, `callback_received` with `sender=Callback, callback, message, event`,
and `notice_sent` with `sender=Invoice, notice`.

A receiver runs inside the transaction that marks its event as delivered, so its database writes happen exactly once.
If it raises, everything is rolled back and retried later. An effect outside the database can happen more than once:
deduplicate it by `event.uuid`.

The text below each signal says when it is sent, and then what a shop does. `python -m scripts.document` copies both to
docs/signals.md.
"""

from django.dispatch import Signal

invoice_created = Signal()
"""The gateway has created the invoice: the address and the amount to pay are known.

Nothing.
"""

payment_detected = Signal()
"""A transaction was seen on the network. It may still disappear.

Inform the customer. Do not fulfil.
"""

payment_confirmed = Signal()
"""The network confirmed a transaction. It may still be too little, too late or held.

Do not fulfil.
"""

invoice_completed = Signal()
"""The gateway completed the invoice, and the settled amount covers the ordered amount.

**Fulfil now.**
"""

invoice_settled_short = Signal()
"""The gateway completed the invoice for less than the ordered amount.

Nothing: staff decide. `release_invoice(..., accept_shortfall=True)` sends `invoice_completed`.
"""

invoice_unresolved = Signal()
"""The invoice is underpaid, overpaid, paid late or held: see `invoice.status_context`.

Inform support.
"""

invoice_refunded = Signal()
"""The whole payment was refunded, to the customer or to your own coin account. `event.detail` has `amount` in
`currency`, and `value_amount` in `price_currency`.

Close the order. Before you inform the customer, check where the money went.
"""

invoice_cancelled = Signal()
"""The invoice was never paid, or its payment was never confirmed.

Close the order.
"""

invoice_quarantined = Signal()
"""Something contradicts the order: see `invoice.quarantine_reason`.

Nothing: staff check the invoice and release it.
"""

refund_created = Signal()
"""Coins are being sent back: a whole payment, an overage, or an amount of a completed order. See `refund`.

Nothing yet: the coins may not have been sent.
"""

refund_succeeded = Signal()
"""The coins of a refund were sent (`refund.txid`), or are in the merchant's own coin account.

Book `refund.amount` and `refund.value_amount`.
"""

refund_failed = Signal()
"""The gateway has cancelled a pending refund or no longer lists it. Usually nothing was sent.

Inform support.
"""

channel_payment_created = Signal()
"""A transaction to a channel's address was seen on the network. It may still disappear.

Inform the customer. Do not credit.
"""

channel_payment_completed = Signal()
"""The gateway confirmed and credited a payment to a channel: `payment.received_amount` in `payment.received_currency`.

**Credit the customer now.**
"""

channel_payment_on_hold = Signal()
"""The gateway holds a payment to a channel: see `payment.status_context`.

Inform support. Do not credit.
"""

channel_payment_refunded = Signal()
"""A payment to a channel was sent back.

Inform the customer.
"""

channel_payment_cancelled = Signal()
"""A payment to a channel was never confirmed.

Nothing: it was not credited.
"""

callback_received = Signal()
"""A callback of a type without a model arrived, such as `CoinWithdrawal` or `Subscription`; see `message`.

Read `message.type`, `message.event` and `message.data`; ask the gateway before money depends on it.
"""

notice_sent = Signal()
"""The teams got a notice (`sender=Invoice, notice`). Sent afterwards, outside any transaction."""
