"""The worker: `loop.py` runs until it is stopped, `queue.py` claims what is due, `due.py` asks whether anything is."""
