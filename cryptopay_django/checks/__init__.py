"""Defines all system checks of the app. Each message names the setting and the remedy.

Importing the package registers the checks. `apps.py` imports `selects.py` if the admin is installed.
"""

from . import (  # noqa: F401  they register
    accounts,
    databases,
    installation,
    mails,
    notices,
    options,
    project,
    receivers,
    urls,
)
