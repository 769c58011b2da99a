"""Settings of a project of `startproject`, with django-payments as its own documentation says, and the adapter."""

import os
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent

SECRET_KEY = "only-for-tests"
DEBUG = True
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "testserver"]

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "payments",
    "cryptopay_django",
    "cryptopay_django.contrib.payments",
    "shop",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

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

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("SHOP_DATABASE", BASE_DIR / "db.sqlite3"),
        "OPTIONS": {"transaction_mode": "IMMEDIATE"},
    }
}

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "static/"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

PAYMENT_HOST = os.environ.get("SHOP_HOST", "localhost:8000")
PAYMENT_USES_SSL = False
PAYMENT_MODEL = "shop.Payment"
PAYMENT_VARIANTS = {
    "coins": ("cryptopay_django.contrib.payments.provider.CryptopayProvider", {}),
    "bitcoin": (
        "cryptopay_django.contrib.payments.provider.CryptopayProvider",
        {"pay_currency": "BTC", "network": "bitcoin"},
    ),
    "dummy": ("payments.dummy.DummyProvider", {}),
}

CRYPTOPAY_ACCOUNTS = {
    "default": {
        "API_KEY": "sandbox-api-key",
        "API_SECRET": "sandbox-api-secret",
        "CALLBACK_SECRETS": ["sandbox-callback-secret"],
        "BASE_URL": os.environ.get("SANDBOX_URL", "http://127.0.0.1:8100"),
    }
}
