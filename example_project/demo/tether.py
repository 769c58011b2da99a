"""Runs a module as `python -m` does, and ends when whoever holds the other end of stdin is gone.

A parent that is killed cannot stop its children, but its pipes close: no orphan keeps a port.
"""

import os
import runpy
import sys
import threading


def leave_with_parent() -> None:
    while os.read(0, 1024):
        pass
    os._exit(0)


if __name__ == "__main__":
    threading.Thread(target=leave_with_parent, daemon=True).start()
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
