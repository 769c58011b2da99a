"""The suite's settings for the processes of a site: SITE_DATABASE_URL names its database, which all of them share."""

import os

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS, database_from_url

INSTALLED_APPS = [*INSTALLED_APPS, "tests.servers"]
DATABASES = {"default": database_from_url(os.environ["SITE_DATABASE_URL"])}
# Connections that outlive a request are what a database that goes away and comes back must not spoil.
DATABASES["default"]["CONN_MAX_AGE"] = 60
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["OPTIONS"]["transaction_mode"] = "IMMEDIATE"

CRYPTOPAY_CONFIRM_WITH_API = False
CRYPTOPAY_PROCESSING = os.environ.get("SITE_PROCESSING", "request")
if CRYPTOPAY_PROCESSING == "task":
    INSTALLED_APPS += ["django_tasks_db"]
    TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
# A site that is not under DEBUG tells of its errors by mail only; here they belong into the server's log.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "loggers": {"django.request": {"handlers": ["console"], "level": "ERROR"}},
}
