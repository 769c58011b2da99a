"""Runs the gateway's checklist of fourteen points, and four about channels, with the shop's own code.

`run_checklist` runs it in process, against the sandbox. `run_live_checklist` runs it with a person against the
gateway's test environment. `manage.py cryptopay_checklist` uses both. `stage.py`, `stories.py` and `channels.py` play
the scenarios, `judges.py`, `callback_judge.py` and `channel_judges.py` judge them, and `report.py` formats the
results.
"""

from .live import Task, run_live_checklist
from .report import Finding, Report, Result
from .run import run_checklist

__all__ = ["Finding", "Report", "Result", "Task", "run_checklist", "run_live_checklist"]
