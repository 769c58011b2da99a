"""Receives and processes callbacks: the signed messages that the gateway posts.

In reading order: `receive.py` (verify, store), `duplicates.py` (recognise a body that is stored already),
`process.py` (read, confirm, merge, deliver), `withdrawals.py` (the refund of a completed invoice), `other_types.py`
(types without a model), `unreadable.py` (a form that we do not know). Which process works on stored callbacks:
`worker/due_work.py`.
"""
