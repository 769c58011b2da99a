"""Settings with two databases: the app's rows in the second one, or reads from a replica that has fallen behind."""

import os
from pathlib import Path

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS

_folder = Path(os.environ["SITE_FOLDER"])
_apart = {"cryptopay_django", "contenttypes", "effects"}

INSTALLED_APPS = [*INSTALLED_APPS, "tests.servers"]
DATABASES = {
    name: {"ENGINE": "django.db.backends.sqlite3", "NAME": _folder / f"{name}.sqlite3"}
    for name in ("default", "other")
}
DATABASE_ROUTERS = ["tests.servers.databases.Router"]
CRYPTOPAY_CONFIRM_WITH_API = False


class Router:
    """`elsewhere`: the app lives in "other". `replica`: reads go to "other", which nothing ever reaches."""

    is_replica = os.environ["SITE_LAYOUT"] == "replica"

    def _other(self, label: str) -> str | None:
        return "other" if label in _apart else None

    def db_for_read(self, model, **hints):
        return self._other(model._meta.app_label)

    def db_for_write(self, model, **hints):
        return "default" if self.is_replica else self._other(model._meta.app_label)

    def allow_relation(self, one, another, **hints):
        return True

    def allow_migrate(self, db, app_label, **hints):
        # The permissions of all other apps point at content types of their own database.
        return self.is_replica or app_label == "contenttypes" or (db == "other") is (app_label in _apart)
