"""How much processor time processes have used, from /proc. Where there is none (not Linux): nothing is told."""

from __future__ import annotations

import os
from pathlib import Path

PROC = Path("/proc")


def processor_seconds(*roots: int) -> float:
    """Return the seconds that these processes and all that they have started have used so far."""
    ticks, children = {}, {}
    for folder in PROC.glob("[0-9]*") if PROC.is_dir() else ():
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        pid, parent = int(folder.name), int(fields[1])
        ticks[pid] = sum(map(int, fields[11:15]))
        children.setdefault(parent, []).append(pid)
    total, waiting = 0, list(roots)
    while waiting:
        pid = waiting.pop()
        total += ticks.get(pid, 0)
        waiting += children.get(pid, [])
    return total / os.sysconf("SC_CLK_TCK")


def resident_mebibytes(pid: int) -> float:
    """Return the memory that a process holds now; 0 when it has ended."""
    try:
        pages = int((PROC / str(pid) / "statm").read_text().split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
