"""The shop's settings, for tests: a database that is not flushed to the disk, quick passwords, mails as files."""

import os
import tempfile
from pathlib import Path

from frobshop.settings import *  # noqa: F403
from frobshop.settings import CRYPTOPAY_ACCOUNTS, DATABASES

_OWN = None if "FROBSHOP_FOLDER" in os.environ else tempfile.TemporaryDirectory(prefix="frobshop-")
FOLDER = Path(_OWN.name if _OWN else os.environ["FROBSHOP_FOLDER"])
DATABASES["default"]["NAME"] = FOLDER / "shop.sqlite3"
DATABASES["default"]["OPTIONS"]["init_command"] = "PRAGMA synchronous=OFF; PRAGMA journal_mode=MEMORY"
CRYPTOPAY_ACCOUNTS["default"]["BASE_URL"] = os.environ.get("SANDBOX_URL", "http://127.0.0.1:8100")
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
EMAIL_FILE_PATH = FOLDER / "mails"


class NoMigrations(dict[str, None]):
    """Makes the tables as the models are: the host has more than a hundred migrations, which its own tests run."""

    def __contains__(self, label: object) -> bool:
        return True

    def __getitem__(self, label: str) -> None:
        return None


MIGRATION_MODULES = NoMigrations()
MEDIA_ROOT = FOLDER / "media"
