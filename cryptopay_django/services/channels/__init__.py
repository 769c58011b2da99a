"""Creates channels, which are lasting addresses for top-ups, and merges what the gateway says of their payments.

In reading order: `create.py` (one channel for an owner), `channel_rows.py` (what the gateway says of a channel),
`apply.py` (for payments: ask, lock, merge, write, commit), `merge.py` and `compare.py` (pure decisions),
`payment_callbacks.py`, `switch.py` (refresh, enable, disable), `release_payment.py`.

A callback changes nothing by itself: it makes us ask. What is merged is the gateway's own answer to a GET.
"""
