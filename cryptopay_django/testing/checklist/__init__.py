"""The service's fourteen points before going live, played with the shop's own code against the sandbox.

`run_checklist` does it, `run_live_checklist` with a person against the service's test environment;
`manage.py cryptopay_checklist` shows both. How a story is played stands in `stage.py` and `stories.py`, what it
proves in `judges.py`, how it is written down in `report.py`.
"""

from .live import Task, run_live_checklist
from .report import Finding, Report, Result
from .run import run_checklist

__all__ = ["Finding", "Report", "Result", "Task", "run_checklist", "run_live_checklist"]
