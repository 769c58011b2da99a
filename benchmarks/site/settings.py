"""Settings of the benchmark's servers. What differs from one server to the next comes by the environment.

BENCH_PROCESSING, BENCH_CONFIRM, BENCH_CONNECTIONS ("kept", "prepared", "pooled", "new"), BENCH_GATEWAY (the stub's
address), BENCH_PEERS. The middleware is what `startproject` writes, for every road alike.
"""

import os
from typing import Any
from urllib.parse import urlsplit

from tests.settings import database_from_url

SECRET_KEY = "only-the-benchmark-uses-this-key-0123456789"
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "testserver"]
ROOT_URLCONF = "benchmarks.site.urls"
WSGI_APPLICATION = "benchmarks.site.wsgi.application"

PEERS = os.environ.get("BENCH_PEERS") == "1"
GATEWAY = os.environ.get("BENCH_GATEWAY", "http://127.0.0.1:9")

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "cryptopay_django",
    "benchmarks.site",
    *(["djstripe", "payments", "benchmarks.peers"] if PEERS else []),
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

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
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


def database() -> dict[str, Any]:
    """Return the database of DATABASE_URL with its connections as BENCH_CONNECTIONS says."""
    url = os.environ["DATABASE_URL"]
    connections = os.environ.get("BENCH_CONNECTIONS", "kept")
    if urlsplit(url).scheme == "sqlite":
        made: dict[str, Any] = {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": urlsplit(url).path,
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": "PRAGMA journal_mode=WAL;",
            },
        }
    else:
        made = database_from_url(url)
    made["CONN_MAX_AGE"] = None if connections in ("kept", "prepared") else 0
    if connections == "prepared":
        made["OPTIONS"] = {**made["OPTIONS"], "server_side_binding": True, "prepare_threshold": 5}
    if connections == "pooled":
        made["OPTIONS"] = {**made["OPTIONS"], "pool": {"min_size": 2, "max_size": 4}}
    return made


DATABASES = {"default": database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# Tables are made as they are in the end: years of migrations take longer than the benchmark.
MIGRATION_MODULES = {name.rpartition(".")[2]: None for name in INSTALLED_APPS} | {"benchmark": None}
USE_TZ = True
STATIC_URL = "static/"
# The gateway is on this machine while DEBUG is off: a shop must not, a benchmark must.
SILENCED_SYSTEM_CHECKS = ["cryptopay.E003", "cryptopay.W010"]
LOGGING = {"version": 1, "loggers": {"django.request": {"level": "ERROR"}}}

CRYPTOPAY_ACCOUNTS = {
    "default": {
        "API_KEY": "benchmark-api-key",
        "API_SECRET": "benchmark-api-secret",
        "CALLBACK_SECRETS": ["benchmark-callback-secret"],
        "BASE_URL": GATEWAY,
    }
}
CRYPTOPAY_PROCESSING = os.environ.get("BENCH_PROCESSING", "worker")
# There is no gateway to poll in the midst of a measurement.
CRYPTOPAY_RECONCILE_INTERVAL = 0
CRYPTOPAY_CONFIRM_WITH_API = os.environ.get("BENCH_CONFIRM") == "1"

STRIPE_TEST_SECRET_KEY = "sk_test_" + "0" * 24
STRIPE_LIVE_MODE = False
STRIPE_API_HOST = GATEWAY
DJSTRIPE_FOREIGN_KEY_TO_FIELD = "id"
PAYMENT_HOST = "127.0.0.1"
PAYMENT_USES_SSL = False
PAYMENT_MODEL = "peers.Payment"
PAYMENT_VARIANTS = {
    "default": (
        "benchmarks.peers.provider.Provider",
        {"api_key": STRIPE_TEST_SECRET_KEY, "endpoint_secret": "benchmark-callback-secret"},
    )
}
