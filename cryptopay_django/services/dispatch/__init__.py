"""Wakes a worker or enqueues a task for stored work.

`wake_or_enqueue.py` decides which of the two; `postgres_notify.py` is NOTIFY and LISTEN on PostgreSQL;
`at_most_every.py` limits how often one process does either. Nothing here can lose work: what is stored falls due by
itself.
"""
