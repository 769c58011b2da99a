"""Measures what an installed app costs a process: time and memory of `django.setup()`.

    python -m benchmarks --parts start

Each measurement is a process of its own, and all take turns: a busy machine slows all of them. The projects are what
`startproject` writes, with and without the admin, alone and with one app more. URLs are not imported, and no
database is opened.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections import defaultdict
from importlib.util import find_spec
from statistics import median

from benchmarks.servers import ROOT

APPS = {"Django alone": [], "with cryptopay_django": ["cryptopay_django"], "with dj-stripe": ["djstripe"]}
PROGRAM = """
import json, sys, time
began = time.process_time()
import django
from django.conf import settings
settings.configure(
    INSTALLED_APPS={apps!r},
    CRYPTOPAY_ACCOUNTS={{}},
    DJSTRIPE_FOREIGN_KEY_TO_FIELD="id",
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
)
django.setup()
took = time.process_time() - began
# Not ru_maxrss: it starts with what the parent had.
resident = int(open("/proc/self/statm").read().split()[1]) * 4096
print(json.dumps([took, resident, len(sys.modules)]))
"""
STARTED = [f"django.contrib.{name}" for name in ("auth", "contenttypes", "sessions", "messages", "staticfiles")]


def measure(rounds: int) -> list[dict[str, object]]:
    """Return a line for each project: milliseconds of processor time, MiB and modules, medians of all rounds."""
    projects = {
        (admin, name): [*(["django.contrib.admin"] if admin else []), *STARTED, *apps]
        for admin in (False, True)
        for name, apps in APPS.items()
        if all(find_spec(app) for app in apps)
    }
    found = defaultdict(list)
    for turn in range(rounds + 1):
        for project, apps in projects.items():
            figures = _start(apps)
            if turn:  # the first one compiles what is imported
                found[project].append(figures)
    return [
        {
            "name": f"{name}, with the admin" if admin else name,
            "processor_ms": median(one[0] for one in figures) * 1000,
            "mebibytes": median(one[1] for one in figures) / 2**20,
            "modules": median(one[2] for one in figures),
        }
        for (admin, name), figures in found.items()
    ]


def _start(apps: list[str]) -> list[float]:
    command = [sys.executable, "-W", "ignore", "-c", PROGRAM.format(apps=apps)]
    # Where it is set, every process compiles anew what is not installed.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True)
    figures: list[float] = json.loads(done.stdout)
    return figures


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=11)
    sys.stdout.write(f"{json.dumps(measure(parser.parse_args().rounds))}\n")
