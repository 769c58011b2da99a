"""pretix' own settings for the tests of a plugin. Nothing of the plugin is here: it sets what it needs."""

import os
from pathlib import Path

os.environ.setdefault("PRETIX_CONFIG_FILE", str(Path(__file__).with_name("pretix.cfg")))

from pretix.testutils.settings import *  # noqa: F403

# The pages of a real installation, not pages that explain an error.
DEBUG = False
DEBUG_PROPAGATE_EXCEPTIONS = False
LOGGING = {"version": 1, "disable_existing_loggers": False}
