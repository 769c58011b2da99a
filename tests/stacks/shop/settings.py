"""What `startproject` writes, and what a row changes: the variable STACK has it as JSON.

`databases` and `values` are settings; `first`, `apps` and `middleware` are added to the lists; `setup` names a
function of `tests.stacks.shop.setups` that is given all of it at the end.
"""

import json
import os
from pathlib import Path

STACK = json.loads(os.environ["STACK"])
FOLDER = Path(STACK["folder"])

SECRET_KEY = "only-the-stacks-use-this-key-0123456789-0123456789"
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]

INSTALLED_APPS = [
    *STACK["first"],
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    *STACK["apps"],
    "cryptopay_django",
    "tests.stacks.shop.apps.StackShopConfig",
]
MIDDLEWARE = [
    *STACK["outermost"],
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    *STACK["middleware"],
]
ROOT_URLCONF = "tests.stacks.shop.urls"
STACK_URLS = STACK["urls"]
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
DATABASES = STACK["databases"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "static/"
STATIC_ROOT = FOLDER / "static"
# A row's cache must outlive its processes, as the shop's own does.
CACHES = {"default": {"BACKEND": "django.core.cache.backends.filebased.FileBasedCache", "LOCATION": FOLDER / "cache"}}
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "loggers": {"django.request": {"handlers": ["console"], "level": "ERROR"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
}
# The gateway is the sandbox on this machine; the shop is no live site, and nothing is served by https.
SILENCED_SYSTEM_CHECKS = ["cryptopay.E003", "cryptopay.E004", "cryptopay.E012"]

CRYPTOPAY_ACCOUNTS = {
    "default": {
        "API_KEY": "sandbox-api-key",
        "API_SECRET": "sandbox-api-secret",
        "CALLBACK_SECRETS": ["sandbox-callback-secret"],
        "BASE_URL": STACK["gateway"],
    }
}
CRYPTOPAY_PROCESSING = STACK["processing"]

globals().update(STACK["values"])
if STACK["setup"]:
    from tests.stacks.shop import setups

    getattr(setups, STACK["setup"])(globals())
