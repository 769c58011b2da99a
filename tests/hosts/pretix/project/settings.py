"""pretix' own settings for the tests of a plugin. Nothing of the plugin is here: it sets what it needs."""

import os
import tempfile
from pathlib import Path

os.environ.setdefault("PRETIX_CONFIG_FILE", str(Path(__file__).with_name("pretix.cfg")))

from pretix.testutils.settings import *  # noqa: F403
from pretix.testutils.settings import DATABASES

# A file: the threads of a live server would share the one connection of a database in memory, and its transactions.
_FOLDER = tempfile.TemporaryDirectory(prefix="pretix-")
DATABASES["default"]["TEST"] = {"NAME": str(Path(_FOLDER.name) / "tests.sqlite3")}
DATABASES["default"]["OPTIONS"] = {"init_command": "PRAGMA synchronous=OFF", "transaction_mode": "IMMEDIATE"}

# The pages of a real installation, not pages that explain an error.
DEBUG = False
DEBUG_PROPAGATE_EXCEPTIONS = False
LOGGING = {"version": 1, "disable_existing_loggers": False}
