"""Settings of the example shop, for a laptop: the gateway is the sandbox on the same machine.

What a shop adds for crypto payments stands together at the end. A shop that goes live also takes its
secrets from the environment, turns DEBUG off and names the gateway's real BASE_URL.
"""

import os
from pathlib import Path

VAR_DIR = Path(os.environ.get("SHOP_VAR_DIR") or Path(__file__).resolve().parent.parent / "var")
VAR_DIR.mkdir(parents=True, exist_ok=True)

DEBUG = os.environ.get("SHOP_DEBUG", "1") == "1"
SECRET_KEY = os.environ.get("SHOP_SECRET_KEY", "only-for-the-demo-on-this-laptop-" + "0" * 32)
ALLOWED_HOSTS = os.environ.get("SHOP_ALLOWED_HOSTS", "127.0.0.1,localhost,[::1]").split(",")

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    # Before cryptopay_django, some of whose templates the shop extends.
    "example_project.shop",
    "cryptopay_django",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "example_project.config.middleware.content_security_policy",
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

ROOT_URLCONF = "example_project.config.urls"
WSGI_APPLICATION = "example_project.config.wsgi.application"

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("SHOP_DATABASE") or VAR_DIR / "db.sqlite3",
        "OPTIONS": {
            # Callbacks arrive in parallel. IMMEDIATE takes SQLite's one write lock when a transaction
            # starts, where waiting for it helps; the default takes it at the first write, where a
            # second writer is refused at once. WAL lets pages be read while something is written.
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL;",
        },
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "shop:login"
LOGIN_REDIRECT_URL = "shop:account"
LOGOUT_REDIRECT_URL = "shop:catalogue"

STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-gb"

SHOP_OUTBOX = VAR_DIR / "outbox"
"""Where the "warehouse" takes its shipment requests from: one file for each."""

# Crypto payments. The defaults are those of `python -m cryptopay_django.sandbox`; real values come from
# the gateway's business account, and are secrets.
SANDBOX_PORT = os.environ.get("SANDBOX_PORT", "8100")
CRYPTOPAY_ACCOUNTS = {
    "default": {
        "API_KEY": os.environ.get("CRYPTOPAY_API_KEY", "sandbox-api-key"),
        "API_SECRET": os.environ.get("CRYPTOPAY_API_SECRET", "sandbox-api-secret"),
        "CALLBACK_SECRETS": [os.environ.get("CRYPTOPAY_CALLBACK_SECRET", "sandbox-callback-secret")],
        "BASE_URL": os.environ.get("CRYPTOPAY_BASE_URL", f"http://127.0.0.1:{SANDBOX_PORT}"),
    }
}
CRYPTOPAY_SHOP_NAME = "Tern & Tide"
CRYPTOPAY_SUPPORT_EMAIL = "help@tern-and-tide.example"
CRYPTOPAY_REQUIRED_EVENTS = ["invoice_completed", "channel_payment_completed"]
CRYPTOPAY_NEW_INVOICE_URL = "example_project.shop.checkout.where_to_pay_again"
CRYPTOPAY_OFFERED_COINS = ["BTC/bitcoin", "ETH/ethereum", "USDT", "XRP/ripple", "LTC/litecoin", "SOL/solana"]
