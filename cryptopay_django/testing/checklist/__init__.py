"""The service's fourteen points before going live, played with the shop's own code against the sandbox.

`run_checklist` does it; `manage.py cryptopay_checklist` shows it. How a story is played stands in
`stage.py` and `stories.py`, what it proves in `judges.py`, how it is written down in `report.py`.
"""

from .report import Finding, Report, Result
from .run import run_checklist

__all__ = ["Finding", "Report", "Result", "run_checklist"]
