"""The Django project that the suite runs in: what `startproject` writes, two accounts, fake secrets.

The environment variable `DATABASE_URL` chooses the database; without it SQLite is used, in a file,
because tests with threads need a database that several connections can open.
"""

import os
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

ENGINES = {
    "sqlite": "sqlite3",
    "otherwise": "sqlite3",  # by a backend that no statement can be kept with: tests/otherwise
    "postgres": "postgresql",
    "postgresql": "postgresql",
    "mysql": "mysql",
    "mariadb": "mysql",
}


def database_from_url(url: str) -> dict[str, Any]:
    """Read `scheme://user:password@host:port/name?option=value`; `?host=` names a socket or its folder."""
    parts = urlsplit(url)
    try:
        engine = ENGINES[parts.scheme]
    except KeyError:
        raise ValueError(f"DATABASE_URL: unknown scheme {parts.scheme!r}, not one of {sorted(ENGINES)}") from None
    options: dict[str, Any] = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
    host = options.pop("host", None) or unquote(parts.hostname or "")
    database: dict[str, Any] = {
        "ENGINE": f"django.db.backends.{engine}",
        "NAME": unquote(parts.path.removeprefix("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": str(parts.port or ""),
        "OPTIONS": options,
    }
    if engine == "mysql":
        database["OPTIONS"] = {
            "charset": "utf8mb4",
            "init_command": "SET sql_mode='STRICT_TRANS_TABLES'",
            **options,
        }
        database["TEST"] = {"CHARSET": "utf8mb4"}
    if engine == "sqlite3":
        file = Path(tempfile.gettempdir()) / f"cryptopay-django-test-{os.getpid()}.sqlite3"
        # Never ":memory:", not even before the tests' own is made: the threads of a live server would share one
        # connection, which ends the interpreter when two of them use it at once.
        database["NAME"] = database["NAME"] or str(file)
        # Tests need not outlive a power cut; what locks, and when, stays as in a shop.
        database["OPTIONS"] = {"init_command": "PRAGMA synchronous=OFF", **options}
        if parts.scheme == "otherwise":
            database["ENGINE"] = "tests.otherwise"
        database["TEST"] = {"NAME": str(file)}
    return database


SECRET_KEY = "only-the-test-suite-uses-this-key-0123456789"
DEBUG = False
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "cryptopay_django",
    "tests.shop.ShopWithoutWarehouse",
    "tests.effects",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "tests.urls"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES = {"default": database_from_url(os.environ.get("DATABASE_URL") or "sqlite://")}
if _isolation := os.environ.get("PROVE_ISOLATION"):
    DATABASES["default"]["OPTIONS"]["isolation_level"] = _isolation
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# What Django 6.1 asks for and older ones do not look at. Tests keep mail in memory in either case.
MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}

# The suite runs on either provider of django_fsm; tests/checks/test_installation.py sees to the warning itself.
SILENCED_SYSTEM_CHECKS = ["cryptopay.W010"]

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True
STATIC_URL = "static/"

CRYPTOPAY_ACCOUNTS = {
    "default": {
        "API_KEY": "canary-api-key-of-the-default-account-000",
        "API_SECRET": "canary-api-secret-of-the-default-account-000",
        "CALLBACK_SECRETS": [
            "canary-callback-secret-of-the-default-account-newest",
            "canary-callback-secret-of-the-default-account-older",
        ],
        "BASE_URL": "sandbox",
    },
    "second": {
        "API_KEY": "canary-api-key-of-the-second-account-0000",
        "API_SECRET": "canary-api-secret-of-the-second-account-0000",
        "CALLBACK_SECRETS": ["canary-callback-secret-of-the-second-account-only"],
        "BASE_URL": "sandbox",
    },
}
