"""Snapshots: what the gateway reports of an invoice, by callback or GET, and how it enters our row.

In reading order: `apply.py` (the one door: lock, merge, write, commit), `merge.py` and `compare.py` (pure
decisions), `refund_rows.py` (refunds on record), `ownership.py` (is an invoice at the gateway ours?), `orphans.py`
(those that are not), `hold_unreadable.py`.
"""
