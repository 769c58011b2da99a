"""The worker: `loop.py` runs until it is stopped, `queue.py` claims what is due.

`anything_due.py` is the look that a process takes first.
"""
