"""The wire, in plain Python without Django: signatures, strict JSON, typed messages, HTTP, currencies.

Start at `client` (calls to the gateway) or `schemas` (answers, and the content of callbacks). What
a snapshot means for our own rows is decided in `services/snapshots/merge.py`.
"""
