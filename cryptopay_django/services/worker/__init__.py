"""The worker: `loop.py` runs until it is stopped, `queue.py` claims what is due.

`anything_due.py` asks in one query whether any work is due. A request or a task asks this before it claims overdue
work of others.
"""
