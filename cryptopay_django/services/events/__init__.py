"""Events: written with the change that they describe, then delivered to receivers and durable handlers.

In reading order: `outbox.py` (writing them, and the back-off of retries), `delivery.py` (one subject's events in
order), `attempt.py` (one attempt: count, lock, call, mark), with two lanes, `signal_lane.py` and `handler_lane.py`.
Beside them: `nesting.py` (nothing is delivered inside a delivery), `withholding.py` (what is no longer true),
`unheard.py` (what has no receiver), `deliver_again.py` (at a person's request), `notices.py` and
`notice_items.py` (to staff).
"""
