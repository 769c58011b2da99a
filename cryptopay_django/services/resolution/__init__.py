"""Settles, refunds and releases invoices, as staff decide.

The way of a staff refund, file by file:
1. `settle_and_refund.py`: `refund_invoice` checks the person and the address (`refund_destination.py`).
2. `plan.py` reads the invoice anew, checks it (`rules.py`), and commits a `planned` row. If it needs a second person,
   it waits until `approval.py` sends it.
3. `send.py` marks the row `sent`, commits, and makes the call once.
   Refused: `failed`. Accepted: step 5. No clear answer: `unknown`, and the call is never sent again.
4. `unknown_outcome.py` reads the gateway again and again (`resolve_pending_resolutions`). The row stays active, so no
   other resolution can begin for the invoice.
5. `judge_outcome.py` decides what the data proves: done, not done, or open.
6. Open for five minutes: staff get a notice. Open for twenty minutes, and the gateway shows nothing: a person may end
   the row (`end_by_hand.py`). If it took effect after all, it becomes active again, with an alarm.
7. `follow_refunds.py` reads the gateway's list of refunds until the transaction is known.

Settlements go the same way. Before a settlement, `settlement_quote.py` shows its amounts; before a refund of a
completed invoice, `refund_quote.py` does, and `refundable_amount.py` calculates how much can still be refunded.
`signed_quotes.py` signs both quotes for forms, and `call_parameters.py` makes the parameters of the call from them.
The other files: `release.py` lifts a quarantine, `refund_links.py` lets the customer give the address, `people.py`
identifies the people who decide, `resolution_row.py` locks a resolution and writes its status, alarms and timeline.
"""
