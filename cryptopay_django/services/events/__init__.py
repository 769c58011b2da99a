"""Events: written with the change that they describe, then delivered to receivers, durable handlers and customers.

In reading order: `outbox.py` (writes the events and their delivery records), `delivery.py` (one subject's events in
order), `attempt.py` (one attempt: count, lock, call, mark). Three lanes use `attempt.py`: `signal_lane.py` (signals),
`handler_lane.py` (durable handlers) and `mail_lane.py` (mails to customers); `turns.py` finds the rows that no failed
row holds back.
The other files: `nesting.py` (nothing is delivered inside a delivery), `withholding.py` (events that are not true
now), `unheard.py` (events without a receiver), `deliver_again.py` (at a person's request), `notices.py` and
`notice_items.py` (to staff).

A failed signal, call or mail is retried after a back-off (`backoff` in `outbox.py`); a signal without end, a call or a
mail until CRYPTOPAY_HANDLER_ATTEMPTS failures. The next attempt is made by the first process that looks for due work:
a worker, a task or a request (`services/worker/queue.py`), for mails a worker or a task (`mails/sending.py`).
`attempt.py` counts the attempts, sets `next_attempt_at`, and gives a row up after its last attempt.
"""
