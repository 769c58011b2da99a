"""Calls the gateway's API and reads its messages, in plain Python without Django.

Start at `client.py` (calls to the gateway) or `schemas.py` (answers, and the content of callbacks). What a snapshot
means for our own rows is decided in `services/snapshots/merge.py`.
"""
