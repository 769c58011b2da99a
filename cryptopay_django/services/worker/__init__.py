"""Does the work that is due: `loop.py` runs until it is stopped, `due_work.py` claims the work and does it.

`anything_due.py` asks in one query whether any work is due. A request or a task asks this before it claims overdue
work of others.
"""
