"""The diagnosis: what is as it should be, what is not, and what to do about it. Nothing here changes a row.

`doctor.py` runs all checks: `installation.py` (settings, migrations, URLs), `backlog.py` (what waits in our tables),
`channels.py` (what waits of channels), `worker.py` (is a worker alive?), `accounts.py` (asks the gateway), `coins.py`
(coins that cannot be offered), `books.py` (the books of an account), `ledger.py` (the gateway's ledger of a day and
our rows), `selftest.py` (posts to our own callback URL). `arrival.py` sends a callback through the project's handler
in this process, for Django's system checks. `health.py` is the short answer for a load balancer, `metrics.py` the
numbers for monitoring; `drift.py` explains where our row and the gateway differ. A finding is a `CheckResult`
(`check_result.py`).
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
