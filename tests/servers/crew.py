"""Several workers of a site, started at one cost: `python -m tests.servers.crew 8 0.1` prints their process ids.

Each is a process of its own that runs `cryptopay_worker`; this one only waits for them.
"""

from __future__ import annotations

import json
import os
import sys

import django
from django.core.management import call_command


def main(count: int, interval: float) -> None:
    """Start the workers, say which they are, and wait for their ends."""
    workers = []
    for _ in range(count):
        if worker := os.fork():
            workers.append(worker)
        else:
            call_command("cryptopay_worker", interval=interval, stdout=sys.stderr)
            os._exit(0)
    sys.stdout.write(json.dumps(workers) + "\n")
    sys.stdout.flush()
    for worker in workers:
        os.waitpid(worker, 0)


if __name__ == "__main__":
    django.setup()
    main(int(sys.argv[1]), float(sys.argv[2]))
