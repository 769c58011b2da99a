"""The diagnosis: what is as it should be, what is not, and what to do about it. Nothing here changes a row.

`doctor.py` runs all checks: `worker.py` (is the worker alive?), `backlog.py` (what waits in our tables),
`accounts.py` (asks the gateway), `selftest.py` (posts to our own callback URL), `installation.py`. `health.py` is
the short answer for a load balancer, `metrics.py` the numbers for monitoring; `drift.py` explains where our row and
the gateway differ. A finding is a `CheckResult` (`check_result.py`).
"""

from .check_result import CheckResult, Level, worst_of
from .doctor import diagnose
from .drift import explain_drift
from .health import check_health
from .installation import callback_path
from .metrics import Metrics, read_metrics
from .selftest import try_callback_url

__all__ = [
    "CheckResult",
    "Level",
    "Metrics",
    "callback_path",
    "check_health",
    "diagnose",
    "explain_drift",
    "read_metrics",
    "try_callback_url",
    "worst_of",
]
