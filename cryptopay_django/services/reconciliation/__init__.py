"""Reconciliation: the truth without callbacks.

`reconcile.py` asks the gateway about open invoices, `schedule.py` does so at an interval, `missing.py` finds
invoices that only the gateway has, and `restore.py` adds one of those here when a person decides so. `channels.py`
finds payments on channels, most of them by the ledger (`channel_ledger.py`).
"""
