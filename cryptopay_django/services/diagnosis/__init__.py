"""Checks that all is as it should be, and says what to do if not. Changes no row.

`doctor.py` runs all checks: `installation.py` (settings, migrations, URLs), `backlog.py` (what waits in our tables),
`channels.py` (what waits of channels), `worker.py` (is a worker alive?), `accounts.py` (asks the gateway),
`unknown_coins.py` (coins that cannot be offered), `books.py` (the books of an account), `ledger.py` (the gateway's
ledger of a day and our rows), `callback_selftest.py` (posts to our own callback URL). `middleware_selftest.py` sends a
callback through the project's handler in this process, for Django's system checks. `health.py` is the short answer for
an alarm, `metrics.py` the numbers for monitoring; `differences.py` explains where our row and the gateway
differ. A finding is a `CheckResult` (`check_result.py`).
"""

from .callback_selftest import try_callback_url
from .check_result import CheckResult, Level, worst_of
from .differences import explain_drift
from .doctor import diagnose
from .health import check_health
from .installation import callback_path
from .metrics import Metrics, read_metrics

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
