"""What is as it should be and what is not, and what to do about it. Nothing here changes a row.

`accounts.py` asks the gateway, `selftest.py` our own callback URL; `backlog.py` reads our tables, `installation.py`
looks at what is installed.
"""

from .drift import explain_drift
from .figures import Figures, read_figures
from .health import check_health
from .installation import callback_path
from .run import diagnose
from .selftest import try_callback_url
from .sign import Level, Sign, worst_of

__all__ = [
    "Figures",
    "Level",
    "Sign",
    "callback_path",
    "check_health",
    "diagnose",
    "explain_drift",
    "read_figures",
    "try_callback_url",
    "worst_of",
]
