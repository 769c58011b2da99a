"""Everything that `manage.py check` reports of this app. Each message names the setting and the remedy.

Importing the package registers the checks; `selects.py` is imported by `apps.py` where the admin is installed.
"""

from . import accounts, databases, installation, options, project, receivers, urls  # noqa: F401  they register
