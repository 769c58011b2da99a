"""What is as it should be and what is not, and what to do about it. Nothing here changes a row.

`accounts.py` asks the gateway, `backlog.py` reads our tables, `installation.py` looks at what is installed.
"""

from .accounts import try_callback_url
from .drift import explain_drift
from .run import diagnose
from .sign import Level, Sign

__all__ = ["Level", "Sign", "diagnose", "explain_drift", "try_callback_url"]
