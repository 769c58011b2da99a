"""Callbacks: what the gateway posts.

In reading order: `receive.py` (verify, store), `duplicates.py` (a body that is stored already), `process.py` (read,
confirm, merge, deliver), `other_types.py` (types without a model), `unreadable.py` (a form that we do not know). Which
process works off what is stored: `worker/queue.py`.
"""
