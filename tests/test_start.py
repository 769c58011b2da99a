"""A process that starts with the app installed imports no part, and no library, that it does not use yet."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROGRAM = """
import json, sys, django
from django.conf import settings
settings.configure(INSTALLED_APPS={apps!r}, CRYPTOPAY_ACCOUNTS={{}})
django.setup()
{then}
print(json.dumps(sorted(sys.modules)))
"""
APPS = ("django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "django.contrib.messages")
ADMIN = "django.contrib.admin"

HTTP = {"requests", "urllib3", "cryptopay_django.gateway.client", "cryptopay_django.gateway.calls"}
LIBRARIES = {
    "babel", "drf_spectacular", "fpdf", "prometheus_client", "rest_framework", "segno", "uharfbuzz", "xlsxwriter",
}  # fmt: skip
NEVER_AT_START = {*HTTP, *LIBRARIES, "cryptopay_django.api", "cryptopay_django.sandbox", "cryptopay_django.testing"}
WITHOUT_THE_ADMIN = {
    "base58", "bech32", "opentelemetry", "cryptopay_django.admin", "cryptopay_django.checks.accounts",
    "cryptopay_django.checks.urls", "cryptopay_django.gateway.schemas", "cryptopay_django.mails",
    "cryptopay_django.pages", "cryptopay_django.services",
}  # fmt: skip


def modules_after_setup(apps, then=""):
    """Return the names of all modules in a new process, after `django.setup()` with these apps."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM.format(apps=list(apps), then=then)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


def test_a_process_with_the_app_imports_nothing_that_it_does_not_use_yet():
    loaded = modules_after_setup([*APPS, "cryptopay_django"])

    assert loaded & (NEVER_AT_START | WITHOUT_THE_ADMIN) == set()


def test_the_admin_brings_no_http_client_and_none_of_the_libraries():
    loaded = modules_after_setup([ADMIN, *APPS, "cryptopay_django"])

    assert "cryptopay_django.admin.invoice" in loaded
    assert loaded & NEVER_AT_START == set()


def test_the_services_are_imported_without_an_http_client():
    loaded = modules_after_setup([*APPS, "cryptopay_django"], "import cryptopay_django.services")

    assert loaded & HTTP == set()


def test_a_project_without_the_models_of_auth_includes_our_urls():
    without_auth = [app for app in APPS if app.endswith("contenttypes")]

    loaded = modules_after_setup([*without_auth, "cryptopay_django"], "import cryptopay_django.urls")

    assert "cryptopay_django.pages.counter" in loaded
    assert "django.contrib.auth.models" not in loaded


@pytest.mark.parametrize("name", sorted(NEVER_AT_START | WITHOUT_THE_ADMIN))
def test_each_of_these_names_is_one_of_a_module(name):
    # A name that is spelt wrong, or was changed, would be absent for ever.
    pytest.importorskip(name)
    assert name in sys.modules
