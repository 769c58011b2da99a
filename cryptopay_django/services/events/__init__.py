"""Writes events with the change that they describe, and delivers them to receivers, handlers, customers and staff.

In reading order:

    outbox.py            writes the events, and a delivery record for each handler and mail
    deliver.py           delivers the events of one subject in order
    attempt.py           makes one attempt: count, lock, call, mark
    retry.py             decides what follows a failure: the next attempt after a pause, or none
    delivery_kind.py     describes how one kind of row is delivered. The three kinds:
    send_signals.py      sends events as signals to receivers
    call_handlers.py     calls durable handlers
    send_mails.py        sends mails to customers
    behind_failed.py     leaves out the rows that wait behind a failed row
    withholding.py       withholds events that are not true now
    unheard.py           finds the kinds of events that have no receiver in this process
    nesting.py           prevents a delivery inside a delivery
    deliver_again.py     delivers delivered events once more, when a person asks
    notices.py           notifies staff; `notice_items.py` is the content

A failed event is tried again after a pause (`services/backoff.py`) by the first process that looks for due work: a
worker, a task or a request (`services/worker/due_work.py`); a mail only by a worker or a task (`mails/send.py`).
"""
